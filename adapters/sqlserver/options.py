"""The options of a SQL Server source as one checked value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from adapters.interface import SourceError
from catalog.model import Source
from catalog.source_tables import SqlTable

Tls = Literal["off", "require", "verify"]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "user": (str,),
    "password": (str,),
    "schema": (str,),
    "tls": (str,),
    "tls_ca": (str,),
    "tls_server_name": (str,),
    "driver": (str,),
    "connect_timeout": (int, float),
    "slots": (int,),
}
_FORM = "sqlserver://HOST[:PORT]/DATABASE"
_TLS: tuple[Tls, ...] = ("off", "require", "verify")


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlServerOptions:
    """Where the source is and who asks. `connect_timeout` is in seconds; `tls_ca` None means the system's roots.

    `driver` is the name of an ODBC driver in odbcinst.ini, or the path of its library.
    """

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    schema: str = "dbo"
    tls: Tls = "verify"
    tls_ca: str | None = None
    tls_server_name: str | None = None
    driver: str = "FreeTDS"
    connect_timeout: float = 10
    slots: int = 4


def read_options(source: Source) -> SqlServerOptions:
    """Raises SourceError S110 that names what is allowed."""
    if not all(isinstance(table, SqlTable) for table in source.tables.values()):
        raise SourceError("S110", "a SQL Server source has tables with columns, not with a row key")
    given = _checked(source.options)
    missing = [name for name in ("user", "password") if name not in given]
    if missing:
        raise SourceError("S110", f"a SQL Server source needs the option '{missing[0]}'", "password: env:NAME keeps it out of the file")
    if given.get("tls", "verify") not in _TLS:
        raise SourceError("S110", f"option 'tls' of a SQL Server source is none of {', '.join(_TLS)}")
    if given.get("tls", "verify") != "verify" and ("tls_ca" in given or "tls_server_name" in given):
        raise SourceError(
            "S110", "tls_ca and tls_server_name of a SQL Server source need tls: verify", "without it no certificate is checked"
        )
    authority = given.get("tls_ca")
    if authority is not None and ("\n" in authority or not Path(authority).is_file()):
        raise SourceError("S110", "option 'tls_ca' of a SQL Server source names no file")
    host, port, database = _place(source.url)
    return SqlServerOptions(host=host, port=port, database=database, **given)


def _checked(given: Mapping[str, object]) -> dict[str, Any]:  # narrowed by _TYPES
    for name, value in given.items():
        if name not in _TYPES:
            raise SourceError("S110", f"a SQL Server source has no option '{name}'", f"options: {', '.join(_TYPES)}")
        if isinstance(value, bool) or not isinstance(value, _TYPES[name]) or value == "":
            kind = "a number" if _TYPES[name] != (str,) else "a text"
            raise SourceError("S110", f"option '{name}' of a SQL Server source is not {kind}")
        if isinstance(value, str) and any(sign < " " for sign in value):
            raise SourceError("S110", f"option '{name}' of a SQL Server source has a control character")
        if isinstance(value, int | float) and not 0 < value <= 3600:
            raise SourceError("S110", f"option '{name}' of a SQL Server source is not between 0 and 3600")
    return dict(given)


def _place(url: str | None) -> tuple[str, int, str]:
    wrong = SourceError("S110", "the url of a SQL Server source cannot be read", f"form: {_FORM}")
    try:
        parts = urlsplit(url or "")
        host, port = parts.hostname or "", parts.port or 1433
    except ValueError:
        raise wrong from None
    database = unquote(parts.path.removeprefix("/"))
    if parts.username is not None or parts.password is not None:
        raise SourceError("S110", "the url of a SQL Server source holds an account", "give the options user and password")
    named = host and all(sign.isalnum() or sign in ".-_:" for sign in host)
    if parts.scheme != "sqlserver" or not named or not database or any(sign in "/;{}" or sign < " " for sign in database):
        raise wrong
    if parts.query or parts.fragment:
        raise wrong
    return host, port, database
