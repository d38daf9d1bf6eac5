"""The options of a SQL Server source as one checked value."""

from __future__ import annotations

from dataclasses import dataclass, field

from adapters.interface import SourceError
from adapters.source_options import (
    ACCOUNT_OPTIONS,
    CONNECT_TIMEOUT,
    CONNECTION_OPTIONS,
    SLOTS_DEFAULT,
    TEXT,
    TLS_OPTIONS,
    Tls,
    read_address,
    read_tls,
    require_sql_tables,
)
from adapters.source_options import read_options as read_known
from catalog.model import Source

_KIND = "SQL Server"
_FORM = "sqlserver://HOST[:PORT]/DATABASE"
_KNOWN = {**ACCOUNT_OPTIONS, "schema": TEXT, **TLS_OPTIONS, "driver": TEXT, **CONNECTION_OPTIONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlServerOptions:
    """Where the source is and who asks. `connect_timeout` is in seconds.

    `driver` is the name of an ODBC driver in odbcinst.ini, or the path of its library.
    """

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    schema: str = "dbo"
    tls: Tls = Tls("verify")  # noqa: RUF009  (a frozen value)
    driver: str = "FreeTDS"
    connect_timeout: float = CONNECT_TIMEOUT
    slots: int = SLOTS_DEFAULT


def read_options(source: Source) -> SqlServerOptions:
    """Raises SourceError S110 that names what is allowed."""
    require_sql_tables(_KIND, source)
    given = read_known(_KIND, source.options, _KNOWN)
    for name in ACCOUNT_OPTIONS:
        if name not in given:
            raise SourceError("S110", f"a SQL Server source needs the option '{name}'", "password: env:NAME keeps it out of the file")
    tls = read_tls(_KIND, given, "verify")
    address = read_address(_KIND, source.url, _FORM, {"sqlserver": 1433}, parts=1)
    (database,) = address.path
    return SqlServerOptions(host=address.host, port=address.port, database=database, tls=tls, **given)
