"""What the source says of its tables: for `describe`, and to hold the declared tables against it before they are first read."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from threading import Lock

from sqlglot import exp

from adapters.interface import ReadContext, SourceError
from adapters.sql.statement import qualified_table
from adapters.trino.client import TrinoClient
from adapters.trino.types import FoundType, fits, found_type, raw_type
from catalog.source_tables import RawColumn, SourceTable, SqlTable
from catalog.types import Type


class SourceTables:
    """The tables of one schema. Trino's names are in lower case, whatever a mapping writes."""

    def __init__(self, client: TrinoClient, catalog: str, schema: str) -> None:
        self._client, self._catalog, self._schema = client, catalog, schema
        self._lock = Lock()
        self._checked: dict[str, SqlTable] = {}

    def describe(self, context: ReadContext, only: str | None) -> dict[str, SqlTable]:
        """The tables, or the one named. Columns of types that the mapping language lacks are left out."""
        found: dict[str, list[RawColumn]] = {}
        for table, column, type, nullable in self._columns(context, only):
            raw = raw_type(type)
            columns = found.setdefault(table, [])
            if raw is not None:
                columns.append(RawColumn(name=column, type=raw, nullable=nullable))
        if only is not None and not found:
            raise self._missing(only, context)
        return {name: SqlTable(name=name, columns=tuple(columns)) for name, columns in found.items() if columns}

    def check(self, tables: Iterable[SourceTable], context: ReadContext) -> None:
        """Raise S120 or S108, with names, for what is declared but not there; once for each table until `forget`."""
        for table in tables:
            assert isinstance(table, SqlTable)
            if self._checked.get(table.name) == table:
                continue
            self._check(table, context)
            with self._lock:
                self._checked[table.name] = table

    def forget(self, tables: Iterable[SourceTable]) -> None:
        """Look again before the next read: something was not as expected."""
        with self._lock:
            for table in tables:
                self._checked.pop(table.name, None)

    def _check(self, table: SqlTable, context: ReadContext) -> None:
        found = {column.lower(): type for _, column, type, _ in self._columns(context, table.name)}
        if not found:
            raise self._forbidden(table.name, None, context) or self._missing(table.name, context)
        for column in table.columns:
            type = found.get(column.name.lower())
            if type is None:
                raise self._forbidden(table.name, column.name, context) or missing_column(table.name, column.name, list(found))
            if not fits(type, column.type):
                raise other_type(table.name, column.name, column.type, type)

    def _columns(self, context: ReadContext, only: str | None) -> list[tuple[str, str, FoundType, bool]]:
        """Table, column, type, nullable; in the order of the tables' columns."""
        wanted = {"table_schema": self._schema.lower()} | ({} if only is None else {"table_name": only.lower()})
        select = exp.select(*(exp.column(name) for name in ("table_name", "column_name", "data_type", "is_nullable")))
        select = select.from_(qualified_table("columns", self._catalog, "information_schema"), copy=False)
        for name, value in wanted.items():
            select = select.where(exp.EQ(this=exp.column(name), expression=exp.Literal.string(value)), copy=False)
        select = select.order_by(exp.column("table_name"), exp.column("ordinal_position"), copy=False)
        rows = self._client.rows(select.sql(dialect="trino"), context)
        return [(str(table), str(column), found_type(str(type)), nullable != "NO") for table, column, type, nullable in rows]

    def _forbidden(self, table: str, column: str | None, context: ReadContext) -> SourceError | None:
        """What the account may not read is left out of information_schema as if it were not there: asked for, Trino says which."""
        output = exp.Literal.number(1) if column is None else exp.column(exp.to_identifier(column, quoted=True))
        probe = exp.Select(expressions=[output]).from_(qualified_table(table, self._catalog, self._schema), copy=False)
        try:
            self._client.rows(probe.limit(0, copy=False).sql(dialect="trino"), context)
        except SourceError as error:
            if error.code == "S108":
                return SourceError("S108", f"the account may not read table {table}" + (f", column {column}" if column else ""))
            if error.code != "S120":
                return error
        return None

    def _missing(self, table: str, context: ReadContext) -> SourceError:
        names = dict.fromkeys(name for name, *_ in self._columns(context, None))
        return SourceError("S120", f"the source has no table {table}", _near(table, names))


def missing_column(table: str, column: str, found: Iterable[str]) -> SourceError:
    return SourceError("S120", f"table {table} has no column {column}", _near(column, found))


def other_type(table: str, column: str, declared: Type, found: FoundType) -> SourceError:
    return SourceError(
        "S120",
        f"table {table}, column {column} is not {declared}",
        f"it is {raw_type(found) or 'a type that no declaration takes'} now; `hospital-gateway sources describe` shows the table as it is",
    )


def _near(name: str, found: Iterable[str]) -> str:
    near = get_close_matches(name.lower(), list(found), n=3)
    return f"near: {', '.join(near)}" if near else ""
