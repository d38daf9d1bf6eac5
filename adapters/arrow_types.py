"""The Arrow type in which every raw and virtual type travels."""

from __future__ import annotations

import pyarrow as pa

from adapters.interface import Scan
from catalog.relations import relation_columns
from catalog.types import Type

_SIMPLE = {
    "text": pa.string(),
    "uuid": pa.string(),
    "integer": pa.int64(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "local_timestamp": pa.timestamp("us"),
    "bytes": pa.binary(),
}


def arrow_type(type: Type) -> pa.DataType:
    match type.name:
        case "decimal":
            return pa.decimal128(type.precision, type.scale)
        case "list":
            assert type.element is not None
            return pa.list_(arrow_type(type.element))
        case "map":
            assert type.key is not None and type.value is not None
            return pa.map_(arrow_type(type.key), arrow_type(type.value))
        case "struct":
            return pa.struct([pa.field(name, arrow_type(field)) for name, field in type.fields])
        case _:
            return _SIMPLE[type.name]


def scan_schema(scan: Scan) -> pa.Schema:
    """The schema of every batch that a read of this scan yields."""
    columns = relation_columns(scan.relation)
    return pa.schema([pa.field(name, arrow_type(columns[name].type)) for name in scan.columns])
