"""Which names a query sees: its relations with their typed columns, the outer query's behind them, and what it is grouped by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.servers.tds.errors import SqlServerError
from tests.servers.tds.sql_types import SqlType
from tests.servers.tds.values import Value, identifier


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """A column of a relation: its name in T-SQL, its name in DuckDB and its type."""

    name: str
    physical: str
    type: SqlType
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its DuckDB name (quoted) and its columns. `name` is schema.table, or #name."""

    name: str
    physical: str
    columns: tuple[OutputColumn, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """One entry of FROM. `physical` is its alias in DuckDB; `database_table` its own name where it has no alias."""

    name: str
    physical: str
    columns: tuple[OutputColumn, ...]

    def value(self, column: OutputColumn) -> Value:
        return Value(f"{self.physical}.{identifier(column.physical)}", column.type, 1 if column.type.is_text else 0)


@dataclass(slots=True)
class Scope:
    """`grouped` maps the DuckDB text of what is grouped by to the text that gives it; None: no grouping."""

    relations: list[Relation] = field(default_factory=list)
    parent: Scope | None = None
    grouped: dict[str, str] | None = None
    common: dict[str, tuple[str, tuple[OutputColumn, ...]]] = field(default_factory=dict)
    """WITH queries: name to DuckDB text and columns."""

    def column(self, name: str, table: str) -> Value:
        """Raises SqlServerError 207 (no such column), 209 (more than one) or 4104 (no such table)."""
        candidates = [relation for relation in self.relations if not table or relation.name.lower() == table.lower()]
        found = [relation.value(column) for relation in candidates for column in relation.columns if column.name.lower() == name.lower()]
        if len(found) > 1:
            raise SqlServerError(209, f"Ambiguous column name '{name}'.")
        if found:
            return found[0]
        if self.parent is not None and not (table and candidates):
            return self.parent.column(name, table)
        if table and not candidates:
            raise SqlServerError(4104, f'The multi-part identifier "{table}.{name}" could not be bound.')
        raise SqlServerError(207, f"Invalid column name '{name}'.")

    def add(self, relation: Relation) -> None:
        """Raises SqlServerError 1013 for a name that is there already."""
        if any(known.name.lower() == relation.name.lower() for known in self.relations):
            message = f'The objects "{relation.name}" and "{relation.name}" in the FROM clause have the same exposed names. Use correlation names.'
            raise SqlServerError(1013, message)
        self.relations.append(relation)

    def common_query(self, name: str) -> tuple[str, tuple[OutputColumn, ...]] | None:
        found = self.common.get(name.lower())
        return found if found or self.parent is None else self.parent.common_query(name)

    def starred(self, table: str) -> Sequence[tuple[str, Value]]:
        chosen = [relation for relation in self.relations if not table or relation.name.lower() == table.lower()]
        if not chosen:
            raise SqlServerError(107, f"The column prefix '{table}' does not match with a table name or alias name used in the query.")
        return [(column.name, relation.value(column)) for relation in chosen for column in relation.columns]
