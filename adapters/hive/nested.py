"""Arrays, maps and structs, which HiveServer2 sends as JSON text, as Arrow of their declared types.

Facts of Hive 4.0.1: field names are in lower case; texts are escaped as JSON wants it; NaN and Infinity stand bare; dates and times are
texts; decimals are numbers without trailing zeros; a map's keys stand bare unless they are texts, and bytes come damaged: neither is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from adapters.arrow_types import arrow_type
from catalog.types import Type


class MissingFieldError(ValueError):
    """A declared field of a struct is not among those that came."""


def unreadable(type: Type) -> str:
    """Why values of a nested type cannot be read from Hive's JSON, in words; '' if they can."""
    match type.name:
        case "bytes":
            return "bytes inside a nested value do not come whole from Hive"
        case "map" if type.key is not None and type.key.name != "text":
            return "Hive sends only maps with text keys in a form that can be read"
        case _:
            return next((reason for part in _parts(type) if (reason := unreadable(part))), "")


def nested_array(texts: Sequence[bytes | str | None], type: Type) -> pa.Array:
    """Values of a declared list, map or struct. Raises ValueError (pa.ArrowInvalid is one) if a text is not one of them."""
    joined = b"[" + b",".join(b"null" if text is None else text if isinstance(text, bytes) else text.encode() for text in texts) + b"]"
    values = _loader(_has(type, "double", "decimal"))(joined)
    _check_fields(values, type)
    prepared = [_prepared(value, type) for value in values] if _needs_preparing(type) else values
    carried = pa.array(prepared, _carrier(type))
    wanted = arrow_type(type)
    return carried if carried.type.equals(wanted) else pc.cast(carried, wanted)


def _parts(type: Type) -> list[Type]:
    return [part for part in (type.element, type.key, type.value, *(field for _, field in type.fields)) if part is not None]


def _has(type: Type, *names: str) -> bool:
    return type.name in names or any(_has(part, *names) for part in _parts(type))


@cache
def _loader(numbers: bool) -> Callable[[bytes], list[Any]]:
    """orjson where it is installed; Python's own reader where numbers may be NaN or must stay decimal."""
    if not numbers:
        try:
            import orjson
        except ImportError:
            pass
        else:
            return orjson.loads
    return lambda text: list(json.loads(text, parse_float=Decimal))


def _check_fields(values: Sequence[Any], type: Type) -> None:
    """Hive writes every field of every struct: the first one that is there tells."""
    match type.name:
        case "list":
            assert type.element is not None
            if _parts(type.element):
                _check_fields([item for value in values if value for item in value][:_ENOUGH], type.element)
        case "map":
            assert type.value is not None
            if _parts(type.value):
                _check_fields([item for value in values if value for item in value.values()][:_ENOUGH], type.value)
        case "struct":
            first = next((value for value in values if value is not None), None)
            for name, field in type.fields:
                if first is not None and name.lower() not in first:
                    raise MissingFieldError("a declared field is missing")
                if _parts(field):
                    _check_fields([value[name.lower()] for value in values if value is not None], field)


_ENOUGH = 100


def _needs_preparing(type: Type) -> bool:
    return _has(type, "map", "decimal", "double", "uuid") or any(name != name.lower() for name in _field_names(type))


def _field_names(type: Type) -> list[str]:
    return [name for name, _ in type.fields] + [name for part in _parts(type) for name in _field_names(part)]


def _prepared(value: Any, type: Type) -> Any:
    """The value as pyarrow takes it: maps as pairs, fields by their declared names, numbers of their own kind."""
    if value is None:
        return None
    match type.name:
        case "list":
            assert type.element is not None
            return [_prepared(item, type.element) for item in value]
        case "map":
            assert type.value is not None
            return [(key, _prepared(item, type.value)) for key, item in value.items()]
        case "struct":
            return {name: _prepared(value[name.lower()], field) for name, field in type.fields}
        case "double":
            return float(value)
        case "decimal":
            return Decimal(value)
        case "uuid":
            return _upper_uuid(value)
        case _:
            return value


def _upper_uuid(value: str) -> str:
    if _UUID.fullmatch(value) is None:
        raise ValueError("not a uuid")
    return value.upper()


_UUID = re.compile("[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")


def _carrier(type: Type) -> pa.DataType:
    """The Arrow type in which values come out of JSON: dates and times are still texts."""
    match type.name:
        case "list":
            assert type.element is not None
            return pa.list_(_carrier(type.element))
        case "map":
            assert type.key is not None and type.value is not None
            return pa.map_(_carrier(type.key), _carrier(type.value))
        case "struct":
            return pa.struct([pa.field(name, _carrier(field)) for name, field in type.fields])
        case "date" | "timestamp" | "local_timestamp":
            return pa.string()
        case _:
            return arrow_type(type)
