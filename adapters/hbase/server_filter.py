"""Server filter: conditions on cells in HBase's filter language, as far as the order of bytes proves them. Pure.

HBase compares bytes. A test is written only where its value set is one set of bytes: points of codecs with known stored
forms, ranges of UTF-8 text, of numbers with the sign bit turned, and of big-endian numbers on either side of zero. NULL is
an absent cell, which SingleColumnValueFilter can only leave out: a set with NULL is never written. The adapter applies
every condition again, so the filter may say less than the condition: never more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from adapters.hbase.byte_ranges import ByteRange, successor
from adapters.hbase.codecs import Codec, IntegerCodec, TextCodec, codec_named
from catalog.conditions import AllOf, AnyOf, Condition, Test
from catalog.source_tables import Cell, HBaseTable
from catalog.values import Interval, ValueSet

MAX_COMPARISONS = 32

_POINTS = ("text", "json", "u8", "i16be", "i32be", "i64be", "phoenix_i32", "phoenix_i64", "f32be", "f64be", "bool")
"""Codecs whose `encode` lists every form that `decode` reads as the value, in cells too. Not among them: digits (leading
zeros), decimal_be (scales). Encoded texts are, if their encoding reads back what it writes: the codec checks that."""


class ServerFilter(NamedTuple):
    """A filter as it is sent, and the columns that it looks at."""

    text: bytes
    columns: frozenset[str]


def cell_filter(table: HBaseTable, conditions: Sequence[Condition]) -> ServerFilter | None:
    """What the conditions say of the table's cells; None if that is nothing."""
    cells = {cell.name: cell for cell in table.cells}
    found = _all_of([_written(condition, cells) for condition in conditions])
    return found if found is not None and found.text.count(b"SingleColumnValueFilter") <= MAX_COMPARISONS else None


def _written(condition: Condition, cells: Mapping[str, Cell]) -> ServerFilter | None:
    """None where nothing can be said: under AND that is left out, under OR it takes the others with it."""
    match condition:
        case Test(term=term, wanted=wanted) if term.kind == "value" and term.column in cells:
            text = _test(cells[term.column], wanted)
            return None if text is None else ServerFilter(text, frozenset([term.column]))
        case AllOf(parts=parts):
            return _all_of([_written(part, cells) for part in parts])
        case AnyOf(arms=arms):
            written = [_written(arm, cells) for arm in arms]
            return None if None in written else _together(b" OR ", [each for each in written if each is not None])
        case _:
            return None


def _all_of(parts: Sequence[ServerFilter | None]) -> ServerFilter | None:
    return _together(b" AND ", [each for each in parts if each is not None])


def _together(word: bytes, parts: Sequence[ServerFilter]) -> ServerFilter | None:
    text = _joined(word, [part.text for part in parts])
    return None if text is None else ServerFilter(text, frozenset().union(*(part.columns for part in parts)))


def _joined(word: bytes, parts: Sequence[bytes]) -> bytes | None:
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else b"(" + word.join(parts) + b")"


def _test(cell: Cell, wanted: ValueSet) -> bytes | None:
    if wanted.null or wanted.is_empty:
        return None
    codec = codec_named(cell.codec)
    ranges: list[ByteRange] = []
    for interval in wanted.intervals:
        found = _bytes_of(codec, interval)
        if found is None:
            return None
        ranges += found
    if not ranges:
        return None  # no stored form at all: the read will say so, cheaply enough
    return _joined(b" OR ", [_within(cell, found) for found in ranges])


def _bytes_of(codec: Codec, interval: Interval) -> list[ByteRange] | None:
    """The bytes of one interval's values, None if they are no ranges."""
    if interval.is_point:
        if codec.name not in _POINTS and not isinstance(codec, TextCodec):
            return None
        return [ByteRange(form, form + b"\x00") for form in codec.encode(interval.low)]
    if isinstance(codec, TextCodec) and codec.ordered:
        return _text(interval)
    if isinstance(codec, IntegerCodec):
        return _numbers(codec, interval)
    return None


def _text(interval: Interval) -> list[ByteRange] | None:
    low, high = interval.low, interval.high
    if not isinstance(low, str | None) or not isinstance(high, str | None):
        return None
    try:
        start = b"" if low is None else low.encode() + (b"" if interval.low_closed else b"\x00")
        stop = None if high is None else high.encode() + (b"\x00" if interval.high_closed else b"")
    except UnicodeEncodeError:
        return None
    return [ByteRange(start, stop)]


def _numbers(codec: IntegerCodec, interval: Interval) -> list[ByteRange] | None:
    """Numbers on either side of zero are each in the order of their bytes, and the negative ones come last."""
    bits = 8 * codec.width
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if codec.signed else (0, (1 << bits) - 1)
    bounds = [bound for bound in (interval.low, interval.high) if bound is not None]
    if not all(isinstance(bound, int) for bound in bounds):
        return None
    if interval.low is not None:
        low = max(low, interval.low + (not interval.low_closed))
    if interval.high is not None:
        high = min(high, interval.high - (not interval.high_closed))
    halves = [(low, high)] if codec.flipped or not codec.signed else [(max(low, 0), high), (low, min(high, -1))]
    return [ByteRange(codec.encode(first)[0], successor(codec.encode(last)[0])) for first, last in halves if first <= last]


def _within(cell: Cell, found: ByteRange) -> bytes:
    if found.key is not None:
        return _comparison(cell, b"=", found.start)
    sides = [_comparison(cell, b">=", found.start)]
    if found.stop is not None:
        sides.append(_comparison(cell, b"<", found.stop))
    return _joined(b" AND ", sides) or b""


def _comparison(cell: Cell, operator: bytes, value: bytes) -> bytes:
    """True only for rows whose newest version of the cell compares so; a row without the cell is left out."""
    names = [quoted(cell.family.encode()), quoted(cell.qualifier.encode())]
    return b"SingleColumnValueFilter(" + b",".join([*names, operator, quoted(b"binary:" + value), b"true", b"true"]) + b")"


def quoted(text: bytes) -> bytes:
    """A constant of the filter language: any bytes, with quotes doubled."""
    return b"'" + text.replace(b"'", b"''") + b"'"


def qualifier_filter(ranges: Sequence[ByteRange]) -> bytes | None:
    """Keeps the columns within the ranges. Only where one family is read: in a list of filters, what one says of a family
    would be carried over to the next. None if there are too many ranges."""
    if len(ranges) > MAX_COMPARISONS:
        return None
    return _joined(b" OR ", [b"ColumnRangeFilter(" + quoted(r.start) + b",true," + quoted(r.stop or b"") + b",false)" for r in ranges])
