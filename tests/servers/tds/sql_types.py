"""SQL Server's types: how they are written, which wins over which, and as what DuckDB keeps their values.

Times are whole numbers in DuckDB, because its own types are coarser: 100-nanosecond ticks since midnight (`time`) or since the year 1
(`datetime2`, `datetime`, `smalldatetime`), days since the year 1 (`date`), and for `datetimeoffset` ticks in UTC with an offset in minutes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from sqlglot import exp

from tests.servers.tds.errors import NotTranslated, SqlServerError

DEFAULT_COLLATION = "SQL_Latin1_General_CP1_CI_AS"
MAX = -1
"""The length of nvarchar(max), varchar(max) and varbinary(max)."""

_PRECEDENCE = (
    "xml datetimeoffset datetime2 datetime smalldatetime date time float real decimal money smallmoney bigint int smallint tinyint bit "
    "uniqueidentifier nvarchar nchar varchar char varbinary binary null"
).split()
"""Data type precedence, highest first (Transact-SQL reference)."""

TEXT = frozenset({"nvarchar", "nchar", "varchar", "char"})
UNICODE = frozenset({"nvarchar", "nchar"})
BINARY = frozenset({"varbinary", "binary"})
INTEGERS = {"tinyint": (0, 255), "smallint": (-(2**15), 2**15 - 1), "int": (-(2**31), 2**31 - 1), "bigint": (-(2**63), 2**63 - 1)}
MONEY = {"money": (19, 4), "smallmoney": (10, 4)}
EXACT = frozenset({*INTEGERS, "bit", "decimal", *MONEY})
APPROXIMATE = frozenset({"float", "real"})
INSTANTS = frozenset({"datetime2", "datetime", "smalldatetime"})
TIMES = frozenset({*INSTANTS, "date", "time", "datetimeoffset"})
WITH_SCALE = frozenset({"datetime2", "time", "datetimeoffset"})

_STORED = {
    "bit": "UTINYINT",
    "tinyint": "UTINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "float": "DOUBLE",
    "real": "FLOAT",
    "uniqueidentifier": "UUID",
    "date": "INTEGER",
    "time": "BIGINT",
    "datetimeoffset": "STRUCT(t BIGINT, o SMALLINT)",
    "null": "INTEGER",
    "xml": "VARCHAR",
    **dict.fromkeys(INSTANTS, "BIGINT"),
    **dict.fromkeys(TEXT, "VARCHAR"),
    **dict.fromkeys(BINARY, "BLOB"),
}

_CATALOG = {
    # name: (system_type_id, max_length, precision, scale) of sys.types
    "uniqueidentifier": (36, 16, 0, 0),
    "date": (40, 3, 10, 0),
    "time": (41, 5, 16, 7),
    "datetime2": (42, 8, 27, 7),
    "datetimeoffset": (43, 10, 34, 7),
    "tinyint": (48, 1, 3, 0),
    "smallint": (52, 2, 5, 0),
    "int": (56, 4, 10, 0),
    "smalldatetime": (58, 4, 16, 0),
    "real": (59, 4, 24, 0),
    "money": (60, 8, 19, 4),
    "datetime": (61, 8, 23, 3),
    "float": (62, 8, 53, 0),
    "bit": (104, 1, 1, 0),
    "decimal": (106, 17, 38, 38),
    "smallmoney": (122, 4, 10, 4),
    "bigint": (127, 8, 19, 0),
    "varbinary": (165, 8000, 0, 0),
    "varchar": (167, 8000, 0, 0),
    "binary": (173, 8000, 0, 0),
    "char": (175, 8000, 0, 0),
    "nvarchar": (231, 8000, 0, 0),
    "nchar": (239, 8000, 0, 0),
    "xml": (241, -1, 0, 0),
}
SYSTEM_TYPES = _CATALOG


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlType:
    """One type. `length` is in characters (bytes for char, varchar and binaries), MAX for (max); `scale` of times in digits."""

    name: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    collation: str = ""

    @property
    def stored(self) -> str:
        """The DuckDB type of its values."""
        if self.name == "decimal":
            return f"DECIMAL({self.precision},{self.scale})"
        if self.name in MONEY:
            return "DECIMAL({},{})".format(*MONEY[self.name])
        return _STORED[self.name]

    @property
    def rank(self) -> int:
        """Place in the data type precedence: the lower wins."""
        return _PRECEDENCE.index(self.name)

    @property
    def is_text(self) -> bool:
        return self.name in TEXT

    @property
    def is_number(self) -> bool:
        return self.name in EXACT or self.name in APPROXIMATE

    def as_decimal(self) -> tuple[int, int]:
        """Precision and scale of the decimal that an exact number becomes in arithmetic."""
        fixed = {"bit": (1, 0), "tinyint": (3, 0), "smallint": (5, 0), "int": (10, 0), "bigint": (19, 0), **MONEY}
        return (self.precision, self.scale) if self.name == "decimal" else fixed[self.name]

    def in_catalog(self) -> tuple[int, int, int, int]:
        """system_type_id, max_length (bytes, -1 for max), precision and scale as sys.columns shows them."""
        number, length, precision, scale = _CATALOG[self.name]
        if self.is_text or self.name in BINARY:
            length = self.length if self.length == MAX or self.name not in UNICODE else self.length * 2
        elif self.name == "decimal":
            length, precision, scale = decimal_width(self.precision), self.precision, self.scale
        elif self.name in WITH_SCALE:
            length -= (7 - self.scale) // 2 if self.scale >= 5 else 1 if self.scale >= 3 else 2
            precision, scale = precision - 7 + self.scale - (self.scale == 0), self.scale
        return number, length, precision, scale

    def written(self) -> str:
        """The type as a declaration writes it, without collation."""
        if self.name == "decimal":
            return f"decimal({self.precision},{self.scale})"
        if self.is_text or self.name in BINARY:
            return f"{self.name}({'max' if self.length == MAX else self.length})"
        return f"{self.name}({self.scale})" if self.name in WITH_SCALE else self.name


NULL = SqlType(name="null")
INT, BIGINT, BIT, FLOAT = (SqlType(name=name) for name in ("int", "bigint", "bit", "float"))


def decimal_width(precision: int) -> int:
    """Bytes of a decimal, with its sign."""
    return 5 if precision <= 9 else 9 if precision <= 19 else 13 if precision <= 28 else 17


def text_type(name: str, length: int, collation: str = DEFAULT_COLLATION) -> SqlType:
    limit = 4000 if name in UNICODE else 8000
    return SqlType(name=name, length=MAX if length == MAX or length > limit else max(length, 1), collation=collation)


def common_type(left: SqlType, right: SqlType) -> SqlType:
    """What two operands become when they meet: the higher of precedence, wide enough for both."""
    if left.rank > right.rank:
        left, right = right, left
    if right.name == "null":
        return left
    if left.is_text and right.is_text:
        lengths = (left.length, right.length)
        return replace(left, length=MAX if MAX in lengths else max(lengths))
    if left.name in BINARY and right.name in BINARY:
        return replace(left, length=MAX if MAX in (left.length, right.length) else max(left.length, right.length))
    if "decimal" in (left.name, right.name) and left.name in EXACT and right.name in EXACT:
        (p1, s1), (p2, s2) = left.as_decimal(), right.as_decimal()
        scale, whole = max(s1, s2), max(p1 - s1, p2 - s2)
        return SqlType(name="decimal", precision=min(38, scale + whole), scale=min(scale, 38 - min(whole, 38)))
    if left.name in WITH_SCALE and right.name in TIMES:
        return replace(left, scale=max(left.scale, 3 if right.name == "datetime" else right.scale))
    return left


_FROM_SQLGLOT = {
    "UTINYINT": "tinyint", "SMALLINT": "smallint", "INT": "int", "BIGINT": "bigint", "BIT": "bit", "DECIMAL": "decimal", "MONEY": "money",
    "SMALLMONEY": "smallmoney", "FLOAT": "float", "DATE": "date", "TIME": "time", "DATETIME": "datetime", "SMALLDATETIME": "smalldatetime",
    "DATETIME2": "datetime2", "TIMESTAMPTZ": "datetimeoffset", "CHAR": "char", "VARCHAR": "varchar", "NCHAR": "nchar", "NVARCHAR": "nvarchar",
    "BINARY": "binary", "VARBINARY": "varbinary", "UUID": "uniqueidentifier", "XML": "xml",
}  # fmt: skip


def from_tree(written: exp.DataType, *, unsized: int = 1) -> SqlType:
    """A type as sqlglot read it. `unsized` is the length where none is given: 1 in a declaration, 30 in CAST."""
    name = _FROM_SQLGLOT.get(written.this.name if isinstance(written.this, exp.DType) else "")
    if name is None:
        raise SqlServerError(243, f"Type {written.sql('tsql')} is not a defined system type.")
    arguments = [parameter.name.lower() for parameter in written.expressions]
    return built(name, arguments, unsized)


def built(name: str, arguments: list[str], unsized: int) -> SqlType:
    numbers = [MAX if argument == "max" else int(argument) for argument in arguments]
    if name in TEXT or name in BINARY:
        length = numbers[0] if numbers else unsized
        limit = 4000 if name in UNICODE else 8000
        if length != MAX and not 1 <= length <= limit:
            raise SqlServerError(131, f"The size ({length}) given to the type '{name}' exceeds the maximum allowed ({limit}).", severity=15)
        return SqlType(name=name, length=length, collation=DEFAULT_COLLATION if name in TEXT else "")
    if name == "decimal":
        precision, scale = (*numbers, *(18, 0)[len(numbers) :])
        if not 1 <= precision <= 38 or not 0 <= scale <= precision:
            raise SqlServerError(1002, "Line 1: Specified scale or precision is invalid.", severity=15)
        return SqlType(name=name, precision=precision, scale=scale)
    if name in WITH_SCALE:
        scale = numbers[0] if numbers else 7
        if not 0 <= scale <= 7:
            raise SqlServerError(1002, f"Line 1: Specified scale {scale} is invalid.", severity=15)
        return SqlType(name=name, scale=scale)
    if name == "float":
        return SqlType(name="real" if numbers and numbers[0] <= 24 else "float")
    if numbers:
        raise SqlServerError(2716, f"Cannot specify a column width on data type {name}.")
    return SqlType(name=name)


_DECLARED = re.compile(r"\s*(@\w+)\s+(?:AS\s+)?([a-z0-9_.\[\]]+)\s*(?:\(([^)]*)\))?\s*(?:output|out|readonly)?\s*(?:,|$)", re.IGNORECASE)
_ALIASES = {"numeric": "decimal", "integer": "int", "ntext": "nvarchar", "text": "varchar", "image": "varbinary", "sysname": "nvarchar"}
_LARGE = {"ntext", "text", "image"}


def parse_declarations(text: str) -> dict[str, SqlType]:
    """`@P1 nvarchar(5), @P2 int` -> names (as written, lower case) and types."""
    found, position = {}, 0
    text = text.strip()
    while position < len(text):
        match = _DECLARED.match(text, position)
        if match is None:
            raise NotTranslated(f"the parameter declaration {text[position : position + 60]!r}")
        written = match[2].lower().strip("[]")
        name = _ALIASES.get(written, written)
        arguments = [part.strip().lower() for part in (match[3] or "").split(",") if part.strip()]
        if written in _LARGE:
            arguments = ["max"]
        elif name == "real":
            name, arguments = "float", ["24"]
        if name not in _CATALOG:
            raise SqlServerError(2715, f"Column, parameter, or variable: Cannot find data type {written}.")
        found[match[1].lower()] = built(name, arguments, 1)
        position = match.end()
    return found
