"""The columns of a FetchResults answer (Thrift's TColumn) straight into Arrow of the declared types, without rows in between.

Facts of HiveServer2 4.0.1: texts, dates, decimals and times travel as text; a null bitmap lacks its trailing zero bytes, and a NULL's
value is some filler; FLOAT comes as the double with the shortest spelling, not as the float's own value; CHAR comes padded with blanks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from adapters.arrow_types import arrow_type
from adapters.hive.hive_types import DEFAULT_PARTITION, READ_FROM
from adapters.hive.nested import MissingFieldError, nested_array, unreadable
from adapters.interface import SourceError
from catalog.types import Type

_WIRE: Mapping[str, pa.DataType] = {
    "boolVal": pa.bool_(),
    "byteVal": pa.int8(),
    "i16Val": pa.int16(),
    "i32Val": pa.int32(),
    "i64Val": pa.int64(),
    "doubleVal": pa.float64(),
    "stringVal": pa.string(),
    "binaryVal": pa.binary(),
}
"""Field of the union TColumn to the Arrow type of its values."""

_TYPE_IDS: Mapping[int, str] = {
    0: "boolean",
    1: "tinyint",
    2: "smallint",
    3: "int",
    4: "bigint",
    5: "float",
    6: "double",
    7: "string",
    8: "timestamp",
    9: "binary",
    10: "array",
    11: "map",
    12: "struct",
    15: "decimal",
    17: "date",
    18: "varchar",
    19: "char",
    22: "timestamp with local time zone",
}
"""TTypeId to Hive's name of the type."""

NESTED = ("list", "map", "struct")
_UUID = r"^[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultColumn:
    """One column of a result: the table and column it is of (for errors), the declared type, and the Hive type that came."""

    table: str
    name: str
    declared: Type
    found: str
    scale: int = 0

    def array(self, column: Any) -> pa.Array:
        """The values of one TColumn. Raises SourceError S120 or S121 with the names, never with a value."""
        try:
            return self._converted(column)
        except MissingFieldError:
            missing = True
        except (ValueError, TypeError, OverflowError, LookupError):
            missing = False
        if missing:
            raise SourceError("S120", f"the values of table {self.table}, column {self.name} lack a field of {self.declared}")
        raise SourceError("S121", f"a value of table {self.table}, column {self.name} cannot be read as {self.declared}")

    def _converted(self, column: Any) -> pa.Array:
        kind, values, missing = _parts(column)
        if self.declared.name in NESTED:
            return nested_array([None if absent else text for text, absent in zip(values, missing, strict=True)], self.declared)
        carried = pa.array(values, _WIRE[kind], mask=missing)
        match self.found:
            case "float":
                carried = carried.cast(pa.float32())
            case "char":
                carried = pc.utf8_rtrim(carried, " ")
            case "timestamp with local time zone":
                carried = _without_zone(carried)
        if self.declared.is_text:
            default = pc.equal(carried, DEFAULT_PARTITION)
            if pc.any(default).as_py():
                carried = pc.if_else(default, pa.scalar(None, pa.string()), carried)
        if self.declared.name == "uuid":
            if pc.all(pc.match_substring_regex(carried, _UUID)).as_py() is False:
                raise ValueError("not a uuid")
            carried = pc.ascii_upper(carried)
        wanted = arrow_type(self.declared)
        return carried if carried.type.equals(wanted) else carried.cast(wanted)


def result_columns(described: Sequence[Any], wanted: Sequence[tuple[str, str, Type]]) -> list[ResultColumn]:
    """The columns of a result set from its metadata (TColumnDesc) and (table, column, declared type). Raises S120, S110."""
    found: list[ResultColumn] = []
    for column, (table, name, declared) in zip(described, wanted, strict=True):
        entry = column.typeDesc.types[0].primitiveEntry
        type = _TYPE_IDS.get(entry.type, "another type") if entry is not None else "another type"
        numbers = _numbers(entry)
        scale = numbers.get("scale", 0)
        if type not in READ_FROM[declared.name] or (type == "decimal" and not _decimal_fits(numbers, declared)):
            shown = f"{type}({numbers.get('precision')},{scale})" if type == "decimal" else type
            raise SourceError("S120", f"table {table}, column {name} is {shown} in the source, declared {declared}")
        if declared.name in NESTED and (reason := unreadable(declared)):
            raise SourceError("S110", f"table {table}, column {name}: {reason}")
        found.append(ResultColumn(table=table, name=name, declared=declared, found=type, scale=scale))
    return found


def record_batch(columns: Sequence[Any], readers: Sequence[ResultColumn], schema: pa.Schema) -> pa.RecordBatch:
    """One FetchResults answer. A scan of no columns has one column of ones, of which only the number of rows is kept."""
    if not readers:
        _, values, _ = _parts(columns[0])
        return pa.record_batch({"row": pa.nulls(len(values))}).select([])
    arrays = [reader.array(column) for reader, column in zip(readers, columns, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def row_count(columns: Sequence[Any] | None) -> int:
    return len(_parts(columns[0])[1]) if columns else 0


def texts(column: Any) -> list[str | None]:
    """A column of text as Python has it: answers to DESCRIBE and the like, a few rows."""
    _, values, missing = _parts(column)
    return [None if absent else str(value, "utf-8") if isinstance(value, bytes) else str(value) for value, absent in zip(values, missing)]


def _parts(column: Any) -> tuple[str, Sequence[Any], np.ndarray[Any, np.dtype[np.bool_]]]:
    """The field of the union that is set, its values, and which of them are NULL."""
    kind = next(name for name in _WIRE if getattr(column, name) is not None)
    filled = getattr(column, kind)
    count = len(filled.values)
    bits = np.zeros((count + 7) // 8, np.uint8)
    given = np.frombuffer(filled.nulls, np.uint8)[: len(bits)]
    bits[: len(given)] = given
    return kind, filled.values, np.unpackbits(bits, bitorder="little")[:count].astype(np.bool_)


def _numbers(entry: Any) -> dict[str, int]:
    qualifiers = entry.typeQualifiers.qualifiers if entry is not None and entry.typeQualifiers is not None else {}
    return {name: value.i32Value for name, value in qualifiers.items() if value.i32Value is not None}


def _decimal_fits(numbers: Mapping[str, int], declared: Type) -> bool:
    precision, scale = numbers.get("precision", 38), numbers.get("scale", 0)
    return scale <= declared.scale and precision - scale <= declared.precision - declared.scale


def _without_zone(times: pa.Array) -> pa.Array:
    """`2024-01-01 05:00:00.0 UTC` as the text of an instant; in the local time of another zone one hour of each year means two."""
    if pc.all(pc.ends_with(times, " UTC")).as_py() is False:
        raise SourceError(
            "S110", "the source does not let a session have UTC as its time zone", "the server must allow hive.local.time.zone"
        )
    return pc.binary_join_element_wise(pc.replace_substring(times, " UTC", ""), "Z", "")
