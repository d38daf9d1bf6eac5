"""SQL Server's types as data: under which raw types a column may be declared, and how its values are carried to the client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.interface import SourceError
from catalog.source_tables import RawColumn
from catalog.types import Type

MAX = -1
"""The length of (max) types in sys.columns."""

_LONGEST_NVARCHAR = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFact:
    """A column as sys.columns tells it: `length` in bytes (-1 for max), `code_page` None where it is unknown or there is none."""

    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    collation: str | None = None
    code_page: int | None = None
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class NativeType:
    """`raw`: the raw types under which it may be declared, the first as `describe` writes it; `carried`: the casts of the select list.

    `{n}` in a cast is the column's length, or max where an nvarchar is too short for it.
    """

    raw: tuple[str, ...]
    carried: tuple[str, ...] = ()


_WHOLE = NativeType(("integer", "bigint"))
NATIVE_TYPES: Mapping[str, NativeType] = {
    "bit": NativeType(("boolean",)),
    "tinyint": _WHOLE,
    "smallint": _WHOLE,
    "int": _WHOLE,
    "bigint": NativeType(("bigint", "integer")),
    "real": NativeType(("double",)),
    "float": NativeType(("double",)),
    "decimal": NativeType(("decimal",)),
    "numeric": NativeType(("decimal",)),
    "money": NativeType(("decimal",)),
    "smallmoney": NativeType(("decimal",)),
    "date": NativeType(("date",)),
    "datetime2": NativeType(("local_timestamp",)),
    "smalldatetime": NativeType(("local_timestamp",)),
    # Stored in 1/300 s and shown in milliseconds. What a comparison makes of it depends on the database's compatibility level
    # (.003 or .0033333); rounded to milliseconds it is the same under all.
    "datetime": NativeType(("local_timestamp",), ("datetime2(3)",)),
    "datetimeoffset": NativeType(("timestamp",)),
    "uniqueidentifier": NativeType(("uuid",)),
    # Code pages are turned into Unicode by the server: its clients differ in what they make of holes in a page, and of UTF-8 collations.
    "char": NativeType(("text",), ("nvarchar({n})",)),
    "varchar": NativeType(("text",), ("nvarchar({n})",)),
    "nchar": NativeType(("text",)),
    "nvarchar": NativeType(("text",)),
    "text": NativeType(("text",), ("varchar(max)", "nvarchar(max)")),
    "ntext": NativeType(("text",), ("nvarchar(max)",)),
    "xml": NativeType(("text",), ("nvarchar(max)",)),
    "time": NativeType(("text",), ("nvarchar(16)",)),
    "binary": NativeType(("bytes",)),
    "varbinary": NativeType(("bytes",)),
    "image": NativeType(("bytes",), ("varbinary(max)",)),
    "timestamp": NativeType(("bytes",), ("binary(8)",)),  # a row version, no time
}

_DECIMALS_OF_MONEY = {"money": (19, 4), "smallmoney": (10, 4)}

ASSUMED: Mapping[str, ColumnFact] = {
    "text": ColumnFact(type="nvarchar", length=8_000),
    "uuid": ColumnFact(type="uniqueidentifier"),
    "integer": ColumnFact(type="int"),
    "bigint": ColumnFact(type="bigint"),
    "double": ColumnFact(type="float"),
    "boolean": ColumnFact(type="bit"),
    "decimal": ColumnFact(type="decimal"),
    "date": ColumnFact(type="date"),
    "timestamp": ColumnFact(type="datetimeoffset", scale=7),
    "local_timestamp": ColumnFact(type="datetime2", scale=7),
    "bytes": ColumnFact(type="varbinary", length=8_000),
}
"""What is written for a column of a raw type while nothing is known of it yet: EXPLAIN before the first connection."""


def casts(fact: ColumnFact) -> tuple[str, ...]:
    """The types to which a column is cast, one after the other, to be carried."""
    length = str(fact.length) if 0 < fact.length <= _LONGEST_NVARCHAR else "max"
    return tuple(cast.format(n=length) for cast in NATIVE_TYPES[fact.type].carried)


def raw_type(fact: ColumnFact) -> Type | None:
    """The raw type that `describe` gives a column; None for a type that cannot be read."""
    native = NATIVE_TYPES.get(fact.type)
    if native is None:
        return None
    if native.raw[0] == "decimal":
        precision, scale = decimal_of(fact)
        return Type("decimal", precision=precision, scale=scale)
    return Type(native.raw[0])


def decimal_of(fact: ColumnFact) -> tuple[int, int]:
    return _DECIMALS_OF_MONEY.get(fact.type, (fact.precision, fact.scale))


def check_declared(table: str, column: RawColumn, fact: ColumnFact) -> None:
    """Raises SourceError S120 if the column may not be declared so."""
    native = NATIVE_TYPES.get(fact.type)
    if native is None or column.type.name not in native.raw:
        allowed = "no raw type" if native is None else " or ".join(native.raw)
        raise SourceError(
            "S120",
            f"column {column.name} of table {table} is of type {fact.type} and declared {column.type}",
            f"such a column is declared {allowed}; a view of the source can cast it",
        )
    if column.type.name == "decimal" and not _comparable(column.type, *decimal_of(fact)):
        precision, scale = decimal_of(fact)
        raise SourceError(
            "S120",
            f"column {column.name} of table {table} is decimal({precision},{scale}) and declared {column.type}",
            "no decimal of 38 digits holds both: declare it as it is",
        )


def _comparable(type: Type, precision: int, scale: int) -> bool:
    """SQL Server compares decimals as one decimal that holds both; where that needs more than 38 digits it rounds."""
    return max(type.scale, scale) + max(type.precision - type.scale, precision - scale) <= 38
