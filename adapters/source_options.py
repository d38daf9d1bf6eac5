"""Options and url of a source as typed values, alike in every adapter: what is wrong is S110, which names what is allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args
from unicodedata import category
from urllib.parse import unquote, urlsplit

from adapters.interface import SourceError
from catalog.model import Source
from catalog.source_tables import SqlTable

TlsMode = Literal["off", "require", "verify"]
"""No TLS; TLS that believes any certificate; TLS whose certificate must be signed by the authority and name the server."""


@dataclass(frozen=True, slots=True)
class Tls:
    """`authority` is the path of a PEM file, None the system's roots; `server_name` None the host's name."""

    mode: TlsMode
    authority: str | None = None
    server_name: str | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """`read` gives the value, or None where it does not fit; `form` says in words what fits."""

    form: str
    read: Callable[[object], Any]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a source is. `path` are the parts after the port, unquoted."""

    scheme: str
    host: str
    port: int
    path: tuple[str, ...]


def one_of(*words: str) -> Option:
    def read(value: object) -> str | None:
        word = "off" if value is False else value  # YAML 1.1 reads off as false, and many write it so
        return word if isinstance(word, str) and word in words else None

    return Option(f"one of {', '.join(words)}", read)


TEXT = Option(
    "a text without control characters",
    lambda value: value if isinstance(value, str) and value and not any(category(sign) in ("Cc", "Cs") for sign in value) else None,
)
SECRET = Option(
    "a text",
    lambda value: (
        value if isinstance(value, str) and value and not any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in value) else None
    ),
)
HEADER = Option(
    "a text of ASCII signs without spaces, as HTTP headers carry it",
    lambda value: value if isinstance(value, str) and value and all("!" <= sign <= "~" for sign in value) else None,
)
FILE = Option(
    "the path of a file that is there", lambda value: value if isinstance(value, str) and value and Path(value).is_file() else None
)
SECONDS = Option(
    "a number of seconds, above 0 and at most 600",
    lambda value: float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 600 else None,
)
SLOTS = Option(
    "a whole number from 1 to 64",
    lambda value: value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 64 else None,
)

TLS_OPTIONS: Mapping[str, Option] = {"tls": one_of(*get_args(TlsMode)), "tls_ca": FILE, "tls_server_name": TEXT}
CONNECTION_OPTIONS: Mapping[str, Option] = {"connect_timeout": SECONDS, "slots": SLOTS}
ACCOUNT_OPTIONS: Mapping[str, Option] = {"user": TEXT, "password": SECRET}

CONNECT_TIMEOUT = 10.0
SLOTS_DEFAULT = 4


def read_options(kind: str, given: Mapping[str, object], known: Mapping[str, Option]) -> dict[str, Any]:
    """The given options as their values. `kind` names the source in errors ("Hive"). Raises SourceError S110; never shows a value."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            raise SourceError("S110", f"the {kind} source has no option '{name}'", f"options: {', '.join(known)}")
        read = known[name].read(value)
        if read is None:
            raise SourceError("S110", f"option '{name}' of the {kind} source does not fit", f"{name}: {known[name].form}")
        found[name] = read
    return found


def read_tls(kind: str, found: dict[str, Any], default: TlsMode) -> Tls:
    """Takes the options of TLS out of `found`. Raises SourceError S110 where they contradict each other."""
    mode: TlsMode = found.pop("tls", default)
    authority, server_name = found.pop("tls_ca", None), found.pop("tls_server_name", None)
    if mode != "verify" and (authority or server_name):
        raise SourceError(
            "S110",
            f"tls_ca and tls_server_name of the {kind} source say nothing under tls: {mode}",
            "only tls: verify checks a certificate",
        )
    return Tls(mode, authority, server_name)


def read_address(kind: str, url: str | None, form: str, ports: Mapping[str, int], *, parts: int | None = None) -> Address:
    """The address in a url of the given form. `ports`: each scheme with its default port; `parts`: how many the path must have.

    Raises SourceError S110. A url with an account in it is refused, because urls are shown.
    """
    wrong = SourceError("S110", f"the url of the {kind} source cannot be read", f"form: {form}")
    try:
        split = urlsplit(url or "")
        port = split.port
    except ValueError:
        raise wrong from None
    if split.username is not None or split.password is not None:
        raise SourceError(
            "S110",
            f"the url of the {kind} source holds an account, and urls are shown",
            f"form: {form}; the account has options of its own",
        )
    host = split.hostname or ""
    path = tuple(unquote(part) for part in split.path.removesuffix("/").split("/")[1:])
    named = bool(host) and all(sign.isalnum() or sign in "-_.:%" for sign in host)
    if split.scheme not in ports or not named or split.query or split.fragment or port == 0:
        raise wrong
    if parts is not None and (len(path) != parts or not all(path)):
        raise wrong
    if any(sign < " " for part in path for sign in part):
        raise wrong
    return Address(split.scheme, host, port or ports[split.scheme], path)


def require_sql_tables(kind: str, source: Source) -> None:
    """Raises SourceError S110 if a table is declared by a row key."""
    if not all(isinstance(table, SqlTable) for table in source.tables.values()):
        raise SourceError("S110", f"the {kind} source has tables with columns, not with a row key")
