"""The connection string of each driver: the same options, two spellings, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapters.interface import SourceError
from adapters.sqlserver.freetds import FREETDS_FILE
from adapters.sqlserver.options import SqlServerOptions


def _check_freetds(options: SqlServerOptions) -> None:
    if options.tls.server_name is not None:
        raise SourceError(
            "S110",
            "FreeTDS checks a certificate against the host in the url only: tls_server_name needs another driver",
            "driver: ODBC Driver 18 for SQL Server",
        )
    for value in (options.user, options.password, options.database):
        _freetds_braces(value)


def _freetds(options: SqlServerOptions) -> dict[str, str]:
    return {"SERVERNAME": FREETDS_FILE.section_of(options)}


def _check_microsoft(options: SqlServerOptions) -> None:
    if options.tls.authority is not None:
        raise SourceError(
            "S110",
            "Microsoft's driver knows the system's authorities only: tls_ca needs another driver",
            "add the authority to the system's, or use driver: FreeTDS",
        )


def _microsoft(options: SqlServerOptions) -> dict[str, str]:
    keywords = {
        "SERVER": f"tcp:{options.host},{options.port}",
        "Encrypt": "no" if options.tls.mode == "off" else "yes",
        "TrustServerCertificate": "no" if options.tls.mode == "verify" else "yes",
        "MARS_Connection": "no",
    }
    if options.tls.server_name is not None:
        keywords["HostNameInCertificate"] = options.tls.server_name
    return keywords


def _braces(value: str) -> str:
    return "{" + value.replace("}", "}}") + "}"


def _freetds_braces(value: str) -> str:
    """FreeTDS reads to the first `}` before a semicolon (or the end), and takes what is inside as it is."""
    if "};" in value:
        raise SourceError("S110", "FreeTDS cannot be given a user, password or database that holds '};'")
    return "{" + value + "}"


@dataclass(frozen=True, slots=True)
class Driver:
    """A driver the adapter knows: words in its name or path, what it cannot do (S110), its keywords, and how it quotes."""

    words: tuple[str, ...]
    check: Callable[[SqlServerOptions], None]
    keywords: Callable[[SqlServerOptions], Mapping[str, str]]
    quoted: Callable[[str], str]


DRIVERS: tuple[Driver, ...] = (
    Driver(("freetds", "tdsodbc"), _check_freetds, _freetds, _freetds_braces),
    Driver(("odbc driver 17 for sql server", "odbc driver 18 for sql server", "msodbcsql"), _check_microsoft, _microsoft, _braces),
)


def driver_of(options: SqlServerOptions) -> Driver:
    """Raises SourceError S110 for a driver whose way to check certificates is not known, or that cannot do what the options say."""
    for driver in DRIVERS:
        if any(word in options.driver.lower() for word in driver.words):
            driver.check(options)
            return driver
    raise SourceError("S110", f"the driver '{options.driver}' is not known", "driver: FreeTDS, or ODBC Driver 18 for SQL Server")


def connection_string(options: SqlServerOptions) -> str:
    """For pyodbc. It holds the password: it must not be logged or shown."""
    driver = driver_of(options)
    keywords = {"DRIVER": _braces(options.driver), **driver.keywords(options)}
    keywords |= {
        name: driver.quoted(value) for name, value in (("DATABASE", options.database), ("UID", options.user), ("PWD", options.password))
    }
    keywords["APP"] = "hospital-gateway"
    return "".join(f"{name}={value};" for name, value in keywords.items())
