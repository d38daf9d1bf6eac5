"""The calls of HBase's Thrift 1 service that the gateway makes, on one connection. happybase brings the service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from adapters.hbase.cell_source import CellBlock, CellRequest
from adapters.hbase.thrift_faults import Fault, HBaseFault, io_fault, source_error
from adapters.hbase.thrift_message import Malformed, RowDecoder, is_whole, row_count
from adapters.hbase.thrift_wire import Wire
from adapters.interface import ReadContext, SourceError

_CALL, _EXCEPTION = 1, 3
_EVERY_VERSION = 2**31 - 1
_HARDLY_A_KEY = b"\x00"


class _Driver(NamedTuple):
    service: Any
    scan: Any
    protocol: Callable[[Any], Any]
    memory: Any
    failure: Any


@cache
def _driver() -> _Driver:
    """Raises SourceError S110 if happybase is not installed."""
    try:
        import_module("happybase")  # it makes the module Hbase_thrift of its IDL
        hbase = import_module("Hbase_thrift")
        protocol, thrift = import_module("thriftpy2.protocol"), import_module("thriftpy2.thrift")
        memory = import_module("thriftpy2.transport").TMemoryBuffer
    except ImportError:
        raise SourceError("S110", "happybase is not installed", "pip install 'hospital-gateway[hbase]'") from None

    def binary(transport: Any) -> Any:
        return protocol.TBinaryProtocol(transport, decode_response=False)

    return _Driver(hbase.Hbase, hbase.TScan, binary, memory, thrift.TApplicationException)


@dataclass(frozen=True, slots=True)
class Reply:
    """Rows that have come: how many, in how many bytes, and how to decode them."""

    count: int
    size: int
    block: Callable[[], CellBlock]


class ThriftCalls:
    """One connection. Calls raise SourceError, or HBaseFault for what HBase declared; after that the connection is in step."""

    def __init__(self, wire: Wire) -> None:
        self._driver = _driver()
        self._wire = wire
        self.outstanding = False

    @property
    def is_whole(self) -> bool:
        """Whether every reply has been read, as far as is known without a look at the connection."""
        return not self.outstanding and not self._wire.socket.broken

    def attend(self, context: ReadContext) -> bool:
        """From here on waits end with this context. False if something has come meanwhile, such as the connection's end."""
        self._wire.socket.context = context
        return self.is_whole and self._wire.socket.is_quiet

    def close(self) -> None:
        self._wire.socket.close()

    # ------------------------------------------------------------------------------------------------------- calls

    def open_scanner(self, table: str, **scan: Any) -> int:
        given = {name: value for name, value in scan.items() if value is not None}
        return int(self._call("scannerOpenWithScan", tableName=table.encode(), scan=self._driver.scan(**given), attributes={}))

    def ask_for_rows(self, scanner: int, count: int) -> None:
        self._send("scannerGetList", id=scanner, nbRows=count)

    def rows(self, decoder: RowDecoder) -> Reply:
        """Receives what ask_for_rows asked for, not yet decoded: more rows can be asked for first. Raises HBaseFault."""
        return self._rows("scannerGetList", decoder)

    def close_scanner(self, scanner: int) -> None:
        self._call("scannerClose", id=scanner)

    def get_rows(self, table: str, keys: Sequence[bytes], columns: Sequence[bytes], decoder: RowDecoder) -> CellBlock:
        """The rows of these keys. No columns: every family."""
        given: dict[str, Any] = {"tableName": table.encode(), "rows": list(keys), "attributes": {}}
        name = "getRowsWithColumns" if columns else "getRows"
        self._send(name, **given, **({"columns": list(columns)} if columns else {}))
        return self._rows(name, decoder).block()

    def versions(self, table: str, cells: Sequence[tuple[bytes, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
        """Every version (time, value) of each of these cells (key, family:qualifier), newest first."""
        arguments = (
            {"tableName": table.encode(), "row": key, "column": column, "numVersions": _EVERY_VERSION, "attributes": {}}
            for key, column in cells
        )
        for reply in self._replies("getVer", arguments):
            yield [(cell.timestamp, cell.value) for cell in self._result("getVer", reply)]

    def check_rights(self, table: str, columns: Sequence[bytes]) -> None:
        """Raises HBaseFault if one of these families or columns may not be read, or is not there.

        HBase refuses a read of which the account may read nothing; of one of which it may read a part it gives that part, as
        if the rest were empty. So each is asked for alone.
        """
        refusal: HBaseFault | None = None
        arguments = ({"tableName": table.encode(), "rows": [_HARDLY_A_KEY], "columns": [column], "attributes": {}} for column in columns)
        for reply in self._replies("getRowsWithColumns", arguments):
            try:
                self._result("getRowsWithColumns", reply)
            except HBaseFault as fault:
                refusal = refusal or fault
        if refusal is not None:
            raise refusal

    def region_starts(self, table: str) -> list[bytes]:
        """The first key of each region, in order."""
        return sorted(region.startKey or b"" for region in self._call("getTableRegions", tableName=table.encode()))

    def families(self, table: str) -> dict[str, int]:
        """The table's families, and how many versions of a cell each keeps."""
        found = self._call("getColumnDescriptors", tableName=table.encode())
        return {name.rstrip(b":").decode("utf-8", "replace"): family.maxVersions for name, family in found.items()}

    @contextmanager
    def told(self, request: CellRequest, *, scanning: bool = False) -> Iterator[None]:
        """Makes a SourceError of what HBase declares, except where a scanner lost its place and the read can go on."""
        try:
            yield
        except HBaseFault as found:
            if scanning and found.fault is Fault.SCANNER:
                raise
            raise source_error(found.fault, request.table, *self._missing(found.fault, request)) from None

    def _missing(self, fault: Fault, request: CellRequest) -> tuple[str, str]:
        """For NO_FAMILY: the families that the table lacks, and those it has, as far as the account may know."""
        if fault is not Fault.NO_FAMILY:
            return "", ""
        try:
            there = sorted(self.families(request.table))
        except HBaseFault:
            return "", ""
        return ", ".join(sorted(set(request.families) - set(there))), ", ".join(there)

    # -------------------------------------------------------------------------------------------------- one message

    def _rows(self, name: str, decoder: RowDecoder) -> Reply:
        reply = self._receive()
        found = row_count(reply)
        if found is None:
            self._result(name, reply)
            raise HBaseFault(Fault.OTHER)
        count, position = found
        return Reply(count, len(reply), lambda: self._decoded(decoder, reply, count, position))

    def _call(self, name: str, **arguments: Any) -> Any:
        self._send(name, **arguments)
        return self._result(name, self._receive())

    def _replies(self, name: str, arguments: Iterable[dict[str, Any]]) -> Iterator[bytes]:
        """The reply to each call, in order; so many calls are sent before the first reply as the wire allows."""
        waiting = 0
        for given in arguments:
            self._send(name, **given)
            waiting += 1
            if waiting == self._wire.at_once:
                waiting -= 1
                yield self._received(waiting)
        while waiting:
            waiting -= 1
            yield self._received(waiting)

    def _received(self, waiting: int) -> bytes:
        reply = self._receive()
        self.outstanding = waiting > 0
        return reply

    def _send(self, name: str, **arguments: Any) -> None:
        memory = self._driver.memory()
        protocol = self._driver.protocol(memory)
        protocol.write_message_begin(name, _CALL, 0)
        protocol.write_struct(getattr(self._driver.service, f"{name}_args")(**arguments))
        protocol.write_message_end()
        self.outstanding = True
        self._wire.send(memory.getvalue())

    def _receive(self) -> bytes:
        reply = self._wire.receive()
        self.outstanding = False
        return reply

    def _result(self, name: str, reply: bytes) -> Any:
        """What a reply says, by the generated code. Raises HBaseFault."""
        if not is_whole(reply):
            raise self._malformed()
        protocol = self._driver.protocol(self._driver.memory(reply))
        try:
            _, kind, _ = protocol.read_message_begin()
            if kind == _EXCEPTION:
                # The server names no reason. For a scanner's next rows: the scanner ended under it, as its lease does.
                raise HBaseFault(Fault.SCANNER if name == "scannerGetList" else Fault.OTHER)
            found = getattr(self._driver.service, f"{name}_result")()
            protocol.read_struct(found)
        except HBaseFault:
            raise
        except Exception:  # noqa: BLE001  over a garbled answer the generated code raises whatever it stumbles on
            raise self._malformed() from None
        if getattr(found, "io", None) is not None:
            raise io_fault(found.io.message or b"")
        if getattr(found, "ia", None) is not None:
            raise HBaseFault(Fault.SCANNER)  # IllegalArgument: "scanner ID is invalid", after the lease has ended
        if not hasattr(found, "success"):
            return None  # a call that answers nothing
        if found.success is None:
            raise self._malformed()
        return found.success

    def _decoded(self, decoder: RowDecoder, reply: bytes, count: int, position: int) -> CellBlock:
        try:
            return decoder.block(reply, count, position)
        except Malformed:
            raise self._malformed() from None

    def _malformed(self) -> SourceError:
        """What else comes on this connection is not to be believed either."""
        self._wire.socket.broken = True
        return SourceError(
            "S105", "HBase's Thrift server gave an answer that cannot be read", "the gateway speaks Thrift 1, binary protocol"
        )
