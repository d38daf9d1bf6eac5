"""What a PostgreSQL source is told in node.yaml or gateway.toml, as one typed value. Wrong options are S110 before anything is opened."""

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
    read_options,
    read_tls,
    require_sql_tables,
)
from catalog.model import Source

_KIND = "PostgreSQL"
_FORM = "postgresql://HOST[:PORT]/DATABASE"
_PORTS = {"postgresql": 5432, "postgres": 5432}
_KNOWN = {**ACCOUNT_OPTIONS, "schema": TEXT, **TLS_OPTIONS, **CONNECTION_OPTIONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresOptions:
    """Where the database is and how to log in. `connect_timeout` in seconds; `slots`: connections, and so reads at the same time."""

    host: str
    port: int
    database: str
    user: str
    password: str | None = field(default=None, repr=False)
    schema: str = "public"
    tls: Tls = Tls("verify")  # noqa: RUF009  (a frozen value)
    connect_timeout: float = CONNECT_TIMEOUT
    slots: int = SLOTS_DEFAULT


def postgres_options(source: Source) -> PostgresOptions:
    """Raises SourceError S110, which names what is allowed."""
    require_sql_tables(_KIND, source)
    given = read_options(_KIND, source.options, _KNOWN)
    if "user" not in given:
        raise SourceError("S110", "a PostgreSQL source needs the option user", "the account should be able to read, and nothing else")
    tls = read_tls(_KIND, given, "verify")
    address = read_address(_KIND, source.url, _FORM, _PORTS, parts=1)
    return PostgresOptions(host=address.host, port=address.port, database=address.path[0], tls=tls, **given)
