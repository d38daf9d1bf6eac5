"""What a PostgreSQL source is told in node.yaml or gateway.toml, as one typed value. Wrong options are S110 before anything is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args
from urllib.parse import unquote, urlsplit

from adapters.interface import SourceError
from catalog.model import Source
from catalog.source_tables import SqlTable

Tls = Literal["off", "require", "verify"]

_DEFAULT_PORT = 5432
_FORM = "a PostgreSQL source takes a url of the form postgresql://host:port/database"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresOptions:
    """Where the database is and how to log in. `connect_timeout` in seconds; `slots`: connections, and so reads at the same time.

    TLS is `verify` unless told otherwise: the certificate must be signed by `tls_ca` (None: by whom the system trusts) and name the
    host, or `tls_server_name`.
    """

    host: str
    port: int
    database: str
    user: str
    password: str | None = field(default=None, repr=False)
    schema: str = "public"
    tls: Tls = "verify"
    tls_ca: str | None = None
    tls_server_name: str | None = None
    connect_timeout: float = 10.0
    slots: int = 4


def postgres_options(source: Source) -> PostgresOptions:
    """Raises SourceError S110, which names what is allowed."""
    if not all(isinstance(table, SqlTable) for table in source.tables.values()):
        raise SourceError("S110", "a PostgreSQL source has tables with columns, not with a row key")
    host, port, database = _address(source.url or "")
    values: dict[str, Any] = {}
    for name, value in source.options.items():
        if name not in _READERS:
            raise SourceError("S110", f"a PostgreSQL source has no option '{name}'", f"options: {', '.join(_READERS)}")
        values[name] = _READERS[name](name, value)
    if "user" not in values:
        raise SourceError("S110", "a PostgreSQL source needs the option user", "the account should be able to read, and nothing else")
    options = PostgresOptions(host=host, port=port, database=database, **values)
    if options.tls == "off" and (options.tls_ca or options.tls_server_name):
        raise SourceError("S110", "tls_ca and tls_server_name say nothing while tls is off", "tls: verify")
    if options.tls == "require" and (options.tls_ca or options.tls_server_name):
        raise SourceError("S110", "tls: require checks no certificate, so tls_ca and tls_server_name say nothing", "tls: verify")
    return options


def _address(url: str) -> tuple[str, int, str]:
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORT
    except ValueError:
        raise SourceError("S110", _FORM) from None
    if parts.username is not None or parts.password is not None:
        raise SourceError("S110", "the account is not written into the url of a source", "options: user, password")
    database = unquote(parts.path.removeprefix("/"))
    fits = parts.scheme in ("postgresql", "postgres") and parts.hostname and database and not parts.query and not parts.fragment
    if not fits or parts.hostname is None or "," in parts.hostname or "/" in parts.hostname:
        raise SourceError("S110", _FORM)
    return parts.hostname, port, database


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise SourceError("S110", f"option '{name}' of a PostgreSQL source is a text")
    return value


def _tls(name: str, value: object) -> str:
    word = "off" if value is False else value  # YAML reads off as false
    if word not in get_args(Tls):
        raise SourceError("S110", f"option '{name}' of a PostgreSQL source is one of {', '.join(get_args(Tls))}")
    return str(word)


def _seconds(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 600:
        raise SourceError("S110", f"option '{name}' of a PostgreSQL source is a number of seconds above 0, at most 600")
    return float(value)


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 64:
        raise SourceError("S110", f"option '{name}' of a PostgreSQL source is a whole number from 1 to 64")
    return value


_READERS: Mapping[str, Callable[[str, object], Any]] = {
    "user": _text,
    "password": _text,
    "schema": _text,
    "tls": _tls,
    "tls_ca": _text,
    "tls_server_name": _text,
    "connect_timeout": _seconds,
    "slots": _count,
}
