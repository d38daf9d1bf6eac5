"""What a Hive source is told in node.yaml or gateway.toml, as one typed value. Wrong options are S110 before anything is opened."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args
from urllib.parse import unquote, urlsplit

from adapters.interface import SourceError
from catalog.model import Source
from catalog.source_tables import SqlTable

Authentication = Literal["none", "nosasl", "ldap", "kerberos"]
Tls = Literal["off", "require", "verify"]

DEFAULT_PORT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HiveOptions:
    """Where HiveServer2 is and how to log in. `session` are Hive settings of each session; times are in seconds."""

    host: str
    port: int
    database: str
    auth: Authentication = "none"
    user: str = "hospital-gateway"
    password: str | None = field(default=None, repr=False)
    kerberos_service: str = "hive"
    tls: Tls = "off"
    tls_ca: str | None = None
    tls_server_name: str | None = None
    connect_timeout: float = 10.0
    slots: int = 4
    session: Mapping[str, str] = field(default_factory=dict)


def hive_options(source: Source) -> HiveOptions:
    """Raises SourceError S110, which names what is allowed."""
    if not all(isinstance(table, SqlTable) for table in source.tables.values()):
        raise SourceError("S110", "a Hive source has tables with columns, not with a row key")
    host, port, database = _address(source.url or "")
    values: dict[str, Any] = {}
    for name, value in source.options.items():
        if name not in _READERS:
            raise SourceError("S110", f"a Hive source has no option '{name}'", f"options: {', '.join(_READERS)}")
        values[name] = _READERS[name](name, value)
    if values.get("auth") == "ldap":
        values.setdefault("tls", "verify")  # a password crosses the network in the clear only if somebody wrote tls: off
    options = HiveOptions(host=host, port=port, database=database, **values)
    if options.auth == "ldap" and options.password is None:
        raise SourceError("S110", "auth = ldap needs the options user and password")
    if options.tls == "off" and (options.tls_ca or options.tls_server_name):
        raise SourceError("S110", "tls_ca and tls_server_name say nothing while tls is off", "tls: verify")
    return options


def _address(url: str) -> tuple[str, int, str]:
    form = "a Hive source takes a url of the form hive://host:port/database"
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORT
    except ValueError:
        raise SourceError("S110", form) from None
    if parts.username or parts.password:
        raise SourceError("S110", "the account is not written into the url of a source", "options: user, password")
    database = unquote(parts.path.strip("/")) or "default"
    if parts.scheme != "hive" or not parts.hostname or "/" in database or parts.query or parts.fragment:
        raise SourceError("S110", form)
    return parts.hostname, port, database


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise SourceError("S110", f"option '{name}' of a Hive source is a text")
    return value


def _one_of(*allowed: str) -> Callable[[str, object], str]:
    def read(name: str, value: object) -> str:
        word = "off" if value is False else value  # YAML reads off as false
        if word not in allowed:
            raise SourceError("S110", f"option '{name}' of a Hive source is one of {', '.join(allowed)}")
        return str(word)

    return read


def _seconds(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise SourceError("S110", f"option '{name}' of a Hive source is a number of seconds above 0")
    return float(value)


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 64:
        raise SourceError("S110", f"option '{name}' of a Hive source is a whole number from 1 to 64")
    return value


def _settings(name: str, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise SourceError("S110", f"option '{name}' of a Hive source maps Hive settings to their values")
    found: dict[str, str] = {}
    for key, setting in value.items():
        if not isinstance(key, str) or not re.fullmatch(r"[A-Za-z0-9_.-]+", key) or isinstance(setting, Mapping | list):
            raise SourceError("S110", f"option '{name}' of a Hive source maps Hive settings to their values")
        if key in _RESERVED:
            raise SourceError("S110", f"the setting {key} of a Hive session belongs to the gateway")
        found[key] = str(setting).lower() if isinstance(setting, bool) else str(setting)
    return found


NO_SUBSTITUTION: Mapping[str, str] = {"hive.variable.substitute": "false"}
"""Needed in each session: `${...}` in a constant is text."""

NO_ANTI_JOIN: Mapping[str, str] = {"hive.auto.convert.anti.join": "false"}
"""Needed from Hive 4 on, unknown before: 4.0.1 loses the rows with a NULL key of a left join whose partner is asked to be NULL."""

UTC: Mapping[str, str] = {"hive.local.time.zone": "UTC"}
"""Wished for: instants come in UTC. Under SQL-standard authorization no client may set it unless the administrator allows it;
then only tables with instants cannot be read."""

_RESERVED = {**NO_SUBSTITUTION, **NO_ANTI_JOIN, **UTC}

_READERS: Mapping[str, Callable[[str, object], Any]] = {
    "auth": _one_of(*get_args(Authentication)),
    "user": _text,
    "password": _text,
    "kerberos_service": _text,
    "tls": _one_of(*get_args(Tls)),
    "tls_ca": _text,
    "tls_server_name": _text,
    "connect_timeout": _seconds,
    "slots": _count,
    "session": _settings,
}
