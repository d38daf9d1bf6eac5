"""The options of an HBase source: its url, transport, TLS, and who is impersonated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, cast
from urllib.parse import urlsplit

from adapters.interface import SourceError
from catalog.model import Source

Tls = Literal["off", "require", "verify"]

URLS = "cells:DIR, thrift://HOST:PORT, http://HOST:PORT/ or https://HOST:PORT/"
_DEFAULT_PORT = 9090


@dataclass(frozen=True, slots=True, kw_only=True)
class ThriftOptions:
    """How to reach a Thrift server. `connect_timeout` in seconds; `slots`: connections, and so reads at the same time."""

    scheme: Literal["thrift", "http", "https"]
    host: str
    port: int
    path: str = "/"
    transport: Literal["framed", "buffered"] = "framed"
    do_as: str | None = field(default=None, repr=False)
    tls: Tls = "off"
    tls_ca: str | None = None
    tls_server_name: str | None = None
    connect_timeout: float = 10.0
    slots: int = 4

    @property
    def is_http(self) -> bool:
        return self.scheme != "thrift"


def thrift_options(source: Source) -> ThriftOptions:
    """Raises SourceError S110 for a url or an option that does not fit, which names those there are."""
    scheme, host, port, path = _address(source.url or "")
    given = source.options
    unknown = sorted(set(given) - set(OPTIONS))
    if unknown:
        raise SourceError("S110", f"an HBase source has no option '{unknown[0]}'", f"options: {', '.join(OPTIONS)}")
    for name, value in given.items():
        wanted, fits = OPTIONS[name]
        if not fits(value):
            raise SourceError("S110", f"the option {name} of an HBase source does not fit", f"{name}: {wanted}")
    options = ThriftOptions(
        scheme=scheme,
        host=host,
        port=port,
        path=path,
        transport=cast(Literal["framed", "buffered"], given.get("transport", "framed")),
        do_as=cast(str | None, given.get("do_as")),
        tls=cast(Tls, given.get("tls", "verify" if scheme == "https" else "off")),
        tls_ca=cast(str | None, given.get("tls_ca")),
        tls_server_name=cast(str | None, given.get("tls_server_name")),
        connect_timeout=float(cast(float, given.get("connect_timeout", 10))),
        slots=cast(int, given.get("slots", 4)),
    )
    _check_together(options, given)
    return options


def _check_together(options: ThriftOptions, given: Mapping[str, object]) -> None:
    if (options.scheme == "http") != (options.tls == "off") and options.is_http:
        raise SourceError(
            "S110", f"tls: {options.tls} does not fit a url of {options.scheme}", "https:// is verify or require, http:// is off"
        )
    if options.do_as is not None and not options.is_http:
        raise SourceError("S110", "do_as needs Thrift over HTTP", "HBase impersonates only there: https://HOST:PORT/")
    if "transport" in given and options.is_http:
        raise SourceError("S110", "Thrift over HTTP takes no transport", "leave it out, or use thrift://HOST:PORT")
    if options.tls == "off" and (options.tls_ca or options.tls_server_name):
        raise SourceError("S110", "tls_ca and tls_server_name need TLS", "tls: verify")


def _address(url: str) -> tuple[Literal["thrift", "http", "https"], str, int, str]:
    """Scheme, host, port and path. A url with an account in it is refused: it would be shown."""
    bad = SourceError("S110", "the url of an HBase source is not one it can open", f"url: {URLS}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise bad from None
    if parts.scheme not in ("thrift", "http", "https") or not parts.hostname or parts.username is not None or parts.query:
        raise bad
    scheme = cast(Literal["thrift", "http", "https"], parts.scheme)
    if scheme == "thrift" and parts.path not in ("", "/"):
        raise bad
    return scheme, parts.hostname, port or _DEFAULT_PORT, parts.path or "/"


def _one_of(*words: str) -> tuple[str, Callable[[object], bool]]:
    return " or ".join(words), lambda value: value in words


def _text(what: str) -> tuple[str, Callable[[object], bool]]:
    return what, lambda value: isinstance(value, str) and bool(value) and value.isprintable()


def _number(what: str, least: float, most: float, *kinds: type) -> tuple[str, Callable[[object], bool]]:
    return what, lambda value: isinstance(value, kinds) and not isinstance(value, bool) and least <= cast(float, value) <= most


OPTIONS: dict[str, tuple[str, Callable[[object], bool]]] = {
    "transport": _one_of("framed", "buffered"),
    "do_as": _text("the name of a user"),
    "tls": _one_of("verify", "require", "off"),
    "tls_ca": _text("the path of a PEM file"),
    "tls_server_name": _text("the name in the server's certificate"),
    "connect_timeout": _number("seconds, more than 0 and at most 600", 1e-3, 600, int, float),
    "slots": _number("a whole number from 1 to 64", 1, 64, int),
}
