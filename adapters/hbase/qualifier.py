"""Wide qualifiers: column names that carry data, taken apart from their end so that any code survives in the first field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.hbase.codecs import codec_named
from adapters.hbase.layout import Part
from adapters.interface import SourceError
from catalog.source_tables import HBaseTable, WideFamily


def qualifier_parts(table: HBaseTable, wide: WideFamily) -> tuple[Part, ...]:
    """The fields of a wide qualifier, each with the constants around it. Raises SourceError S110."""
    constants: list[list[bytes]] = [[]]
    fields = []
    for piece in wide.qualifier:
        if piece.constant is not None:
            constants[-1].append(piece.constant.encode())
        else:
            fields.append(piece)
            constants.append([])
    parts = []
    for index, piece in enumerate(fields):
        try:
            codec = codec_named(piece.codec)
        except ValueError as error:
            raise _misfit(table, wide, piece.name, str(error)) from None
        parts.append(
            Part(
                name=piece.name,
                codec=codec,
                type=piece.type,
                before=b"".join(constants[0]) if index == 0 else b"",
                after=b"".join(constants[index + 1]),
                last=index == len(fields) - 1,
                bounds=wide.ranges.get(piece.name),
            )
        )
    if not parts:
        raise _misfit(table, wide, "", "is missing: a qualifier without data belongs into cells")
    for index, part in enumerate(parts):
        variable = part.codec.width is None
        if variable and index and not parts[index - 1].after and any(p.codec.width is None for p in parts[:index]):
            raise _misfit(table, wide, part.name, "has no fixed width and nothing stands before it: it cannot be told apart")
    return tuple(parts)


def qualifier_reader(parts: tuple[Part, ...]) -> Callable[[bytes], tuple[Any, ...] | None]:
    """A function from a qualifier to the values of its fields; None if it does not have this form (it is no row then)."""
    known: dict[bytes, tuple[Any, ...] | None] = {}

    def read(qualifier: bytes) -> tuple[Any, ...] | None:
        if qualifier not in known:
            if len(known) > 100_000:
                known.clear()
            known[qualifier] = _read(parts, qualifier)
        return known[qualifier]

    return read


def _read(parts: tuple[Part, ...], qualifier: bytes) -> tuple[Any, ...] | None:
    values: list[Any] = []
    end = len(qualifier)
    for index in range(len(parts) - 1, -1, -1):
        part = parts[index]
        if not qualifier.endswith(part.after, 0, end):
            return None
        end -= len(part.after)
        start = _start(parts, index, qualifier, end)
        if start is None:
            return None
        try:
            value = part.value(qualifier[start:end])
        except ValueError:
            return None
        if part.bounds is not None and not part.bounds[0] <= value <= part.bounds[1]:
            return None
        values.append(value)
        end = start
    return tuple(reversed(values)) if qualifier[:end] == parts[0].before else None


def _start(parts: tuple[Part, ...], index: int, qualifier: bytes, end: int) -> int | None:
    """Where the field that ends at `end` begins."""
    width = parts[index].codec.width
    if width is not None:
        start = end - width
    elif index == 0:
        start = len(parts[0].before)
    elif parts[index - 1].after:
        found = qualifier.rfind(parts[index - 1].after, 0, end)
        if found < 0:
            return None
        start = found + len(parts[index - 1].after)
    else:
        start = len(parts[0].before) + sum((p.codec.width or 0) + len(p.after) for p in parts[:index])
    return start if 0 <= start <= end else None


def _misfit(table: HBaseTable, wide: WideFamily, name: str, fact: str) -> SourceError:
    return SourceError("S110", f"the family {table.name}.{wide.name}: qualifier field {name} {fact}", "see docs/hbase-layouts.md")
