"""Random row-key layouts, rows and conditions; rows are encoded here by other means than the adapter's."""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from adapters.hbase.salt import murmur3
from catalog.conditions import AllOf, AnyOf, Condition, Term, Test
from catalog.source_tables import HBaseTable, RowKey, Salt, Segment
from catalog.values import Interval, ValueSet
from tests.adapters.hbase.layouts import cell, segment

FORMATS = {"u8": ">B", "i16be": ">h", "i32be": ">i", "i64be": ">q"}
TOP = {"u8": 255, "i16be": 2**15 - 1, "i32be": 2**31 - 1, "i64be": 2**63 - 1}
LETTERS = ["a", "b", "|", "~", "\x00", "\x7f", "é", "一", "\ufffd", "\U0010ffff"]


@dataclass(frozen=True)
class Case:
    """A table, its rows as values and as keys, and conditions on them."""

    table: HBaseTable
    rows: list[dict[str, Any]]
    keys: list[bytes]
    conditions: tuple[Condition, ...]


def stored(part: Segment, value: Any) -> bytes:
    if part.subtract_from is not None:
        value = part.subtract_from - value
    if part.codec == "text":
        return (value[::-1] if part.reversed else value).encode()
    if part.codec == "text(gbk)":
        return (value[::-1] if part.reversed else value).encode("gbk")
    if part.codec == "digits":
        text = str(value).rjust(part.width or 0, "0")
        return (text[::-1] if part.reversed else text).encode()
    if part.codec.startswith("phoenix"):
        bits = 8 * (part.width or 0)
        return (value + 2 ** (bits - 1)).to_bytes(bits // 8, "big")
    return struct.pack(FORMATS[part.codec], value)


def salted(part: Segment, table: HBaseTable, row: dict[str, Any]) -> bytes:
    salt = part.salt
    assert salt is not None
    hashed = next(s for s in table.row_key.segments if s.name == salt.of)
    data = stored(hashed, row[salt.of]) if salt.over == "stored" else str(row[salt.of]).encode()
    digest = {
        "crc32": lambda: f"{zlib.crc32(data):08x}",
        "murmur3": lambda: f"{murmur3(data):08x}",
        "md5": lambda: hashlib.md5(data).hexdigest(),
    }[salt.hash]()
    if salt.hex is not None:
        return digest[: salt.hex].encode()
    bucket = int(digest, 16) % (salt.modulo or 1)
    return bytes([bucket]) if part.codec == "u8" else str(bucket).rjust(part.width or 0, "0").encode()


def key_of(table: HBaseTable, row: dict[str, Any]) -> bytes:
    pieces = [salted(s, table, row) if s.salt is not None else stored(s, row[s.name]) for s in table.row_key.segments]
    return (table.row_key.delimiter or "").encode().join(pieces)


@st.composite
def segments(draw: st.DrawFn, name: str, delimited: bool, last: bool) -> Segment:
    codec = draw(st.sampled_from(["text", "text", "digits", "u8", "i16be", "i32be", "i64be", "phoenix_i32", "phoenix_i64", "text(gbk)"]))
    if codec.startswith("text"):
        free = (delimited or last) and draw(st.booleans())
        return segment(name, codec, width=None if free else 2, reversed=draw(st.booleans()))
    if codec == "digits":
        width = draw(st.integers(1, 3))
        turned = draw(st.sampled_from([None, 10**width - 1]))
        return segment(name, codec, width=width, subtract_from=turned, reversed=turned is None and draw(st.booleans()))
    turned = TOP.get(codec)
    return segment(name, codec, subtract_from=draw(st.sampled_from([None, turned])) if turned else None)


@st.composite
def salts(draw: st.DrawFn, names: list[str]) -> Segment:
    hash, over = draw(st.sampled_from(["crc32", "md5", "murmur3"])), draw(st.sampled_from(["logical", "stored"]))
    of = draw(st.sampled_from(names))
    form = draw(st.sampled_from(["u8", "text", "hex"]))
    if form == "hex":
        return segment("salt", "text", width=1, salt=Salt(hash=hash, of=of, hex=1, over=over))
    return segment("salt", form, width=1 if form == "u8" else 2, salt=Salt(hash=hash, of=of, modulo=draw(st.integers(1, 9)), over=over))


@st.composite
def tables(draw: st.DrawFn) -> HBaseTable:
    delimiter = draw(st.sampled_from([None, "|", "::"]))
    count = draw(st.integers(1, 3))
    names = ["first", "second", "third"][:count]
    parts = [draw(segments(name, delimiter is not None, name == names[-1])) for name in names]
    if draw(st.booleans()):
        parts.insert(draw(st.sampled_from([0, 0, len(parts)])) if parts[-1].width is not None else 0, draw(salts(names)))
    return HBaseTable(name="t", row_key=RowKey(segments=tuple(parts), delimiter=delimiter), cells=(cell("c", "f:c"),))


def values(part: Segment, delimiter: str | None, last: bool) -> st.SearchStrategy[Any]:
    """Values that the segment can hold."""
    if part.codec.startswith("text"):
        letters = [
            letter
            for letter in LETTERS
            if not (delimiter and not last and part.width is None and letter in delimiter + "|") and _writable(letter, part.codec)
        ]
        size = {"min_size": part.width, "max_size": part.width} if part.width else {"max_size": 3}
        return st.text(st.sampled_from(letters), **size)  # type: ignore[arg-type]
    low, high = reach(part)
    return st.sampled_from([low, low + 1, (low + high) // 2, high - 1, high]) | st.integers(low, min(low + 5, high))


def reach(part: Segment) -> tuple[int, int]:
    if part.codec == "digits":
        return 0, 10 ** (part.width or 0) - 1
    if part.codec.startswith("phoenix"):
        bits = 8 * (part.width or 0)
        return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return 0, TOP[part.codec]


def _writable(letter: str, codec: str) -> bool:
    try:
        letter.encode("gbk" if codec == "text(gbk)" else "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def constants(part: Segment) -> st.SearchStrategy[Any]:
    """Constants to compare with: values of the segment, and some that it cannot hold."""
    if part.codec.startswith("text"):
        return st.text(st.sampled_from(LETTERS), max_size=3)
    low, high = reach(part)
    return st.sampled_from([low - 1, low, low + 1, high - 1, high, high + 1, 0.5, -(2**70), 2**70]) | st.integers(low, min(low + 5, high))


@st.composite
def value_sets(draw: st.DrawFn, part: Segment) -> ValueSet:
    constant = constants(part)
    kind = draw(st.sampled_from(["points", "range", "several", "excluded"]))
    if kind == "points":
        return ValueSet.of(*draw(st.lists(constant, min_size=1, max_size=4)))
    if kind == "excluded":
        return ValueSet.of(*draw(st.lists(constant, min_size=1, max_size=2))).complement()
    bounds = st.tuples(constant | st.none(), constant | st.none(), st.booleans(), st.booleans())
    drawn = draw(st.lists(bounds, min_size=1, max_size=1 if kind == "range" else 3))
    return ValueSet.build(Interval(low, high, low is not None and a, high is not None and b) for low, high, a, b in drawn)


def conditions(table: HBaseTable) -> st.SearchStrategy[Condition]:
    named = [part for part in table.row_key.segments if part.salt is None]
    tests: st.SearchStrategy[Condition] = st.sampled_from(named).flatmap(
        lambda part: st.builds(lambda wanted: Test(Term(part.name), wanted), value_sets(part))
    )
    return st.recursive(
        tests,
        lambda inner: st.lists(inner, min_size=2, max_size=3).flatmap(
            lambda parts: st.sampled_from([AllOf(tuple(parts)), AnyOf(tuple(parts))])
        ),
        max_leaves=6,
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    table = draw(tables())
    parts = table.row_key.segments
    row = st.fixed_dictionaries({p.name: values(p, table.row_key.delimiter, p is parts[-1]) for p in parts if p.salt is None})
    rows = draw(st.lists(row, min_size=1, max_size=12))
    wanted = draw(st.lists(conditions(table), max_size=2))
    return Case(table, rows, [key_of(table, one) for one in rows], tuple(wanted))
