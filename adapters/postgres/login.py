"""From options to a session that is logged in: addresses, TLS, account, and settings. libpq never blocks here: this file polls."""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

from psycopg import pq
from psycopg.conninfo import make_conninfo

from adapters.interface import ReadContext, SourceError
from adapters.postgres.connection import Connection
from adapters.postgres.failures import connect_failure, missing_driver, unreachable
from adapters.postgres.options import PostgresOptions
from adapters.postgres.waiting import EVENTS, SLICE, happens

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn

_OLDEST_LIBPQ = 170_000  # the first that gives rows in chunks and cancels without blocking
_NO_FILE = "/nonexistent"
"""For a file that must not be there: with `require`, libpq would check the certificate by whatever lies in the account's home."""

_SETTINGS = {
    # What turns values into text and text into values. Values travel in binary, which no setting touches; casts to text do not.
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
    "default_transaction_read_only": "on",
}


def connect(options: PostgresOptions, context: ReadContext) -> Connection:
    """Raises SourceError: S101 unreachable, S103, S104, S106 refused, S107 not trusted, S110 no such database or tls_ca."""
    if pq.version() < _OLDEST_LIBPQ:
        raise missing_driver()
    until = time.monotonic() + options.connect_timeout
    address = _conninfo(options, _addresses(options, until, context))
    session = pq.PGconn.connect_start(address.encode())
    try:
        _log_in(session, until, context)
        connection = Connection(session)
        if connection.encoding == "SQL_ASCII":
            raise SourceError("S110", "the database's encoding is SQL_ASCII, which says nothing of what its texts are")
        settings = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in _SETTINGS.items())
        connection.rows(f"SELECT {settings}", [], context)
    except BaseException:
        session.finish()
        raise
    return connection


def _log_in(session: PGconn, until: float, context: ReadContext) -> None:
    stage = "reaching"
    while True:
        stage = _STAGES.get(int(session.status), stage)
        state = session.connect_poll()
        if state == pq.PollingStatus.OK:
            return
        if state == pq.PollingStatus.FAILED:
            raise connect_failure(stage, session.get_error_message())
        stage = _STAGES.get(int(session.status), stage)
        while not happens(session.socket, EVENTS[state], SLICE):
            context.check()
            if time.monotonic() >= until:
                raise unreachable("does not answer within connect_timeout")


_STAGES = {
    int(pq.ConnStatus.STARTED): "reaching",
    int(pq.ConnStatus.SSL_STARTUP): "tls",
    int(pq.ConnStatus.AWAITING_RESPONSE): "login",
    int(pq.ConnStatus.AUTHENTICATING): "login",
    int(pq.ConnStatus.AUTH_OK): "login",
}
"""How far libpq is, in our words; what is not named is a step of the stage before it."""


def _conninfo(options: PostgresOptions, addresses: Sequence[str]) -> str:
    """Everything is said, so that no PG* variable and no file of the account that runs the gateway says it instead."""
    mode = {"off": "disable", "require": "require", "verify": "verify-full"}[options.tls.mode]
    if options.tls.authority is not None and not os.path.isfile(options.tls.authority):
        raise SourceError("S110", "the file of tls_ca does not exist", "tls_ca: the path of a PEM file")
    trusted = {"off": _NO_FILE, "require": _NO_FILE, "verify": options.tls.authority or _system_authorities()}[options.tls.mode]
    name = options.tls.server_name or options.host
    return make_conninfo(
        host=",".join([name] * len(addresses)),
        hostaddr=",".join(addresses),
        port=options.port,
        dbname=options.database,
        user=options.user,
        password=options.password or "",
        passfile=_NO_FILE,
        sslmode=mode,
        sslrootcert=trusted,
        sslcertmode="disable",
        gssencmode="disable",
        # A server in between could ask for the password itself where nothing is encrypted.
        **({"require_auth": "!password"} if options.tls.mode == "off" else {}),
        target_session_attrs="any",
        load_balance_hosts="disable",
        application_name="hospital-gateway",
        client_encoding="UTF8",
        options="",
        keepalives=1,
        keepalives_idle=60,
    )


def _system_authorities() -> str:
    """The file of those whom the system trusts. libpq's own word for it looks where the OpenSSL in psycopg's wheel was built to look,
    which is nowhere."""
    return ssl.get_default_verify_paths().cafile or "system"


def _addresses(options: PostgresOptions, until: float, context: ReadContext) -> list[str]:
    """The numeric addresses of the host. The system's resolver cannot be stopped, so that a slow one is left behind in its thread."""
    found: list[str] = []

    def resolve() -> None:
        with suppress(OSError, UnicodeError):
            answers = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(answer[4][0]) for answer in answers))

    thread = Thread(target=resolve, name="postgres-resolver", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(SLICE / 1000)
        context.check()
        if time.monotonic() >= until:
            raise unreachable("has a host name that is not resolved within connect_timeout")
    if not found:
        raise unreachable("has a host name that is not known")
    return found
