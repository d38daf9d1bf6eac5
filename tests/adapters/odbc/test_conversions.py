"""Bound buffers to Arrow, against plain Python: texts, times, NULLs, and what must never be cut or guessed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy
import pyarrow as pa
import pytest

from adapters.odbc.bindings import SQL_SS_TIME2, SQL_SS_TIMESTAMPOFFSET, Binding, UnknownTypeError, arrow_type_of, binding
from adapters.odbc.block_fetch import can_be_bound
from adapters.odbc.conversions import Block, UnreadableError
from adapters.odbc.handles import ResultColumn
from adapters.odbc.row_fetch import _instant

WVARCHAR, VARBINARY, DECIMAL, GUID, DATE, TIMESTAMP, BIT = -9, -3, 3, -11, 91, 93, -7
JUNK = 0x7F
"""What lies in a buffer after the end of a value: the value before it."""


def bound(sql_type: int, size: int = 20, scale: int = 0) -> Binding:
    found = binding(ResultColumn("c", sql_type, size, scale))
    assert found is not None
    return found


def converted(how: Binding, cells: Sequence[bytes | None]) -> pa.Array:
    """What the driver would have put there: each cell at the start of its row, its length beside it, -1 for NULL."""
    buffer = numpy.full((len(cells), how.width), JUNK, "u1")
    indicator = numpy.full(len(cells), -1, "i8")
    for row, cell in enumerate(cells):
        if cell is not None:
            buffer[row, : len(cell)] = numpy.frombuffer(cell, "u1")
            indicator[row] = len(cell)
    shaped = buffer.reshape(-1).view(how.dtype).reshape(len(cells), *how.shape)
    return how.convert(shaped, indicator, how.arrow)


def wide(*texts: str | None) -> list[bytes | None]:
    return [None if text is None else text.encode("utf-16-le") for text in texts]


@pytest.mark.parametrize(
    "texts",
    [
        ["", "a", None, "Smith, Jane"],
        ["é", "李雷", "😀", "a😀b", "\ue000", "\uffff", "\x7f\x80\u07ff\u0800", None, ""],
        ["x" * 20, "é" * 20, "😀" * 10],
        [None, None],
        ["", ""],
        ["\0a\0"],
    ],
)
def test_wide_texts_come_as_they_are(texts: list[str | None]) -> None:
    found = converted(bound(WVARCHAR), wide(*texts))
    found.validate(full=True)
    assert found.to_pylist() == texts


@pytest.mark.parametrize("halves", [[b"\x3d\xd8"], [b"\x00\xde"], [b"a\0\x3d\xd8", b"\x00\xdeb\0"], [b"\x3d\xd8", b"", b"\x00\xde"]])
def test_half_a_surrogate_pair_is_an_error_even_beside_its_other_half(halves: list[bytes]) -> None:
    with pytest.raises(UnreadableError):
        converted(bound(WVARCHAR), halves)


def test_a_text_that_was_cut_is_an_error() -> None:
    how = bound(WVARCHAR, size=4)
    buffer = numpy.zeros((1, 5), "u2")
    for told in (10, 5_000, -4):  # five units, far more, and "I do not know how many"
        with pytest.raises(UnreadableError):
            how.convert(buffer, numpy.array([told]), how.arrow)
    assert how.convert(buffer, numpy.array([8]), how.arrow).to_pylist() == ["\0" * 4]


def test_bytes_come_as_they_are_and_cut_ones_are_an_error() -> None:
    how = bound(VARBINARY, size=4)
    assert converted(how, [b"", b"\0", b"\xff\xfe\0\0", None]).to_pylist() == [b"", b"\0", b"\xff\xfe\0\0", None]
    with pytest.raises(UnreadableError):
        how.convert(numpy.zeros((1, 4), "u1"), numpy.array([5]), how.arrow)


def test_decimals_come_from_any_drivers_spelling() -> None:
    how = bound(DECIMAL, size=38, scale=10)
    cells = [
        b"1.5",
        b".5000000000",
        b"-.5",
        b"0",
        b"9999999999999999999999999999.9999999999",
        b"-9999999999999999999999999999.9999999999",
        None,
    ]
    values = [None if cell is None else Decimal(cell.decode()) for cell in cells]
    assert converted(how, cells).to_pylist() == values
    assert how.arrow == pa.decimal128(38, 10)


def test_identifiers_are_upper_case() -> None:
    text = "0a7eab76-a0e4-7895-581c-a1568ba1c7b1"
    assert converted(bound(GUID, 36), [text.encode(), None]).to_pylist() == [text.upper(), None]


DAYS = [date(1, 1, 1), date(1582, 10, 15), date(1900, 2, 28), date(1969, 12, 31), date(1970, 1, 1), date(2000, 2, 29), date(9999, 12, 31)]
MOMENTS = [datetime(1, 1, 1), datetime.max, datetime(1969, 12, 31, 23, 59, 59, 999_999), datetime(2024, 2, 29, 12, 34, 56, 789_012)]


def fields(moment: datetime, beyond: int = 0) -> tuple[int, ...]:
    """The ODBC struct; `beyond` are the nanoseconds that microseconds do not hold."""
    return (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, moment.microsecond * 1000 + beyond)


def structs(how: Binding, rows: Sequence[tuple[int, ...] | None]) -> tuple[Block, Block]:
    empty = (0,) * len(numpy.dtype(how.dtype).names or ())
    values = numpy.array([empty if row is None else row for row in rows], how.dtype)
    return values, numpy.array([-1 if row is None else how.width for row in rows])


def test_dates_of_all_years() -> None:
    how = bound(DATE)
    found = how.convert(*structs(how, [(day.year, day.month, day.day) for day in DAYS] + [None]), how.arrow)
    assert found.to_pylist() == [*DAYS, None]


@pytest.mark.parametrize("beyond", [0, 100, 900])
def test_times_of_all_years_lose_their_seventh_digit_and_nothing_else(beyond: int) -> None:
    how = bound(TIMESTAMP)
    found = how.convert(*structs(how, [fields(moment, beyond) for moment in MOMENTS] + [None]), how.arrow)
    assert found.to_pylist() == [*MOMENTS, None]


@pytest.mark.parametrize(("hours", "minutes"), [(0, 0), (5, 45), (-5, 0), (-3, -30), (14, 0), (-14, 0)])
def test_offsets_give_the_instant_in_blocks_and_in_rows(hours: int, minutes: int) -> None:
    how = bound(SQL_SS_TIMESTAMPOFFSET)
    moments = [datetime(1, 1, 2), datetime(2024, 2, 29, 12, 34, 56, 789_012), datetime(9999, 12, 30, 23, 59, 59, 999_999)]
    rows = [(*fields(moment, 900), hours, minutes) for moment in moments]
    instants = [(moment - timedelta(hours=hours, minutes=minutes)).replace(tzinfo=UTC) for moment in moments]
    values, indicator = structs(how, rows)
    assert how.convert(values, indicator, how.arrow).to_pylist() == instants
    assert [_instant(value.tobytes()) for value in values] == instants


def test_bits_and_their_nulls() -> None:
    how = bound(BIT)
    values = numpy.array([1, 0, 1, 0, 0, 0, 0, 0, 1], "u1")
    indicator = numpy.array([1, 1, -1, 1, 1, 1, 1, 1, 1])
    assert how.convert(values, indicator, how.arrow).to_pylist() == [True, False, None, False, False, False, False, False, True]


def test_what_is_made_of_a_buffer_does_not_change_with_it() -> None:
    how = bound(-5)
    buffer = numpy.array([1, 2], "i8")
    found = how.convert(buffer, numpy.array([8, 8]), how.arrow)
    buffer[:] = 0
    assert found.to_pylist() == [1, 2]


@pytest.mark.parametrize(
    ("sql_type", "size", "type"), [(WVARCHAR, 0, pa.string()), (-10, 2**30, pa.string()), (-152, 0, pa.string()), (-4, 0, pa.binary())]
)
def test_columns_without_a_bound_are_not_bound(sql_type: int, size: int, type: pa.DataType) -> None:
    column = ResultColumn("c", sql_type, size, 0)
    assert not can_be_bound([column])
    assert arrow_type_of(column) == type


def test_a_type_that_is_not_in_the_table_is_named() -> None:
    with pytest.raises(UnknownTypeError) as caught:
        can_be_bound([ResultColumn("secret", -150, 0, 0)])
    assert "-150" in str(caught.value)


def test_times_of_day() -> None:
    how = bound(SQL_SS_TIME2)
    found = how.convert(*structs(how, [(23, 59, 59, 999_999_900), None]), how.arrow)
    assert found.cast(pa.string()).to_pylist() == ["23:59:59.999999", None]
