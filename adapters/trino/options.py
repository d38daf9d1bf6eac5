"""The options of a Trino source as one checked value."""

from __future__ import annotations

from dataclasses import dataclass, field

from adapters.interface import SourceError
from adapters.source_options import (
    CONNECT_TIMEOUT,
    CONNECTION_OPTIONS,
    HEADER,
    SECRET,
    SLOTS_DEFAULT,
    TLS_OPTIONS,
    Address,
    Tls,
    read_address,
    read_tls,
    require_sql_tables,
)
from adapters.source_options import read_options as read_known
from catalog.model import Source

_KIND = "Trino"
_FORM = "trino://HOST[:PORT]/CATALOG/SCHEMA"
_KNOWN = {"user": HEADER, "password": SECRET, "token": HEADER, **TLS_OPTIONS, **CONNECTION_OPTIONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrinoOptions:
    """Where the source is and who asks. `connect_timeout` is in seconds."""

    address: Address
    catalog: str
    schema: str
    tls: Tls
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    connect_timeout: float = CONNECT_TIMEOUT
    slots: int = SLOTS_DEFAULT


def read_options(source: Source) -> TrinoOptions:
    """Raises SourceError S110 that names what is allowed."""
    require_sql_tables(_KIND, source)
    given = read_known(_KIND, source.options, _KNOWN)
    if "password" in given and "token" in given:
        raise SourceError("S110", "a Trino source takes a password or a token, not both")
    if "user" not in given and "token" not in given:
        raise SourceError("S110", "a Trino source needs the option 'user'", "with a token it may be left out")
    secret = "password" in given or "token" in given
    tls = read_tls(_KIND, given, "verify" if secret else "off")
    if secret and tls.mode == "off":
        raise SourceError(
            "S110", "a password or token is not sent without TLS", "tls: verify, with tls_ca where the hospital signs its own"
        )
    if "password" in given and ":" in given["user"]:
        raise SourceError("S110", "option 'user' of a Trino source has a colon, which basic authentication cannot carry")
    address = read_address(_KIND, source.url, _FORM, {"trino": 8080 if tls.mode == "off" else 443}, parts=2)
    catalog, schema = address.path
    return TrinoOptions(address=address, catalog=catalog, schema=schema, tls=tls, **given)
