"""Thrift's binary protocol as bytes: where a message ends, and HBase rows out of a reply in one pass.

A reply is: version and kind, name, sequence number, then a struct whose field 0 is the result or whose fields 1, 2 are
declared errors. Rows are a list of structs: 1 the key, 2 a map from family:qualifier to a struct of 1 value, 2 timestamp.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator, Sequence
from functools import lru_cache

from adapters.hbase.cell_source import CellBlock, CellRequest

_VERSION_AND_REPLY = b"\x80\x01\x00\x02"
_LIST, _STRUCT, _MAP, _STRING = 15, 12, 13, 11
_FIXED_SIZES = {2: 1, 3: 1, 4: 8, 6: 2, 8: 4, 10: 8}
"""Bytes of bool, byte, double, i16, i32 and i64."""
_u32 = struct.Struct(">I").unpack_from
_i64 = struct.Struct(">q").unpack_from
_KEY = b"\x0b\x00\x01"
_CELLS = b"\x0d\x00\x02\x0b\x0c"
_VALUE = b"\x0b\x00\x01"
_CELL_TAIL = 12
"""Bytes after a value: field 2, the timestamp, the end of the struct."""


class Malformed(ValueError):
    """The bytes are not the message that is expected."""


# -------------------------------------------------------------------------------------------- where a message ends


def message_end() -> Generator[int | None, bytearray, None]:
    """Send what has been received so far (all of it), each time there is more: gives the end of the message, or None while it
    is not there yet. Lists are walked once, however often it is asked. Raises Malformed."""
    buffer = yield None
    while (position := _within(_header_end, buffer, 0)) is None:
        buffer = yield None
    while True:
        if position >= len(buffer):
            buffer = yield None
            continue
        kind = buffer[position]
        if kind == 0:
            buffer = yield position + 1
            continue
        if kind == _LIST:
            while position + 8 > len(buffer):
                buffer = yield None
            element, (count,) = buffer[position + 3], _u32(buffer, position + 4)
            position += 8
            for _ in range(count):
                while (end := _within(_element_end, buffer, position, element)) is None:
                    buffer = yield None
                position = end
        else:
            while (end := _within(_skip, buffer, position + 3, kind)) is None:
                buffer = yield None
            position = end


def is_whole(message: bytes) -> bool:
    """Whether all that a message promises is in it. Readers of Thrift believe counts and lengths, whatever they are."""
    walk = message_end()
    next(walk)
    try:
        return walk.send(bytearray(message)) is not None
    except Malformed:
        return False


def _within(walk: Callable[..., int], buffer: bytearray, *arguments: int) -> int | None:
    """Where the walk ends; None if the buffer ends before."""
    try:
        end = walk(buffer, *arguments)
    except (IndexError, struct.error):
        return None
    except RecursionError:
        raise Malformed("a value nested without end") from None
    return end if end <= len(buffer) else None


def _header_end(buffer: bytearray, position: int) -> int:
    if len(buffer) >= 2 and buffer[:2] != b"\x80\x01":
        raise Malformed("no binary Thrift message")
    (length,) = _u32(buffer, position + 4)
    return position + 12 + int(length)


def _skip(buffer: bytearray, position: int, kind: int) -> int:
    """The end of one value. Raises IndexError or struct.error, or lies behind the end, if the buffer is too short."""
    if kind == _STRING:
        return position + 4 + int(_u32(buffer, position)[0])
    if kind == _STRUCT:
        while buffer[position]:
            position = _skip(buffer, position + 3, buffer[position])
        return position + 1
    if kind == _MAP:
        key, value, (count,) = buffer[position], buffer[position + 1], _u32(buffer, position + 2)
        position += 6
        for _ in range(count):
            position = _skip(buffer, _skip(buffer, position, key), value)
            _check_within(buffer, position)
        return position
    if kind in (_LIST, 14):
        element, (count,) = buffer[position], _u32(buffer, position + 1)
        position += 5
        for _ in range(count):
            position = _skip(buffer, position, element)
            _check_within(buffer, position)
        return position
    size = _FIXED_SIZES.get(kind)
    if size is None:
        raise Malformed("a field of no known type")
    return position + size


def _check_within(buffer: bytearray, position: int) -> None:
    """A count may promise billions of values of a byte each: none is counted that has not come."""
    if position > len(buffer):
        raise IndexError


def _element_end(buffer: bytearray, position: int, kind: int) -> int:
    """The same as _skip, and faster for a row."""
    if kind != _STRUCT or not buffer.startswith(_KEY, position):
        return _skip(buffer, position, kind)
    found = position + 7 + _u32(buffer, position + 3)[0]
    if not buffer.startswith(_CELLS, found):
        return _skip(buffer, position, kind)
    (count,) = _u32(buffer, found + 5)
    found += 9
    for _ in range(count):
        found += 4 + _u32(buffer, found)[0]
        found += 7 + _u32(buffer, found + 3)[0] + _CELL_TAIL
    return int(found) + 1


# ---------------------------------------------------------------------------------------------------- rows of a reply


def row_count(reply: bytes) -> tuple[int, int] | None:
    """How many rows a reply has, and where they begin; None if it is no list of rows but an error."""
    if reply[:4] != _VERSION_AND_REPLY or len(reply) < 8:
        return None
    position = 12 + int(_u32(reply, 4)[0])
    if position + 8 > len(reply) or reply[position] != _LIST or reply[position + 3] != _STRUCT:
        return None
    return int(_u32(reply, position + 4)[0]), position + 8


@lru_cache(maxsize=256)
def row_decoder(columns: tuple[bytes, ...], loose: bool, times: bool) -> RowDecoder:
    """The decoder for requests of this form; decoders hold nothing of a reply."""
    return RowDecoder(columns, loose, times)


def decoder_of(request: CellRequest) -> RowDecoder:
    return row_decoder(request.columns, request.loose, request.versions == "all")


class RowDecoder:
    """Rows of replies to one request, as blocks.

    Where only named columns are wanted, each row is first read as what most rows are: all of those columns, in the order in
    which Java's TreeMap<ByteBuffer> has them, with values under 256 bytes. A row that is not so is read again by name.
    """

    def __init__(self, columns: Sequence[bytes], loose: bool, times: bool) -> None:
        self._slots = {name: slot for slot, name in enumerate(columns)}
        self._loose, self._times = loose, times
        ordered = sorted(self._slots, key=lambda name: [byte - 256 if byte > 127 else byte for byte in name])
        self._expected = [(_prefix(name), len(name) + 11, self._slots[name]) for name in ordered]

    def block(self, reply: bytes, count: int, position: int) -> CellBlock:
        """The rows of one reply. Raises Malformed."""
        block = CellBlock(columns=[[] for _ in self._slots], size=len(reply))
        quick = [(prefix, size, block.columns[slot].append) for prefix, size, slot in self._expected]
        many, width, columns = len(quick), len(self._slots), block.columns
        add_key = block.keys.append
        cells = 0
        try:
            for place in range(count):
                if not reply.startswith(_KEY, position):
                    raise Malformed("a row does not begin with its key")
                end = position + 7 + _u32(reply, position + 3)[0]
                add_key(reply[position + 7 : end])
                if not reply.startswith(_CELLS, end):
                    raise Malformed("a row has no cells")
                (held,) = _u32(reply, end + 5)
                cells += held
                start = position = end + 9
                if held == many and not self._loose:
                    for prefix, size, add in quick:
                        if not reply.startswith(prefix, position):
                            break
                        position += size
                        end = position + reply[position - 1]
                        add(reply[position:end])
                        position = end + _CELL_TAIL
                    else:
                        position += 1
                        continue
                    for column in columns:
                        del column[place:]
                position = self._by_name(reply, start, held, place, block) + 1
                if width:
                    for column in columns:
                        if len(column) == place:
                            column.append(None)
        except (IndexError, struct.error):
            raise Malformed("a reply ends too early") from None
        if position >= len(reply) or len(block.keys) != count:
            raise Malformed("a reply ends too early")
        block.cells = cells
        return block

    def _by_name(self, reply: bytes, position: int, count: int, place: int, block: CellBlock) -> int:
        """Reads the cells of a row; gives where they end."""
        slots, loose, times = self._slots, self._loose, self._times
        for _ in range(count):
            end = position + 4 + _u32(reply, position)[0]
            name = reply[position + 4 : end]
            if not reply.startswith(_VALUE, end):
                raise Malformed("a cell has no value")
            position = end + 7
            end = position + _u32(reply, end + 3)[0]
            slot = slots.get(name)
            if slot is not None:
                block.columns[slot].append(reply[position:end])
            elif loose:
                block.places.append(place)
                block.names.append(name)
                block.values.append(reply[position:end])
                if times:
                    block.times.append(_i64(reply, end + 3)[0])
            position = end + _CELL_TAIL
        return position


def _prefix(name: bytes) -> bytes:
    """How a cell of this column begins, up to but not with the last byte of the length of a value under 256 bytes."""
    return struct.pack(">I", len(name)) + name + _VALUE + b"\x00\x00\x00"
