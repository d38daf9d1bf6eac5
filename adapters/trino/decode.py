"""Columns of JSON values as Trino writes them, turned into Arrow arrays of the declared raw types. Lossless, or an error."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa
import pyarrow.compute as pc

from adapters.arrow_types import arrow_type
from adapters.trino.types import FoundType
from catalog.types import Type

Column = Sequence[Any]
Decoder = Callable[[Column], pa.Array]

_UUID = "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$"
_MICROSECONDS = len("2020-01-01 00:00:00.000000")


class UnreadableValueError(Exception):
    """A value that the declared type cannot hold. The value is not told."""


@lru_cache(maxsize=4096)
def decoder(found: FoundType, declared: Type) -> Decoder:
    """The decoder of a column whose type `fits`. Raises UnreadableValueError when called."""
    wanted = arrow_type(declared)
    match declared.name:
        case "integer" | "bigint" | "boolean" | "text":
            read: Decoder = lambda values: pa.array(values, wanted)  # noqa: E731  one of a table of small functions
        case "double":
            read = _reals if found.name == "real" else _doubles
        case "decimal" | "date":
            read = lambda values: pa.array(values, pa.string()).cast(wanted)  # noqa: E731
        case "timestamp" | "local_timestamp":
            read = lambda values: _times(values, found).cast(wanted)  # noqa: E731
        case "uuid":
            read = _uuids
        case "bytes":
            read = lambda values: pa.array([None if value is None else base64.b64decode(value) for value in values], wanted)  # noqa: E731
        case _:
            one = _scalar_reader(found, declared)
            read = lambda values: pa.array([None if value is None else one(value) for value in values], wanted)  # noqa: E731

    def checked(values: Column) -> pa.Array:
        try:
            return read(values)
        except (pa.ArrowException, ValueError, TypeError, ArithmeticError, OverflowError):
            pass
        raise UnreadableValueError  # outside of `except`: Arrow's error tells the value, and is not carried along

    return checked


def _doubles(values: Column) -> pa.Array:
    """NaN and the infinities come as texts."""
    return pa.array([float(value) if type(value) is str else value for value in values], pa.float64())


def _reals(values: Column) -> pa.Array:
    """A real has the value of its 32 bits, not of the short text: so the source compares it, too."""
    return _doubles(values).cast(pa.float32(), safe=False).cast(pa.float64())


def _times(values: Column, found: FoundType) -> pa.Array:
    """Times of no zone, or of UTC as the statement asks for them. A fraction finer than microseconds must be zero."""
    texts = pa.array(values, pa.string())
    if found.name == "timestamp with time zone":
        if not _all(pc.ends_with(texts, " UTC")):
            raise UnreadableValueError
        texts = pc.utf8_slice_codeunits(texts, 0, -len(" UTC"))
    if found.numbers and found.numbers[0] > 6:
        if not _all(pc.match_substring_regex(texts, r"\.\d{6}0*$")):
            raise UnreadableValueError
        texts = pc.utf8_slice_codeunits(texts, 0, _MICROSECONDS)
    return texts.cast(pa.timestamp("us"))


def _uuids(values: Column) -> pa.Array:
    texts = pa.array(values, pa.string())
    if not _all(pc.match_substring_regex(texts, _UUID)):
        raise UnreadableValueError
    return pc.ascii_upper(texts)


def _all(found: pa.Array) -> bool:
    return pc.all(found, min_count=0).as_py() is not False


# --------------------------------------------------------------------------------------- values inside of nested types


def _scalar_reader(found: FoundType, declared: Type) -> Callable[[Any], Any]:
    """How one value (never None) inside of an array, map or row is read. Raises ValueError."""
    match declared.name:
        case "list":
            assert declared.element is not None
            element = _or_none(_scalar_reader(found.children[0][1], declared.element))
            return lambda value: [element(item) for item in value]
        case "map":
            assert declared.key is not None and declared.value is not None
            key, inner = _key_reader(found.children[0][1], declared.key), _or_none(_scalar_reader(found.children[1][1], declared.value))
            return lambda value: [(key(name), inner(item)) for name, item in value.items()]
        case "struct":
            fields = [(name, _or_none(_scalar_reader(child, field))) for (name, field), (_, child) in zip(declared.fields, found.children)]
            return lambda value: {name: read(item) for (name, read), item in zip(fields, value)}
        case "double":
            return (lambda value: _reals([value])[0].as_py()) if found.name == "real" else float
        case name:
            return _SCALARS[name]


def _or_none(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


def _key_reader(found: FoundType, declared: Type) -> Callable[[str], Any]:
    """Keys of a JSON object are texts, whatever the type."""
    match declared.name:
        case "integer" | "bigint":
            return int
        case "boolean":
            return {"true": True, "false": False}.__getitem__
        case _:
            return _scalar_reader(found, declared)


def _same(value: Any) -> Any:
    return value


def _uuid(value: str) -> str:
    if not re.match(_UUID, value):
        raise ValueError
    return value.upper()


_TIME = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.(\d{1,6})0*)?(?: (.+))?")


def _time(value: str) -> datetime:
    """A time, in UTC if it has a zone: inside of nested types each has its own."""
    read = _TIME.fullmatch(value)
    if read is None:
        raise ValueError
    plain = datetime.fromisoformat(read[1]).replace(microsecond=int((read[2] or "0").ljust(6, "0")))
    return plain if read[3] is None else plain.replace(tzinfo=_zone(read[3])).astimezone(UTC)


def _zone(name: str) -> timezone | ZoneInfo:
    offset = re.fullmatch(r"([+-])(\d\d):(\d\d)", name)
    if offset is not None:
        distance = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(distance if offset[1] == "+" else -distance)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError from None


_SCALARS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("text", "integer", "bigint", "boolean"), _same),
    "decimal": Decimal,
    "date": date.fromisoformat,
    "timestamp": _time,
    "local_timestamp": _time,
    "uuid": _uuid,
    "bytes": base64.b64decode,
}
