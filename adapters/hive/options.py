"""What a Hive source is told in node.yaml or gateway.toml, as one typed value. Wrong options are S110 before anything is opened."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.interface import SourceError
from adapters.source_options import (
    ACCOUNT_OPTIONS,
    CONNECT_TIMEOUT,
    CONNECTION_OPTIONS,
    SLOTS_DEFAULT,
    TEXT,
    TLS_OPTIONS,
    Address,
    Option,
    Tls,
    one_of,
    read_address,
    read_options,
    read_tls,
    require_sql_tables,
)
from catalog.model import Source

_KIND = "Hive"
_FORM = "hive://HOST[:PORT][/DATABASE]"


@dataclass(frozen=True, slots=True, kw_only=True)
class HiveOptions:
    """Where HiveServer2 is and how to log in. `auth` is none, nosasl, ldap or kerberos; `session` are Hive settings of each session;
    times are in seconds."""

    address: Address
    database: str
    auth: str = "none"
    user: str = "hospital-gateway"
    password: str | None = field(default=None, repr=False)
    kerberos_service: str = "hive"
    tls: Tls = Tls("off")  # noqa: RUF009  (a frozen value)
    connect_timeout: float = CONNECT_TIMEOUT
    slots: int = SLOTS_DEFAULT
    session: Mapping[str, str] = field(default_factory=dict)


def hive_options(source: Source) -> HiveOptions:
    """Raises SourceError S110, which names what is allowed."""
    require_sql_tables(_KIND, source)
    address = read_address(_KIND, source.url, _FORM, {"hive": 10_000})
    if len(address.path) > 1:
        raise SourceError("S110", "the url of the Hive source names more than a database", f"form: {_FORM}")
    given = read_options(_KIND, source.options, _KNOWN)
    with_password = given.get("auth") == "ldap"
    if with_password and "password" not in given:
        raise SourceError("S110", "auth = ldap needs the options user and password")
    if "password" in given and not with_password:
        raise SourceError("S110", "a password says nothing without auth = ldap", "auth: ldap sends it, under TLS unless tls is off")
    # A password crosses the network in the clear only if somebody wrote tls: off.
    tls = read_tls(_KIND, given, "verify" if with_password else "off")
    return HiveOptions(address=address, database="".join(address.path) or "default", tls=tls, **given)


NO_SUBSTITUTION: Mapping[str, str] = {"hive.variable.substitute": "false"}
"""Needed in each session: `${...}` in a constant is text."""

NO_ANTI_JOIN: Mapping[str, str] = {"hive.auto.convert.anti.join": "false"}
"""Needed from Hive 4 on, unknown before: 4.0.1 loses the rows with a NULL key of a left join whose partner is asked to be NULL."""

UTC: Mapping[str, str] = {"hive.local.time.zone": "UTC"}
"""Wished for: instants come in UTC. Under SQL-standard authorization no client may set it unless the administrator allows it;
then only tables with instants cannot be read."""

_RESERVED = {**NO_SUBSTITUTION, **NO_ANTI_JOIN, **UTC}


def _settings(value: object) -> Mapping[str, str] | None:
    if not isinstance(value, Mapping):
        return None
    found: dict[str, str] = {}
    for name, setting in value.items():
        spelled = isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_.-]+", name)
        if not spelled or name in _RESERVED or isinstance(setting, Mapping | list):
            return None
        found[name] = str(setting).lower() if isinstance(setting, bool) else str(setting)
    return found


_KNOWN = {
    "auth": one_of("none", "nosasl", "ldap", "kerberos"),
    **ACCOUNT_OPTIONS,
    "kerberos_service": TEXT,
    **TLS_OPTIONS,
    **CONNECTION_OPTIONS,
    "session": Option(f"Hive settings with their values, without those that belong to the gateway ({', '.join(_RESERVED)})", _settings),
}
