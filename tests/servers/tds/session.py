"""One client's connection: pysqlbridge's login, then requests one at a time, while Attention is heard beside them.

Two threads serve a client. One reads the socket, and hears Attention whatever else goes on; the other answers requests in order, and
sends rows as DuckDB gives them, packet by packet.
"""

from __future__ import annotations

import logging
import queue
import socket
import threading
from contextlib import suppress
from typing import Any

import duckdb
from pysqlbridge.certificate import Certificate
from pysqlbridge.tds.connection import ConnectionState
from pysqlbridge.tds.packet import PacketType, TdsProtocolError
from pysqlbridge.tds.prelogin import Encryption
from pysqlbridge.tds.token import error_response

from tests.servers.tds.answering import Cancelled, Requests
from tests.servers.tds.answers import Version
from tests.servers.tds.calls import (
    DONE_ATTENTION,
    done_token,
)
from tests.servers.tds.catalog import Catalog, database_exists
from tests.servers.tds.faults import Faults
from tests.servers.tds.message_writer import MessageWriter
from tests.servers.tds.protocol import Logins, Protocol
from tests.servers.tds.statements import Batches

log = logging.getLogger(__name__)


class Session:
    """Serves one client until it is gone. `serve` returns then."""

    def __init__(
        self,
        client: socket.socket,
        certificate: Certificate,
        database: duckdb.DuckDBPyConnection,
        version: Version,
        faults: Faults,
        user: str,
        password: str,
    ) -> None:
        self._client, self._faults = client, faults
        self._cursor = database.cursor()
        self._watch = database.cursor()
        self._protocol = Protocol(
            certificate,
            exists=lambda name: database_exists(self._watch, name),
            server_name="testserver",
            database="master",
            reached_at="127.0.0.1",
            logins=Logins(faults, user, password),
            encryption=Encryption.REQUIRED if faults.must_encrypt else Encryption.OFF,
        )
        self._version, self._user = version, user
        self._requests: queue.Queue[Any] = queue.Queue()
        self._sending = threading.Lock()
        self._state = threading.Lock()
        self._busy = self._cancelled = False
        self._batches: Batches | None = None
        self._writer = MessageWriter(client, self._protocol, self._sending)

    # ------------------------------------------------------------------------------------------------------- hearing

    def serve(self) -> None:
        worker: threading.Thread | None = None
        try:
            while data := self._client.recv(65536):
                with self._sending:  # TLS reads and writes in one place
                    responses = self._protocol.receive(data)
                    messages = self._protocol.messages()
                    for response in responses:
                        self._client.sendall(response)
                if self._protocol.state is ConnectionState.FAILED:
                    return
                if worker is None and self._protocol.state is ConnectionState.READY:
                    self._begin()
                    worker = threading.Thread(target=self._work, daemon=True)
                    worker.start()
                for message in messages:
                    self._heard(message)
        except (OSError, TdsProtocolError) as error:
            log.info("connection ended: %r", error)
        finally:
            self._requests.put(None)
            with self._state:
                self._cancelled = True
            if self._batches is not None:
                self._batches.cancelled.set()
            with suppress(duckdb.Error):
                self._cursor.interrupt()
            with suppress(OSError):
                self._client.shutdown(socket.SHUT_RDWR)
            if worker is not None:
                worker.join()
            self._client.close()
            self._cursor.close()
            self._watch.close()

    def _begin(self) -> None:
        database = self._protocol.opened
        self._batches = Batches(self._cursor, Catalog(self._cursor, database), self._version, self._user, self._protocol.number)

    def _heard(self, message: Any) -> None:
        if message.type is not PacketType.ATTENTION:
            self._requests.put(message)
            return
        if self._faults.deaf_to_attention:
            return
        with self._state:
            if not self._busy:
                self._requests.put(message)
                return
            self._cancelled = True
        assert self._batches is not None
        self._batches.cancelled.set()
        self._cursor.interrupt()

    # ------------------------------------------------------------------------------------------------------ answering

    def _work(self) -> None:
        assert self._batches is not None
        requests = Requests(self._batches, self._writer, self._client, self._faults, lambda: self._cancelled)
        while (message := self._requests.get()) is not None:
            with self._state:
                self._busy = True
            try:
                requests.answer(message)
            except (OSError, Cancelled, duckdb.InterruptException):
                pass
            except Exception as error:  # a bug of this server must reach the test, not hang it
                log.exception("failed")
                with suppress(OSError):
                    self._writer.put(error_response(50000, f"the test server failed: {error!r}"[:800]))
            with self._state:
                was_cancelled = self._cancelled
                self._busy = self._cancelled = False
            try:
                if was_cancelled:
                    self._batches.cancelled.clear()
                    self._writer.put(done_token(0xFD, DONE_ATTENTION))
                self._writer.flush()
            except OSError:
                return
