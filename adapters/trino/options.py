"""The options of a Trino source as one checked value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import SplitResult, unquote, urlsplit

from adapters.interface import SourceError
from catalog.model import Source

Tls = Literal["off", "require", "verify"]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "user": (str,),
    "password": (str,),
    "token": (str,),
    "tls": (str,),
    "tls_ca": (str,),
    "tls_server_name": (str,),
    "connect_timeout": (int, float),
    "slots": (int,),
}
_FORM = "trino://HOST[:PORT]/CATALOG/SCHEMA"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrinoOptions:
    """Where the source is and who asks. `connect_timeout` is in seconds; `tls_ca` is the path of a PEM file, None the system's roots."""

    host: str
    port: int
    catalog: str
    schema: str
    user: str | None
    password: str | None = field(repr=False)
    token: str | None = field(repr=False)
    tls: Tls
    tls_ca: str | None
    tls_server_name: str | None
    connect_timeout: float
    slots: int


def read_options(source: Source) -> TrinoOptions:
    """Raises SourceError S110 that names what is allowed."""
    given = _checked(source.options)
    url, catalog, schema = _place(source.url)
    password, token, user = given.get("password"), given.get("token"), given.get("user")
    if password is not None and token is not None:
        raise SourceError("S110", "a Trino source takes a password or a token, not both")
    if user is None and token is None:
        raise SourceError("S110", "a Trino source needs the option 'user'", "with a token it may be left out")
    secret = password is not None or token is not None
    tls = given.get("tls", "verify" if secret else "off")
    if tls not in ("off", "require", "verify"):
        raise SourceError("S110", "option 'tls' of a Trino source is none of off, require, verify")
    if secret and tls == "off":
        raise SourceError(
            "S110", "a password or token is not sent without TLS", "tls: verify, with tls_ca where the hospital signs its own"
        )
    for name in ("user", "token"):
        if not all(32 < ord(sign) < 127 for sign in str(given.get(name, ""))):
            raise SourceError("S110", f"option '{name}' of a Trino source has a sign that an HTTP header cannot carry")
    if user is not None and password is not None and ":" in user:
        raise SourceError("S110", "option 'user' of a Trino source has a colon, which basic authentication cannot carry")
    return TrinoOptions(
        host=url.hostname or "",
        port=url.port or (8080 if tls == "off" else 443),
        catalog=catalog,
        schema=schema,
        user=user,
        password=password,
        token=token,
        tls=tls,
        tls_ca=given.get("tls_ca"),
        tls_server_name=given.get("tls_server_name"),
        connect_timeout=float(given.get("connect_timeout", 10)),
        slots=given.get("slots", 4),
    )


def _checked(given: Mapping[str, object]) -> dict[str, Any]:
    for name, value in given.items():
        if name not in _TYPES:
            raise SourceError("S110", f"a Trino source has no option '{name}'", f"options: {', '.join(_TYPES)}")
        if isinstance(value, bool) or not isinstance(value, _TYPES[name]) or value == "":
            kind = " or ".join(type.__name__ for type in _TYPES[name])
            raise SourceError("S110", f"option '{name}' of a Trino source is not a value of type {kind}")
        if isinstance(value, int | float) and not 0 < value <= 3600:
            raise SourceError("S110", f"option '{name}' of a Trino source is not between 0 and 3600")
    return dict(given)


def _place(url: str | None) -> tuple[SplitResult, str, str]:
    try:
        found = urlsplit(url or "")
        port_is_number = found.port is None or found.port > 0
    except ValueError:
        raise SourceError("S110", f"the url of a Trino source is not {_FORM}") from None
    path = [unquote(part) for part in found.path.split("/")[1:]]
    whole = found.scheme == "trino" and found.hostname and port_is_number and len(path) == 2 and all(path)
    if not whole or found.query or found.fragment or found.username is not None:
        raise SourceError("S110", f"the url of a Trino source is not {_FORM}", "user and password are options of their own")
    return found, path[0], path[1]
