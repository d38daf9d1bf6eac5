"""The views of a DuckDB source: one for each table, of exactly the declared columns and types, made when it is first read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from sqlglot import exp

from adapters.duckdb_guess import guessed_types
from adapters.duckdb_places import FoundColumn, FoundTable, Place, TableMissingError, TableUnfitError, quoted_column
from adapters.duckdb_types import declared_expression, raw_type, text_expression
from adapters.interface import SourceError
from adapters.sql.statement import qualified_table
from catalog.errors import near_names
from catalog.source_tables import RawColumn, SqlTable

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True, kw_only=True)
class _MadeView:
    """What a view was made from; made anew when the files or the declaration differ."""

    signature: object
    table: SqlTable
    found: FoundTable


class SourceViews:
    """Keeps the views in step with the files. Safe for many threads; `ensure` takes a cursor of the shared instance."""

    def __init__(self, node: str, place: Place) -> None:
        self._node, self._place = node, place
        self._lock = Lock()
        self._made: dict[str, _MadeView] = {}

    def ensure(self, connection: duckdb.DuckDBPyConnection, table: SqlTable) -> None:
        """Make the view of a table if there is none, or the files changed. Raises S120 if they no longer fit."""
        with self._lock:
            with self._drift_named(table.name):
                signature = self._place.signature(table.name)
                made = self._made.get(table.name)
                if made is not None and made.signature == signature and made.table == table:
                    return
                found = self._place.find(connection, table.name)
            rows, taken_over = found.rows, frozenset[str]()
            if self._place.worth_keeping(table.name):
                rows, taken_over = self._keep(connection, table, found)
            connection.execute(self._view(table, found, rows, taken_over))
            self._made[table.name] = _MadeView(signature=signature, table=table, found=found)

    def unreadable_column(self, connection: duckdb.DuckDBPyConnection, name: str) -> str | None:
        """The first column of a table with a value that is not of its declared type; None if every value can be read."""
        made = self._made.get(name)
        return None if made is None else next(iter(self._unreadable(connection, made.table, made.found)), None)

    def _unreadable(self, connection: duckdb.DuckDBPyConnection, table: SqlTable, found: FoundTable) -> list[str]:
        """Every column with such a value. Looks at the whole table once."""
        lost = {column.name: lost for column in table.columns if (lost := _lost(found, column)) is not None}
        if not lost:
            return []
        output = [exp.Anonymous(this="BOOL_OR", expressions=[test]) for test in lost.values()]
        query = exp.Select(expressions=output).from_(found.rows.copy())
        answer = connection.execute(query.sql(dialect="duckdb")).fetchone()
        assert answer is not None
        return [name for name, any_lost in zip(lost, answer) if any_lost]

    def describe(self, connection: duckdb.DuckDBPyConnection, only: str | None) -> dict[str, SqlTable]:
        """The tables as they are, with the raw types that fit. Columns of types that the mapping language lacks are left out."""
        names = self._place.names(connection)
        if only is not None:
            if only not in names:
                raise SourceError("S120", f"node {self._node} has no table {only}", near_names(only, names))
            names = [only]
        return {name: self._described(connection, name) for name in names}

    @contextmanager
    def _drift_named(self, name: str) -> Iterator[None]:
        """What a place finds wrong with a table, as the public error."""
        try:
            yield
        except TableMissingError as missing:
            raise SourceError("S120", f"node {self._node} has no table {name} any more", missing.hint) from None
        except TableUnfitError as unfit:
            raise SourceError("S120", f"node {self._node}, table {name}: {unfit.fact}", unfit.hint) from None

    def _described(self, connection: duckdb.DuckDBPyConnection, name: str) -> SqlTable:
        with self._drift_named(name):
            found = self._place.find(connection, name)
        count = exp.select(exp.Count(this=exp.Star())).from_(found.rows.copy())
        rows = connection.execute(count.sql(dialect="duckdb")).fetchone()
        guessed = guessed_types(connection, found)
        types = [(column, guessed.get(column.name) or raw_type(column.type)) for column in found.columns]
        columns = [RawColumn(name=column.name, type=type, nullable=column.nullable) for column, type in types if type is not None]
        return SqlTable(name=found.name, columns=tuple(columns), key=found.key, rows=None if rows is None else rows[0])

    def _keep(self, connection: duckdb.DuckDBPyConnection, table: SqlTable, found: FoundTable) -> tuple[exp.Table, frozenset[str]]:
        """A copy of the rows in memory, typed where every value can be read, and which columns that is; the others stay as found,
        so that only a read that wants them fails."""
        expressions = {column.name: self._declared(table, found, column) for column in table.columns}
        unreadable = set(self._unreadable(connection, table, found))
        copied = {name: expression for name, expression in expressions.items() if name not in unreadable}
        left = {source.name: source for name in unreadable if (source := found.column(name)) is not None}
        output = [
            *(exp.alias_(expression, exp.to_identifier(f"typed {name}", quoted=True)) for name, expression in copied.items()),
            *(quoted_column(source.name) for source in left.values()),
        ]
        kept = qualified_table(f"{table.name} in memory")
        query = exp.Select(expressions=output or [exp.Null()]).from_(found.rows.copy())
        made = exp.Create(this=kept.copy(), kind="TABLE", replace=True, expression=query)
        connection.execute(made.sql(dialect="duckdb", comments=False))
        return kept, frozenset(copied)

    def _view(self, table: SqlTable, found: FoundTable, rows: exp.Table, taken_over: frozenset[str]) -> str:
        output = [
            exp.alias_(
                exp.column(exp.to_identifier(f"typed {column.name}", quoted=True))
                if column.name in taken_over
                else self._declared(table, found, column),
                exp.to_identifier(column.name, quoted=True),
            )
            for column in table.columns
        ]
        query = exp.Select(expressions=output).from_(rows.copy())
        made = exp.Create(this=qualified_table(table.name), kind="VIEW", replace=True, expression=query)
        return made.sql(dialect="duckdb", comments=False)

    def _declared(self, table: SqlTable, found: FoundTable, column: RawColumn) -> exp.Expression:
        source = found.column(column.name)
        if source is None:
            raise SourceError(
                "S120",
                f"node {self._node}, table {table.name} has no column {column.name} any more",
                near_names(column.name, [known.name for known in found.columns]),
            )
        expression = _expression(source, column)
        if expression is None:
            held = "text" if source.as_text else str(source.type)
            raise SourceError(
                "S120",
                f"node {self._node}, table {table.name}, column {column.name} is not {column.type} any more",
                f"it is {held} now; `hospital-gateway sources describe` shows the table as it is",
            )
        return expression


def _lost(found: FoundTable, column: RawColumn) -> exp.Expression | None:
    """Where a value is there but cannot be read; None for a column that is taken as it is."""
    source = found.column(column.name)
    tried = None if source is None else _expression(source, column, trying=True)
    if source is None or tried is None or tried == quoted_column(source.name):
        return None
    present = (
        exp.Nullif(this=quoted_column(source.name), expression=exp.Literal.string(""))
        if source.type.id == "varchar"
        else quoted_column(source.name)
    )
    return exp.And(this=exp.Not(this=exp.Is(this=present, expression=exp.Null())), expression=exp.Is(this=tried, expression=exp.Null()))


def _expression(source: FoundColumn, column: RawColumn, *, trying: bool = False) -> exp.Expression | None:
    named: exp.Expression = quoted_column(source.name)
    if source.collated:
        encoded = exp.Anonymous(this="ENCODE", expressions=[named])
        named = exp.Anonymous(this="DECODE", expressions=[encoded])
    if source.as_text:
        return text_expression(named, column.type, trying=trying)
    return declared_expression(named, source.type, column.type, trying=trying)
