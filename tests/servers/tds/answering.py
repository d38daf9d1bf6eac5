"""One request after the other: batches, procedure calls and transactions, each answered with tokens as its rows come."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from pysqlbridge.tds.batch import parse_sql_batch
from pysqlbridge.tds.packet import PacketStatus, PacketType, TdsProtocolError
from pysqlbridge.tds.token import EnvChangeType, env_change
from pysqlbridge.tds.transaction import TransactionRequestType, parse_transaction_request

from tests.servers.tds.answers import Changed, Rows
from tests.servers.tds.calls import (
    DONE_ATTENTION,
    DONE_COUNT,
    DONE_ERROR,
    DONE_MORE,
    MOST_PARAMETERS,
    begins_another,
    bound_values,
    done_token,
    error_tokens,
)
from tests.servers.tds.errors import NotTranslated, SqlServerError
from tests.servers.tds.faults import Faults
from tests.servers.tds.message_writer import MessageWriter
from tests.servers.tds.requests import Call, Parameter, parse_call
from tests.servers.tds.sql_types import SqlType, parse_declarations
from tests.servers.tds.statements import Batches
from tests.servers.tds.wire_types import column_metadata, row_writer

_ROWS_AT_ONCE = 256
_PREPARING = {"sp_prepexec", "sp_prepare"}


class Cancelled(Exception):
    """The client sent Attention, or is gone."""


class Requests:
    """A session's requests. `stop` says whether the one under way was cancelled."""

    def __init__(self, batches: Batches, writer: MessageWriter, client: socket.socket, faults: Faults, stop: Callable[[], bool]) -> None:
        self._batches, self._writer, self._client, self._faults, self._stop = batches, writer, client, faults, stop
        self._prepared: dict[int, tuple[str, str]] = {}
        self._transaction = 0

    def answer(self, message: Any) -> None:
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
                self._writer.put(done_token(0xFD, DONE_ATTENTION))
            case other:
                raise TdsProtocolError(f"a message of type {other}")

    def _reset(self) -> None:
        if self._batches.transactions:
            self._batches.rollback()
        self._prepared.clear()

    def _run(self, text: str, types: Mapping[str, SqlType], values: Mapping[str, Any], token: int) -> bool:
        """The answers of a batch, each but the last with "more" in its DONE. False: it failed, and the error is sent.

        `token` is FD (DONE) for batches, FF (DONEINPROC) for procedures, whose own end follows.
        """
        pending: bytes | None = None
        try:
            for answer in self._batches.run(text, types, values):
                if pending is not None:
                    self._writer.put(pending)
                    pending = None
                pending = self._sent(answer, token)
        except SqlServerError as error:
            if pending is not None:
                self._writer.put(pending)
            self._writer.put(error_tokens(error) + done_token(token, DONE_ERROR | (DONE_MORE if token == 0xFF else 0)))
            return False
        if pending is not None:
            last = (
                pending
                if token == 0xFF
                else pending[:1] + struct.pack("<H", struct.unpack("<H", pending[1:3])[0] & ~DONE_MORE) + pending[3:]
            )
            self._writer.put(last)
        return True

    def _sent(self, answer: Rows | Changed, token: int) -> bytes:
        """Send the rows; the DONE is given back, for the caller knows what follows."""
        if isinstance(answer, Changed):
            return done_token(token, DONE_MORE | (0 if answer.count is None else DONE_COUNT), answer.count or 0)
        self._writer.put(column_metadata(answer.columns))
        write, count = row_writer(answer.columns), 0
        while rows := answer.cursor.fetchmany(_ROWS_AT_ONCE):
            for row in rows:
                self._faults.before_row(count, self._stop)
                if self._faults.drops_after(count):
                    self._drop(write(row))
                self._writer.put(write(row))
                count += 1
            if self._stop():
                raise Cancelled
        self._faults.before_row(count, self._stop)
        if self._faults.drops_after(count):
            self._drop(b"")
        return done_token(token, DONE_MORE | DONE_COUNT, count)

    def _drop(self, row: bytes) -> None:
        """End the connection in the middle of a row."""
        self._writer.put(row[: len(row) // 2])
        self._writer.flush(final=False)
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
            bound = bound_values(types, values)
        except SqlServerError as error:
            self._writer.put(error_tokens(error) + done_token(0xFE, DONE_ERROR))
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
        self._writer.put(returned + done_token(0xFE, 0 if not status else DONE_ERROR))

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
            if request.kind is not TransactionRequestType.BEGIN_XACT and begins_another(payload):
                change += self._begun()
        except SqlServerError as error:
            self._writer.put(error_tokens(error) + done_token(0xFD, DONE_ERROR))
            return
        self._writer.put(change + done_token(0xFD, 0))

    def _begun(self) -> bytes:
        self._batches.begin()
        self._transaction += 1
        return env_change(EnvChangeType.BEGIN_TRAN, self._transaction.to_bytes(8, "little"), b"")
