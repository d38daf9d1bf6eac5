"""Where the tables of a source are: a folder of Parquet, a folder of CSV, or a DuckDB file. Finds them, and says what they hold.

Facts these places cope with:
- CSV: DuckDB takes columns by position and does not look at the header's names, so the header is read here.
- Parquet: the first file's types count for all, so every file is looked at.
- A DuckDB file that is open for reading cannot be opened for writing: the ETL of the hospital waits until the gateway lets go.
- A view over a column with a collation compares as the collation says; encoding and decoding the text takes it off.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sqlglot import exp

from adapters.duckdb_types import FoundType, found_type
from adapters.interface import SourceError
from adapters.sql.statement import qualified_table

if TYPE_CHECKING:
    import duckdb

_GLOB_MARKS = "*?[]{}"

SMALL_CSV = 16 << 20
"""Bytes of a CSV file that is not parsed anew for each read: parsing is most of the work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundColumn:
    """A column of a file. `as_text`: its values are written as text (CSV, folder names of partitions)."""

    name: str
    type: FoundType
    as_text: bool = False
    collated: bool = False
    nullable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTable:
    """A table as it is now. `rows` is where a statement reads it from; `key` a true unique key, if the file says so."""

    name: str
    rows: exp.Table
    columns: tuple[FoundColumn, ...]
    key: tuple[str, ...] = ()

    def column(self, name: str) -> FoundColumn | None:
        """By name; the case of letters does not count."""
        exactly = [column for column in self.columns if column.name == name]
        return next(iter(exactly or [column for column in self.columns if column.name.lower() == name.lower()]), None)


class Place(Protocol):
    """One kind of url. The methods block and may raise duckdb.Error or OSError, or SourceError if there is no such table."""

    @property
    def root(self) -> Path: ...
    def attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        """What must be done before the connection is locked."""

    def names(self, connection: duckdb.DuckDBPyConnection) -> Sequence[str]: ...
    def signature(self, name: str) -> object:
        """Equal as long as the files of a table are the same."""

    def worth_keeping(self, name: str) -> bool:
        """Whether a copy of the rows in memory, until the signature changes, saves more than it costs."""

    def find(self, connection: duckdb.DuckDBPyConnection, name: str) -> FoundTable: ...


class TableMissingError(Exception):
    """The place has no table of this name; `hint` says where it was looked for."""

    def __init__(self, hint: str) -> None:
        super().__init__(hint)
        self.hint = hint


class TableUnfitError(Exception):
    """The files of a table do not make one table; fact and hint say why."""

    def __init__(self, fact: str, hint: str) -> None:
        super().__init__(fact)
        self.fact, self.hint = fact, hint


def file_name(name: str) -> str:
    """A table name as a file name: one component, nothing that a pattern could read."""
    if not name or name.startswith(".") or any(mark in name for mark in "/\\\0" + _GLOB_MARKS):
        raise SourceError("S110", f"'{name}' cannot be the name of a table in files")
    return name


@dataclass(frozen=True, slots=True)
class ParquetFolder:
    """`parquet:DIR`: DIR/<table>.parquet, or DIR/<table>/ with Hive partitions (`yr=2024/`) to any depth."""

    root: Path

    def attach(self, connection: duckdb.DuckDBPyConnection) -> None:  # noqa: ARG002
        must_be_folder(self.root)

    def names(self, connection: duckdb.DuckDBPyConnection) -> Sequence[str]:  # noqa: ARG002
        found = {path.stem for path in self.root.glob("*.parquet")}
        found |= {path.name for path in self.root.iterdir() if path.is_dir() and any(path.rglob("*.parquet"))}
        return sorted(found)

    def signature(self, name: str) -> object:
        return tuple((str(path), *_stamp(path)) for path in self._files(name))

    def worth_keeping(self, name: str) -> bool:  # noqa: ARG002
        return False  # columns and row groups are read alone

    def find(self, connection: duckdb.DuckDBPyConnection, name: str) -> FoundTable:
        files = self._files(name)
        partitions = [part.partition("=")[0] for part in files[0].relative_to(self.root).parts[:-1] if "=" in part]
        pattern = str(files[0]) if files[0].parent == self.root else str(self.root / file_name(name) / "**" / "*.parquet")
        rows = _parquet(pattern, partitions)
        columns = _columns(connection, rows, partitions)
        for path in files[1:]:
            _must_agree(columns, _columns(connection, _parquet(str(path), partitions), partitions), path.relative_to(self.root))
        return FoundTable(name=name, rows=rows, columns=columns)

    def _files(self, name: str) -> list[Path]:
        single, folder = self.root / f"{file_name(name)}.parquet", self.root / file_name(name)
        files = [single] if single.is_file() else sorted(folder.rglob("*.parquet"))
        if not files:
            raise TableMissingError("a table is DIR/<table>.parquet, or a folder DIR/<table>/ with .parquet files")
        return files


def _parquet(pattern: str, partitions: Sequence[str]) -> exp.Table:
    options: dict[str, exp.Expression] = {"hive_partitioning": exp.true() if partitions else exp.false()}
    if partitions:
        options["hive_types"] = _struct(dict.fromkeys(partitions, "VARCHAR"))
    return _table_function("READ_PARQUET", pattern, options)


def _must_agree(first: Sequence[FoundColumn], other: Sequence[FoundColumn], path: Path) -> None:
    types = {column.name: str(column.type) for column in other}
    for column in first:
        if types.get(column.name) != str(column.type):
            raise TableUnfitError(f"the files differ in column {column.name}", f"{path} has another type there, or no such column")


@dataclass(frozen=True, slots=True)
class CsvFolder:
    """`csv:DIR`: DIR/<table>.csv, UTF-8, comma, double quotes, a header. An empty field is NULL, a quoted one ("") is ''."""

    root: Path

    def attach(self, connection: duckdb.DuckDBPyConnection) -> None:  # noqa: ARG002
        must_be_folder(self.root)

    def names(self, connection: duckdb.DuckDBPyConnection) -> Sequence[str]:  # noqa: ARG002
        return sorted(path.stem for path in self.root.glob("*.csv"))

    def signature(self, name: str) -> object:
        return _stamp(self._file(name))

    def worth_keeping(self, name: str) -> bool:
        return self._file(name).stat().st_size <= SMALL_CSV

    def find(self, connection: duckdb.DuckDBPyConnection, name: str) -> FoundTable:
        path = self._file(name)
        header = _header(path)
        options = {
            "auto_detect": exp.false(),
            "header": exp.true(),
            "delim": exp.Literal.string(","),
            "quote": exp.Literal.string('"'),
            "escape": exp.Literal.string('"'),
            "nullstr": exp.Literal.string(""),
            "allow_quoted_nulls": exp.false(),
            "columns": _struct(dict.fromkeys(header, "VARCHAR")),
        }
        rows = _table_function("READ_CSV", str(path), options)
        return FoundTable(name=name, rows=rows, columns=_columns(connection, rows, header))

    def _file(self, name: str) -> Path:
        path = self.root / f"{file_name(name)}.csv"
        if not path.is_file():
            raise TableMissingError("a table is DIR/<table>.csv")
        return path


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = next(csv.reader(file), [])
    except (UnicodeDecodeError, csv.Error):
        raise TableUnfitError("the header is not CSV in UTF-8", path.name) from None
    if not names or len({name.lower() for name in names}) != len(names):
        raise TableUnfitError("the header is empty or names a column twice", path.name)
    return names


@dataclass(frozen=True, slots=True)
class DatabaseFile:
    """`duckdb:FILE`: a DuckDB database, opened for reading. Tables and views are `table` (schema main) or `schema.table`."""

    root: Path
    catalog: str = field(default="source", init=False)

    def attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        if not self.root.is_file():
            raise SourceError("S101", "the DuckDB file does not exist", "url: duckdb:FILE names a file that is there")
        options = [exp.AttachOption(this=exp.Var(this="READ_ONLY"))]
        named = exp.alias_(exp.Literal.string(str(self.root)), exp.to_identifier(self.catalog, quoted=True))
        connection.execute(exp.Attach(this=named, expressions=options).sql(dialect="duckdb"))

    def names(self, connection: duckdb.DuckDBPyConnection) -> Sequence[str]:
        found = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = $1 AND NOT internal "
            "UNION ALL SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = $1 AND NOT internal",
            [self.catalog],
        ).fetchall()
        return sorted(table if schema == "main" else f"{schema}.{table}" for schema, table in found)

    def signature(self, name: str) -> object:
        return name

    def worth_keeping(self, name: str) -> bool:  # noqa: ARG002
        return False

    def find(self, connection: duckdb.DuckDBPyConnection, name: str) -> FoundTable:
        if name.lower() not in {known.lower() for known in self.names(connection)}:
            raise TableMissingError("a table is named `table` (schema main) or `schema.table`")
        schema, _, table = name.rpartition(".")
        schema = schema or "main"
        rows = qualified_table(table)
        rows.set("db", exp.to_identifier(schema, quoted=True))
        rows.set("catalog", exp.to_identifier(self.catalog, quoted=True))
        facts = [self.catalog, schema, table]
        text = connection.execute(_TABLE_TEXT, facts).fetchone()
        collated = text is None or " COLLATE " in text[0].upper()
        required = {column for (column,) in connection.execute(_REQUIRED, facts).fetchall()}
        keys = [tuple(columns) for (columns,) in connection.execute(_KEYS, facts).fetchall()]
        return FoundTable(
            name=name,
            rows=rows,
            columns=_columns(connection, rows, (), collated=collated, required=required),
            key=next((key for key in keys if required.issuperset(key)), ()),
        )


_OF_TABLE = "WHERE database_name = $1 AND lower(schema_name) = lower($2) AND lower(table_name) = lower($3)"
_TABLE_TEXT = f"SELECT sql FROM duckdb_tables() {_OF_TABLE}"  # noqa: S608  (a constant)
_REQUIRED = f"SELECT column_name FROM duckdb_columns() {_OF_TABLE} AND NOT is_nullable"  # noqa: S608
_KEYS = (
    f"SELECT constraint_column_names FROM duckdb_constraints() {_OF_TABLE} "  # noqa: S608
    "AND constraint_type IN ('PRIMARY KEY', 'UNIQUE') ORDER BY constraint_type, constraint_index"
)


def quoted_column(name: str) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=True))


def open_place(url: str | None) -> Place:
    kind, _, path = (url or "").partition(":")
    places: Mapping[str, type[ParquetFolder] | type[CsvFolder] | type[DatabaseFile]] = {
        "parquet": ParquetFolder,
        "csv": CsvFolder,
        "duckdb": DatabaseFile,
    }
    if kind not in places or not path:
        raise SourceError("S110", "the url of a DuckDB source is not one it can open", "url: parquet:DIR, csv:DIR or duckdb:FILE")
    root = Path(path).expanduser().absolute()
    if any(mark in str(root) for mark in _GLOB_MARKS):
        raise SourceError("S110", "the path of a DuckDB source has one of the marks * ? [ ] { }", "use a path without them")
    return places[kind](root)


def must_be_folder(root: Path) -> None:
    if not root.is_dir():
        raise SourceError("S101", "the folder of the source does not exist", "url: parquet:DIR and csv:DIR name a folder that is there")


def _stamp(path: Path) -> tuple[int, int, int]:
    facts = path.stat()
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


def _columns(
    connection: duckdb.DuckDBPyConnection,
    rows: exp.Table,
    as_text: Sequence[str],
    *,
    collated: bool = False,
    required: frozenset[str] | set[str] = frozenset(),
) -> tuple[FoundColumn, ...]:
    relation = connection.sql(exp.select("*").from_(rows).sql(dialect="duckdb"))
    return tuple(
        FoundColumn(
            name=name,
            type=found_type(type),
            as_text=name in as_text,
            collated=collated and type.id == "varchar",
            nullable=name not in required,
        )
        for name, type in zip(relation.columns, relation.types)
    )


def _table_function(name: str, path: str, options: Mapping[str, exp.Expression]) -> exp.Table:
    named = [exp.EQ(this=exp.to_identifier(option), expression=value) for option, value in options.items()]
    return exp.Table(this=exp.Anonymous(this=name, expressions=[exp.Literal.string(path), *named]))


def _struct(fields: Mapping[str, str]) -> exp.Struct:
    return exp.Struct(
        expressions=[
            exp.PropertyEQ(this=exp.to_identifier(name, quoted=True), expression=exp.Literal.string(value))
            for name, value in fields.items()
        ]
    )
