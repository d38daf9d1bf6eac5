"""The options of an HBase source: its url, transport, TLS, and who is impersonated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from adapters.interface import SourceError
from adapters.source_options import (
    CONNECT_TIMEOUT,
    CONNECTION_OPTIONS,
    HEADER,
    SLOTS_DEFAULT,
    TLS_OPTIONS,
    Address,
    Tls,
    one_of,
    read_address,
    read_options,
    read_tls,
)
from catalog.model import Source

URLS = "cells:DIR, thrift://HOST:PORT, http://HOST:PORT/ or https://HOST:PORT/"
OPTIONS = {"transport": one_of("framed", "buffered"), "do_as": HEADER, **TLS_OPTIONS, **CONNECTION_OPTIONS}
_KIND = "HBase"
_PORTS = {"thrift": 9090, "http": 9090, "https": 9090}


@dataclass(frozen=True, slots=True, kw_only=True)
class ThriftOptions:
    """How to reach a Thrift server. `path` is asked for over HTTP, as the url spells it; `transport` (framed or buffered) is for
    sockets. `connect_timeout` in seconds; `slots`: connections, and so reads at the same time."""

    address: Address
    path: str
    tls: Tls
    transport: str = "framed"
    do_as: str | None = field(default=None, repr=False)
    connect_timeout: float = CONNECT_TIMEOUT
    slots: int = SLOTS_DEFAULT

    @property
    def is_http(self) -> bool:
        return self.address.scheme != "thrift"


def thrift_options(source: Source) -> ThriftOptions:
    """Raises SourceError S110 for a url or an option that does not fit, which names those there are."""
    address = read_address(_KIND, source.url, URLS, _PORTS)
    path = urlsplit(source.url or "").path or "/"
    if address.scheme == "thrift" and path != "/":
        raise SourceError("S110", "the url of an HBase source over thrift:// takes no path", f"form: {URLS}")
    given = read_options(_KIND, source.options, OPTIONS)
    tls = read_tls(_KIND, given, "verify" if address.scheme == "https" else "off")
    options = ThriftOptions(address=address, path=path, tls=tls, **given)
    _check_together(options, given)
    return options


def _check_together(options: ThriftOptions, given: Mapping[str, object]) -> None:
    scheme, mode = options.address.scheme, options.tls.mode
    if options.is_http and (scheme == "http") != (mode == "off"):
        raise SourceError("S110", f"tls: {mode} does not fit a url of {scheme}", "https:// is verify or require, http:// is off")
    if options.do_as is not None and not options.is_http:
        raise SourceError("S110", "do_as needs Thrift over HTTP", "HBase impersonates only there: https://HOST:PORT/")
    if "transport" in given and options.is_http:
        raise SourceError("S110", "Thrift over HTTP takes no transport", "leave it out, or use thrift://HOST:PORT")
