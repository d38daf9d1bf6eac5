"""Reads the layout of an HBase table: row key segments, cells and wide families, each checked against its codec."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from catalog.errors import near_names
from catalog.loader.codecs import Codec, find_codec
from catalog.loader.forms import Reading
from catalog.loader.problems import UNREADABLE, Problems
from catalog.source_tables import Cell, HBaseTable, QualifierPart, RowKey, Salt, Segment, WideFamily
from catalog.types import INTEGER, TEXT

_FIELD = re.compile(r"([A-Za-z_]\w*):([a-z].*)")


@dataclass(frozen=True, slots=True)
class _Layout:
    """One HBase table while it is read: its place in the file and where problems go."""

    reading: Reading
    path: tuple[str, ...]
    problems: Problems

    def fault(self, fact: str, hint: str, *path: str) -> None:
        self.problems.add("C215", self.reading.at(*self.path, *path), fact, hint)

    def codec(self, name: str, *path: str) -> Codec | None:
        try:
            return find_codec(name)
        except ValueError as error:
            self.fault(str(error.args[0]), str(error.args[1]), *path)
            return None


def read_layout(name: str, data: dict[str, Any], reading: Reading, path: tuple[str, ...], problems: Problems) -> HBaseTable:
    layout = _Layout(reading, path, problems)
    row_key = data.get("row_key", {})
    delimiter = row_key.get("delimiter")
    segments = [_segment(layout, segment, index) for index, segment in enumerate(row_key.get("segments", []))]
    for index, segment in enumerate(segments):
        _check_width(layout, segment, index, last=index == len(segments) - 1, delimiter=delimiter)
        _check_salt(layout, segment, index, segments)
    table = HBaseTable(
        name=name,
        row_key=RowKey(segments=tuple(segments), delimiter=delimiter),
        cells=tuple(cell for key, value in data.get("cells", {}).items() if (cell := _cell(layout, key, value)) is not None),
        wide=tuple(wide for key, value in data.get("wide", {}).items() if (wide := _wide(layout, key, value)) is not None),
        versions=data.get("versions", "latest"),
        rows=data.get("rows"),
        zone=data.get("zone"),
        place=reading.at_key(*path),
    )
    _check_names(layout, table)
    return table


# ------------------------------------------------------------------------------------------------------ row key


def _segment(layout: _Layout, data: dict[str, Any], index: int) -> Segment:
    at = ("row_key", "segments", str(index))
    salt = _salt(data["salt"]) if {"hash", "of"} <= data.get("salt", {}).keys() else None
    name = data.get("type", "text" if salt is None or salt.hex is not None else "digits")
    codec = layout.codec(name, *at, "type") or _unreadable(data)
    if not codec.in_key:
        layout.fault(f"the codec {name} cannot stand in a row key", "numbers in keys are i64be, i32be, i16be, u8 or digits", *at, "type")
    width = data.get("width")
    if codec.width is not None and width is not None and width != codec.width:
        layout.fault(f"{name} takes {codec.width} bytes, not {width}", "leave out the width", *at, "width")
    if data.get("reversed") and codec.name not in ("text", "digits", UNREADABLE.name):
        layout.fault(f"{name} cannot be reversed", "only text and digits can", *at, "reversed")
    return Segment(
        name=data.get("name", f"segment_{index}"),
        codec=codec.name,
        width=codec.width or width,
        reversed=data.get("reversed", False),
        subtract_from=_subtract_from(layout, data, codec, at),
        salt=salt,
        type=codec.type,
    )


def _unreadable(data: dict[str, Any]) -> Codec:
    """Fits whatever the segment says: its codec is a problem already."""
    return Codec(UNREADABLE.name, UNREADABLE, data.get("width", 1), 2**63 - 1, in_key=True)


def _salt(data: dict[str, Any]) -> Salt:
    return Salt(hash=data["hash"], of=data["of"], modulo=data.get("modulo"), hex=data.get("hex"), over=data.get("over", "logical"))


def _subtract_from(layout: _Layout, data: dict[str, Any], codec: Codec, at: tuple[str, ...]) -> int | None:
    start: int | None = data.get("subtract_from")
    if start is None:
        return None
    if codec.type not in (INTEGER, UNREADABLE):
        layout.fault("subtract_from needs a number", "give the segment the type digits or i64be", *at, "subtract_from")
        return None
    digits: int = data.get("width", 18)
    maximum: int = codec.maximum if codec.maximum is not None else 10**digits - 1
    if start > maximum:
        layout.fault(f"subtract_from {start} does not fit the segment, which holds at most {maximum}", "", *at, "subtract_from")
    return start


def _check_width(layout: _Layout, segment: Segment, index: int, *, last: bool, delimiter: str | None) -> None:
    at = ("row_key", "segments", str(index))
    if segment.width is not None:
        if segment.codec == "digits" and segment.width > 18:
            layout.fault(f"{segment.width} digits do not fit 64 bits", "read a longer number as text", *at, "width")
        return
    if segment.codec == "digits":
        layout.fault(f"the segment {segment.name} has no width", "digits are padded with zeros to a width", *at)
    elif not last and delimiter is None:
        layout.fault(f"the segment {segment.name} has no width", "without a delimiter every segment but the last needs one", *at)


def _check_salt(layout: _Layout, segment: Segment, index: int, segments: list[Segment]) -> None:
    salt, at = segment.salt, ("row_key", "segments", str(index), "salt")
    if salt is None:
        return
    others = [other.name for other in segments if other.salt is None]
    if salt.of not in others:
        layout.fault(f"the salt is made of the unknown segment {salt.of}", near_names(salt.of, others), *at, "of")
    if (salt.modulo is None) == (salt.hex is None):
        layout.fault("a salt takes either modulo or hex", "modulo: the number of buckets; hex: the number of digits", *at)
        return
    buckets, room = _buckets(salt), _room(segment)
    if room is not None and buckets > room:
        layout.fault(f"the salt has {buckets} buckets, the segment has room for {room}", "", *at)


def _buckets(salt: Salt) -> int:
    return salt.modulo if salt.modulo is not None else 1 << 4 * (salt.hex or 0)


def _room(segment: Segment) -> int | None:
    if segment.width is None:
        return None
    if segment.codec == "digits":
        return int(10**segment.width)
    return 1 << segment.width * (4 if segment.codec == "text" else 8)


# ----------------------------------------------------------------------------------------------- cells, families


def _cell(layout: _Layout, name: str, data: dict[str, Any]) -> Cell | None:
    if "column" not in data or "type" not in data or (codec := layout.codec(data["type"], "cells", name, "type")) is None:
        return None
    if codec.name == "digits":
        layout.fault("a cell has no width, so digits cannot be read", "read it as text, and use number(...)", "cells", name, "type")
    family, _, qualifier = data["column"].partition(":")
    required = data.get("required", False)
    return Cell(name=name, family=family, qualifier=qualifier, codec=codec.name, type=codec.type, required=required)


def _wide(layout: _Layout, name: str, data: dict[str, Any]) -> WideFamily | None:
    if not {"family", "qualifier", "value"} <= data.keys():
        return None
    parts = [_qualifier_part(layout, name, text, index) for index, text in enumerate(data["qualifier"])]
    value_name, _, value_codec = data["value"].partition(":")
    codec = layout.codec(value_codec, "wide", name, "value")
    _check_qualifier(layout, name, parts)
    ranges = _ranges(layout, name, data.get("ranges", {}), parts)
    if codec is None or any(part is None for part in parts):
        return None
    return WideFamily(
        name=name,
        family=data["family"],
        qualifier=tuple(part for part in parts if part is not None),
        value_name=value_name,
        value_codec=codec.name,
        value_type=codec.type,
        ranges=ranges,
    )


def _qualifier_part(layout: _Layout, name: str, text: str, index: int) -> QualifierPart | None:
    field = _FIELD.fullmatch(text)
    if field is None:
        return QualifierPart(constant=text, type=TEXT)
    codec = layout.codec(field[2], "wide", name, "qualifier", str(index))
    if codec is None:
        return None
    if not codec.in_key or codec.name == "digits":
        hint = "a qualifier holds text, u8, i16be, i32be or i64be"
        layout.fault(f"the codec {field[2]} cannot stand in a qualifier", hint, "wide", name, "qualifier", str(index))
    return QualifierPart(name=field[1], codec=codec.name, type=codec.type)


def _check_qualifier(layout: _Layout, name: str, parts: list[QualifierPart | None]) -> None:
    """The qualifier is parsed from its end: two texts of any length must have a constant between them."""
    open_text = False
    for part in parts:
        if part is None or part.constant is not None:
            open_text = False
            continue
        variable = part.codec.startswith("text")
        if variable and open_text:
            layout.fault(f"where the field {part.name} begins cannot be known", "put a constant before it", "wide", name, "qualifier")
        open_text = open_text or variable
    if not any(part is None or part.constant is None for part in parts):
        layout.fault("the qualifier has no field", "a qualifier without data belongs into cells", "wide", name, "qualifier")


def _ranges(layout: _Layout, name: str, data: dict[str, list[int]], parts: list[QualifierPart | None]) -> dict[str, tuple[int, int]]:
    numbers = [part.name for part in parts if part is not None and part.constant is None and part.type == INTEGER]
    found: dict[str, tuple[int, int]] = {}
    for field, bounds in data.items():
        if field not in numbers:
            hint = near_names(field, numbers)
            layout.fault(f"ranges names {field}, which is no numeric field of the qualifier", hint, "wide", name, "ranges", field)
        elif len(bounds) == 2 and bounds[0] > bounds[1]:
            layout.fault(f"the range of {field} ends before it begins", "", "wide", name, "ranges", field)
        elif len(bounds) == 2:
            found[field] = bounds[0], bounds[1]
    return found


def _check_names(layout: _Layout, table: HBaseTable) -> None:
    """Every relation of the table (its rows, each wide family) delivers a name once."""
    seen: set[str] = set()
    for index, segment in enumerate(table.row_key.segments):
        if segment.name in seen:
            layout.fault(f"the name {segment.name} is used twice", "", "row_key", "segments", str(index), "name")
        seen.add(segment.name)
    for cell in table.cells:
        if cell.name in seen:
            layout.fault(f"the name {cell.name} is used twice, by a segment and a cell", "", "cells", cell.name)
        seen.add(cell.name)
    for wide in table.wide:
        inner = set(seen)
        fields = [(part.name, "qualifier") for part in wide.qualifier if part.constant is None]
        for name, key in [*fields, (wide.value_name, "value")]:
            if name in inner:
                layout.fault(f"the name {name} is used twice in the rows of {table.name}.{wide.name}", "", "wide", wide.name, key)
            inner.add(name)
