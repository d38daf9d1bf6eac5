"""Thrift messages as bytes, made here by happybase's own service: rows in one pass, the end of a message, what is malformed."""

from __future__ import annotations

import time
from typing import Any

import happybase  # noqa: F401 -- it makes the module Hbase_thrift
import pytest
from Hbase_thrift import Hbase, IOError, TCell, TRegionInfo, TRowResult
from hypothesis import given
from hypothesis import strategies as st
from thriftpy2.protocol import TBinaryProtocol
from thriftpy2.transport import TMemoryBuffer

from adapters.hbase.thrift_message import Malformed, RowDecoder, message_end, row_count

COLUMNS = (b"d:name", b"d:text", "d:é".encode(), b"m:n")
Row = tuple[bytes, dict[bytes, bytes]]


def reply(name: str, result: Any) -> bytes:
    memory = TMemoryBuffer()
    protocol = TBinaryProtocol(memory)
    protocol.write_message_begin(name, 2, 0)
    protocol.write_struct(result)
    protocol.write_message_end()
    return bytes(memory.getvalue())


def rows_reply(rows: list[Row]) -> bytes:
    """Rows as HBase writes them: the columns of each in the order of Java's TreeMap of byte buffers (signed bytes)."""
    signed = [
        (key, sorted(cells.items(), key=lambda cell: [byte - 256 if byte > 127 else byte for byte in cell[0]])) for key, cells in rows
    ]
    written = [
        TRowResult(row=key, columns={name: TCell(value=value, timestamp=7 + place) for place, (name, value) in enumerate(cells)})
        for key, cells in signed
    ]
    return reply("scannerGetList", Hbase.scannerGetList_result(success=written))


def decoded(message: bytes, columns: tuple[bytes, ...], loose: bool) -> list[Row]:
    found = row_count(message)
    assert found is not None
    block = RowDecoder(columns, loose, times=loose).block(message, *found)
    rows: list[Row] = [(key, {}) for key in block.keys]
    for name, values in zip(columns, block.columns, strict=True):
        for (_, cells), value in zip(rows, values, strict=True):
            if value is not None:
                cells[name] = value
    for place, name, value in zip(block.places, block.names, block.values, strict=True):
        rows[place][1][name] = value
    assert len(block.times) == len(block.places)
    return rows


cells = st.dictionaries(st.sampled_from([*COLUMNS, b"x:other"]), st.binary(max_size=300) | st.just(b"y" * 70_000), min_size=1)
rows = st.lists(st.tuples(st.binary(max_size=20), cells), max_size=12)


@given(rows, st.permutations(COLUMNS).flatmap(lambda names: st.integers(0, 4).map(lambda count: tuple(names[:count]))))
def test_rows_come_as_they_were_written(written: list[Row], columns: tuple[bytes, ...]) -> None:
    message = rows_reply(written)
    assert decoded(message, columns, loose=True) == written
    named = [(key, {name: value for name, value in held.items() if name in columns}) for key, held in written]
    assert decoded(message, columns, loose=False) == named


@given(rows, st.data())
def test_the_end_of_a_message_is_found_however_it_is_cut(written: list[Row], data: st.DataObject) -> None:
    message = rows_reply(written)
    received = bytearray()
    walk = message_end()
    next(walk)
    end = None
    cuts = sorted(data.draw(st.lists(st.integers(1, len(message)), max_size=6)))
    for start, stop in zip([0, *cuts], [*cuts, len(message)], strict=True):
        if start == stop:
            continue
        received += message[start:stop]
        end = walk.send(received)
        assert (end is None) == (stop < len(message))
    assert end == len(message)


@pytest.mark.parametrize(
    "message",
    [
        reply("getTableRegions", Hbase.getTableRegions_result(success=[TRegionInfo(startKey=b"a", endKey=b"", id=1, name=b"n", port=3)])),
        reply("scannerGetList", Hbase.scannerGetList_result(io=IOError(message=b"java.io.IOException: x"))),
        reply("scannerClose", Hbase.scannerClose_result()),
        reply("scannerOpenWithScan", Hbase.scannerOpenWithScan_result(success=3)),
        reply("getColumnDescriptors", Hbase.getColumnDescriptors_result(success={})),
    ],
)
def test_the_end_of_other_messages_is_found_too(message: bytes) -> None:
    for cut in range(1, len(message)):
        walk = message_end()
        next(walk)
        assert walk.send(bytearray(message[:cut])) is None
        assert walk.send(bytearray(message)) == len(message)


def test_an_error_is_no_list_of_rows() -> None:
    assert row_count(reply("scannerGetList", Hbase.scannerGetList_result(io=IOError(message=b"x")))) is None
    assert row_count(rows_reply([])) is not None


@given(rows.filter(bool), st.integers(1, 40))
def test_a_message_that_ends_too_early_is_malformed(written: list[Row], missing: int) -> None:
    message = rows_reply(written)
    found = row_count(message)
    assert found is not None
    with pytest.raises(Malformed):
        RowDecoder(COLUMNS, True, True).block(message[: max(found[1], len(message) - missing)], *found)


def test_bytes_that_are_no_thrift_are_malformed() -> None:
    walk = message_end()
    next(walk)
    with pytest.raises(Malformed):
        walk.send(bytearray(b"HTTP/1.1 400 Bad Request\r\n"))


HEADER = b"\x80\x01\x00\x02" + b"\x00\x00\x00\x01x" + b"\x00\x00\x00\x00"


@pytest.mark.parametrize(
    "field",
    [
        b"\x0c\x00\x00" + b"\x0f\x00\x01\x02\xff\xff\xff\xff",  # a struct with a list of 4 billion booleans
        b"\x0d\x00\x00\x02\x02\xff\xff\xff\xff",  # a map of as many
        b"\x0c\x00\x00" + b"\x0e\x00\x01\x0a\x7f\xff\xff\xff",
    ],
)
def test_a_huge_count_is_not_counted_through(field: bytes) -> None:
    walk = message_end()
    next(walk)
    begun = time.monotonic()
    assert walk.send(bytearray(HEADER + field)) is None
    assert time.monotonic() - begun < 1


def test_a_value_nested_without_end_is_malformed() -> None:
    walk = message_end()
    next(walk)
    with pytest.raises(Malformed):
        walk.send(bytearray(HEADER + b"\x0c\x00\x01" * 100_000))


@pytest.mark.parametrize("message", [b"\x80\x01\x00\x02", HEADER[:10], HEADER, b"\x80\x01\x00\x02\x7f\xff\xff\xff"])
def test_a_reply_that_ends_in_its_head_is_no_list_of_rows(message: bytes) -> None:
    assert row_count(message) is None
