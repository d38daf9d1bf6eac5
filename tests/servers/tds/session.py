"""One client's connection: pysqlbridge's login, then requests one at a time, while Attention is heard beside them.

Two threads serve a client. One reads the socket, and hears Attention whatever else goes on; the other answers requests in order, and
sends rows as DuckDB gives them, packet by packet.
"""

from __future__ import annotations

import logging
import queue
import socket
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import duckdb
from pysqlbridge.certificate import Certificate
from pysqlbridge.tds.batch import parse_sql_batch, skip_all_headers
from pysqlbridge.tds.connection import Connection, ConnectionState
from pysqlbridge.tds.packet import DEFAULT_PACKET_SIZE, HEADER_SIZE, PacketStatus, PacketType, TdsProtocolError, build_packet
from pysqlbridge.tds.prelogin import Encryption
from pysqlbridge.tds.token import EnvChangeType, env_change, error_response
from pysqlbridge.tds.token import error as error_token
from pysqlbridge.tds.transaction import TransactionRequestType, parse_transaction_request

from tests.servers.tds.catalog import Catalog, database_exists
from tests.servers.tds.errors import NotTranslated, SqlServerError
from tests.servers.tds.faults import Faults
from tests.servers.tds.requests import Call, Parameter, parse_call
from tests.servers.tds.sql_types import SqlType, parse_declarations
from tests.servers.tds.statements import Batches, Changed, Rows, Version
from tests.servers.tds.wire_types import column_metadata, row_writer

log = logging.getLogger(__name__)

_ROWS_AT_ONCE = 256
_SELECT, _MORE, _ERROR, _COUNT, _ATTENTION = 0xC1, 0x1, 0x2, 0x10, 0x20
_BODY = DEFAULT_PACKET_SIZE - HEADER_SIZE
MOST_PARAMETERS = 2100
"""Those that carry the statement and its declaration are among them."""
_PREPARING = {"sp_prepexec", "sp_prepare"}


class Cancelled(Exception):
    """The client sent Attention, or is gone."""


class Protocol(Connection):
    """pysqlbridge's connection up to the login; what comes after is taken from it whole, message by message."""

    def __init__(self, certificate: Certificate, *, faults: Faults, databases: Any, **options: Any) -> None:
        super().__init__(certificate, **options)
        self._faults, self._databases = faults, databases

    def messages(self) -> list[Any]:
        """The whole messages that have arrived since the login."""
        found = []
        while self.state is ConnectionState.READY and (message := self._take_message()) is not None:
            found.append(message)
        return found

    def _step_query(self, responses: list[bytes]) -> bool:
        return False

    def _finish_login(self, responses: list[bytes]) -> None:
        wanted = self.login.database if self.login else ""
        if wanted and not self._databases(wanted):
            text = f'Cannot open database "{wanted}" requested by the login. The login failed.'
            self._send(responses, error_response(4060, text, server=self._server_name, severity=11, tds_version=self._tds_version))
            self._state = ConnectionState.FAILED
            return
        self._database = wanted or self._database
        super()._finish_login(responses)

    def sealed(self, packet: bytes) -> bytes:
        """A packet as it goes over the socket: inside TLS where the session is encrypted."""
        return self._tunnel.wrap(packet) if self._session_encrypted and self._tunnel is not None else packet

    @property
    def number(self) -> int:
        return int(self._spid)


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
            faults=faults,
            databases=lambda name: database_exists(self._watch, name),
            server_name="testserver",
            database="master",
            reached_at="127.0.0.1",
            logins=_Logins(faults, user, password),
            encryption=Encryption.REQUIRED if faults.must_encrypt else Encryption.OFF,
        )
        self._version, self._user = version, user
        self._requests: queue.Queue[Any] = queue.Queue()
        self._sending = threading.Lock()
        self._state = threading.Lock()
        self._busy = self._cancelled = False
        self._batches: Batches | None = None
        self._prepared: dict[int, tuple[str, str]] = {}
        self._buffer = bytearray()
        self._transaction = 0

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
        database = self._protocol._database
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
        while (message := self._requests.get()) is not None:
            with self._state:
                self._busy = True
            try:
                self._answer(message)
            except (OSError, Cancelled, duckdb.InterruptException):
                pass
            except Exception as error:  # a bug of this server must reach the test, not hang it
                log.exception("failed")
                with suppress(OSError):
                    self._put(error_response(50000, f"the test server failed: {error!r}"[:800]))
            with self._state:
                was_cancelled = self._cancelled
                self._busy = self._cancelled = False
            try:
                if was_cancelled:
                    assert self._batches is not None
                    self._batches.cancelled.clear()
                    self._put(_done(0xFD, _ATTENTION))
                self._flush()
            except OSError:
                return

    def _answer(self, message: Any) -> None:
        """One request. The message is ended by the caller."""
        if message.status & (PacketStatus.RESET_CONNECTION | PacketStatus.RESET_CONNECTION_SKIP_TRAN):
            self._reset()
        self._faults.wait(self._stop)
        match message.type:
            case PacketType.SQL_BATCH:
                text = parse_sql_batch(message.payload)
                self._faults.note(text)
                self._run(text, {}, {}, 0xFD)
            case PacketType.RPC:
                self._call(parse_call(message.payload))
            case PacketType.TRANSACTION_MANAGER:
                self._manage(message.payload)
            case PacketType.ATTENTION:
                self._put(_done(0xFD, _ATTENTION))
            case other:
                raise TdsProtocolError(f"a message of type {other}")

    def _reset(self) -> None:
        assert self._batches is not None
        if self._batches.transactions:
            self._batches.rollback()
        self._prepared.clear()

    def _stop(self) -> bool:
        return self._cancelled

    def _run(self, text: str, types: Mapping[str, SqlType], values: Mapping[str, Any], token: int) -> bool:
        """The answers of a batch, each but the last with "more" in its DONE. False: it failed, and the error is sent.

        `token` is FD (DONE) for batches, FF (DONEINPROC) for procedures, whose own end follows.
        """
        assert self._batches is not None
        pending: bytes | None = None
        try:
            for answer in self._batches.run(text, types, values):
                if pending is not None:
                    self._put(pending)
                    pending = None
                pending = self._sent(answer, token)
        except SqlServerError as error:
            if pending is not None:
                self._put(pending)
            self._put(_error(error) + _done(token, _ERROR | (_MORE if token == 0xFF else 0)))
            return False
        if pending is not None:
            last = (
                pending if token == 0xFF else pending[:1] + struct.pack("<H", struct.unpack("<H", pending[1:3])[0] & ~_MORE) + pending[3:]
            )
            self._put(last)
        return True

    def _sent(self, answer: Rows | Changed, token: int) -> bytes:
        """Send the rows; the DONE is given back, for the caller knows what follows."""
        if isinstance(answer, Changed):
            return _done(token, _MORE | (0 if answer.count is None else _COUNT), answer.count or 0)
        self._put(column_metadata(answer.columns))
        write, count = row_writer(answer.columns), 0
        while rows := answer.cursor.fetchmany(_ROWS_AT_ONCE):
            for row in rows:
                self._faults.before_row(count, self._stop)
                if self._faults.drops_after(count):
                    self._drop(write(row))
                self._put(write(row))
                count += 1
            if self._stop():
                raise Cancelled
        self._faults.before_row(count, self._stop)
        if self._faults.drops_after(count):
            self._drop(b"")
        return _done(token, _MORE | _COUNT, count)

    def _drop(self, row: bytes) -> None:
        """End the connection in the middle of a row."""
        self._put(row[: len(row) // 2])
        self._flush(final=False)
        with suppress(OSError):
            self._client.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0) if self._faults.resets else struct.pack("ii", 1, 5)
            )
            self._client.shutdown(socket.SHUT_RDWR)
        raise Cancelled

    # ------------------------------------------------------------------------------------------------------ procedures

    def _call(self, call: Call) -> None:
        name = call.procedure.lower().replace("[", "").replace("]", "").removeprefix("sys.").removeprefix("master.dbo.")
        parameters = list(call.parameters)
        handle: int | None = None
        try:
            if len(parameters) > MOST_PARAMETERS:
                message = "The incoming request has too many parameters. The server supports a maximum of 2100 parameters."
                raise SqlServerError(8003, message)
            if name in _PREPARING:
                handle, declared, text, values = self._prepare(parameters)
                if name == "sp_prepare":
                    self._finish(0, handle)
                    return
            elif name == "sp_execute":
                declared, text = self._known(parameters[0].value)
                values = parameters[1:]
            elif name == "sp_executesql":
                text = parameters[0].value
                declared, values = (parameters[1].value or "" if len(parameters) > 1 else ""), parameters[2:]
            elif name == "sp_unprepare":
                self._prepared.pop(parameters[0].value, None)
                self._finish(0, None)
                return
            elif name.startswith("sp_datatype_info"):
                declared, text, values = "", "sp_datatype_info", []
            else:
                raise SqlServerError(2812, f"Could not find stored procedure '{call.procedure}'.")
            self._faults.note(text)
            types = parse_declarations(declared)
            bound = _bound(types, values)
        except SqlServerError as error:
            self._put(_error(error) + _done(0xFE, _ERROR))
            return
        if self._run(text, types, bound, 0xFF):
            self._finish(0, handle)
        else:
            self._finish(1, handle)

    def _finish(self, status: int, handle: int | None) -> None:
        returned = b"\x79" + struct.pack("<i", status)
        if handle is not None:
            returned += (
                b"\xac" + struct.pack("<HB", 0, 0) + b"\x01" + struct.pack("<IH", 0, 0) + b"\x26\x04\x04" + struct.pack("<i", handle)
            )
        self._put(returned + _done(0xFE, 0 if not status else _ERROR))

    def _prepare(self, parameters: list[Parameter]) -> tuple[int, str, str, list[Parameter]]:
        handle = max(self._prepared, default=0) + 1
        declared, text = parameters[1].value or "", parameters[2].value
        self._prepared[handle] = (declared, text)
        return handle, declared, text, parameters[3:]

    def _known(self, handle: Any) -> tuple[str, str]:
        if handle not in self._prepared:
            raise SqlServerError(8179, f"Could not find prepared statement with handle {handle}.")
        return self._prepared[handle]

    def _manage(self, payload: bytes) -> None:
        """Begin, commit and roll back as their own kind of message; the latter two may begin the next at once."""
        request = parse_transaction_request(payload)
        assert self._batches is not None
        change = b""
        try:
            match request.kind:
                case TransactionRequestType.BEGIN_XACT:
                    change = self._begun()
                case TransactionRequestType.COMMIT_XACT:
                    self._batches.commit()
                    change = env_change(EnvChangeType.COMMIT_TRAN, b"", self._transaction.to_bytes(8, "little"))
                case TransactionRequestType.ROLLBACK_XACT:
                    self._batches.rollback()
                    change = env_change(EnvChangeType.ROLLBACK_TRAN, b"", self._transaction.to_bytes(8, "little"))
                case other:
                    raise NotTranslated(f"the transaction request {other}")
            if request.kind is not TransactionRequestType.BEGIN_XACT and _begins_another(payload):
                change += self._begun()
        except SqlServerError as error:
            self._put(_error(error) + _done(0xFD, _ERROR))
            return
        self._put(change + _done(0xFD, 0))

    def _begun(self) -> bytes:
        assert self._batches is not None
        self._batches.begin()
        self._transaction += 1
        return env_change(EnvChangeType.BEGIN_TRAN, self._transaction.to_bytes(8, "little"), b"")

    # --------------------------------------------------------------------------------------------------------- sending

    def _put(self, tokens: bytes) -> None:
        """Tokens of the answer; whole packets leave at once."""
        self._buffer += tokens
        while len(self._buffer) > _BODY:
            packet = bytes(self._buffer[:_BODY])
            del self._buffer[:_BODY]
            self._send(packet, PacketStatus.NORMAL)

    def _flush(self, *, final: bool = True) -> None:
        packet = bytes(self._buffer)
        self._buffer.clear()
        self._send(packet, PacketStatus.END_OF_MESSAGE if final else PacketStatus.NORMAL)

    def _send(self, payload: bytes, status: PacketStatus) -> None:
        packet = build_packet(PacketType.TABULAR_RESULT, payload, status=status, spid=self._protocol.number)
        with self._sending:
            sealed = self._protocol.sealed(packet)
        self._client.sendall(sealed)


class _Logins:
    """One account, unless the fault switch refuses it."""

    configured = True

    def __init__(self, faults: Faults, user: str, password: str) -> None:
        self._faults, self._user, self._password = faults, user, password

    def admits(self, user: str, password: str) -> bool:
        return not self._faults.refuse_login and (user, password) == (self._user, self._password)


def _begins_another(payload: bytes) -> bool:
    """The flag behind the name in a commit or rollback (MS-TDS 2.2.6.9)."""
    at = skip_all_headers(payload) + 2
    at += 1 + payload[at]
    return at < len(payload) and bool(payload[at] & 1)


def _done(token: int, status: int, count: int = 0) -> bytes:
    return bytes([token]) + struct.pack("<HHQ", status, _SELECT if status & _COUNT else 0, count)


def _error(error: SqlServerError) -> bytes:
    return error_token(error.number, error.message[:2000], server="testserver", severity=error.severity, state=error.state)


def _bound(types: Mapping[str, SqlType], parameters: list[Parameter]) -> dict[str, Any]:
    """Values by their declared names; those without a name are in the order of the declaration."""
    values: dict[str, Any] = {}
    names = list(types)
    for place, parameter in enumerate(parameters):
        name = parameter.name.lower() or (names[place] if place < len(names) else "")
        if name not in types:
            raise SqlServerError(8144, "Procedure or function has too many arguments specified.")
        values[name] = _fitted(parameter, types[name])
    for name in names:
        if name not in values:
            raise SqlServerError(8178, f"The parameterized query expects the parameter '{name}', which was not supplied.")
    return values


def _fitted(parameter: Parameter, declared: SqlType) -> Any:
    """A value for its declared type: both are of one family, or it is an error here (a client has no reason for it)."""
    value = parameter.value
    if value is None:
        return None
    if declared.is_text and parameter.type.is_text:
        return value if declared.length < 0 else value[: declared.length]
    if parameter.type.name == declared.name or (parameter.type.is_number and declared.is_number):
        return value
    if declared.name == "varbinary" or declared.name == "binary":
        return value
    raise NotTranslated(f"a {parameter.type.name} for a parameter declared {declared.name}")
