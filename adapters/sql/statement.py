"""From a Scan to one SELECT in a dialect: built as a tree, rendered, read again and checked before it is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from adapters.interface import Scan, SourceError
from adapters.sql.conditions import ConditionWriter, Constants, classify_condition
from adapters.sql.dialect import ColumnWriter, SqlDialect, joined
from adapters.sql.recheck import check_statement
from adapters.sql.rendering import render
from catalog.conditions import Always, Condition, Unknown
from catalog.relations import JoinRelation, TableRelation, UnnestRelation, WideRelation, relation_columns, relation_tables
from catalog.source_tables import RawColumn

ROW = "row"
"""The one column of a statement whose scan wants none: its rows still count."""

TABLE = "t"
"""The alias of a relation's only table."""


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text and the values of its parameters (`$1`, `$2`, ... or `?` in the order of the text)."""

    sql: str
    parameters: tuple[Any, ...]
    dialect: str

    def shown(self) -> str:
        """The text and beside it the parameters, for EXPLAIN."""
        if not self.parameters:
            return self.sql
        return f"{self.sql} [{', '.join(f'${number} = {self._shown(value)}' for number, value in enumerate(self.parameters, 1))}]"

    def _shown(self, value: Any) -> str:
        if isinstance(value, list):
            first = ", ".join(self._shown(item) for item in value[:5])
            return f"({first}, ... {len(value):,} values)" if len(value) > 5 else f"({first})"
        return exp.Literal.string(value).sql(dialect=self.dialect) if isinstance(value, str) else repr(value)


def write_statement(scan: Scan, dialect: SqlDialect) -> Statement:
    """The statement of a scan. Conditions weaker than asked, or none, are written for what the verdicts do not allow."""
    columns = relation_columns(scan.relation)
    unknown = [name for name in scan.columns if name not in columns]
    if unknown:
        raise SourceError("S110", f"the relation has no column {unknown[0]}")
    pushed = [classify_condition(dialect, condition, columns).pushed for condition in scan.conditions]
    wanted = tuple(condition for condition in pushed if not isinstance(condition, Always | Unknown))
    builder = SelectBuilder(dialect, scan, columns, wanted, Constants())
    match scan.relation:
        case TableRelation() | JoinRelation():
            select = builder.from_tables(scan.relation)
        case UnnestRelation():
            if dialect.unnest is None:
                raise SourceError("S110", "lists of this source cannot become rows")
            select = dialect.unnest(scan.relation, builder)
        case WideRelation():
            raise SourceError("S110", "a source that speaks SQL has no wide families")
    if scan.limit is not None:
        select = select.limit(scan.limit, copy=False)
    sql, parameters = render(select, dialect, builder.constants.values)
    check_statement(sql, dialect, relation_tables(scan.relation))
    return Statement(sql, parameters, dialect.name)


@dataclass(frozen=True, slots=True)
class SelectBuilder:
    """The parts of one statement: what is selected, from where, and under which conditions."""

    dialect: SqlDialect
    scan: Scan
    columns: Mapping[str, RawColumn]
    wanted: Sequence[Condition]
    constants: Constants

    def from_tables(self, relation: TableRelation | JoinRelation) -> exp.Select:
        def column(name: str) -> exp.Expression:
            alias, _, field = name.partition(".") if isinstance(relation, JoinRelation) else (TABLE, "", name)
            return quoted_column(field, alias)

        select = exp.Select(expressions=self.output(column))
        match relation:
            case JoinRelation(alias=alias, table=table, joins=joins):
                select = select.from_(self.table(table.name, alias), copy=False)
                for join in joins:
                    on = [
                        self.dialect.equal(column(left), column(right), self.columns[left], self.columns[right]) for left, right in join.on
                    ]
                    target = self.table(join.table.name, join.alias)
                    select = select.join(target, on=joined(exp.And, on), join_type=join.kind, dialect=self.dialect.name, copy=False)
            case TableRelation(table=single):
                select = select.from_(self.table(single.name, TABLE), copy=False)
        return self.filtered(select, column, self.wanted)

    def table(self, name: str, alias: str) -> exp.Table:
        found = self.dialect.table(name)
        found.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
        return found

    def output(self, column: ColumnWriter) -> list[exp.Expr]:
        """The scan's columns as the driver can carry them; one constant where it wants none."""
        found = [(name, self.dialect.output(column(name), self.columns[name])) for name in self.scan.columns]
        return named(found or [(ROW, exp.Literal.number(1))])

    def filtered(self, select: exp.Select, column: ColumnWriter, conditions: Sequence[Condition]) -> exp.Select:
        writer = ConditionWriter(self.dialect, self.columns, column, self.constants)
        for condition in conditions:
            select = select.where(writer.write(condition), copy=False)
        return select


def named(columns: Sequence[tuple[str, exp.Expression]]) -> list[exp.Expr]:
    return [exp.alias_(expression, exp.to_identifier(name, quoted=True), copy=False) for name, expression in columns]


def quoted_column(name: str, alias: str) -> exp.Expression:
    return exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier(alias, quoted=True))


def qualified_table(name: str, *qualifiers: str | None) -> exp.Table:
    """A table under catalog and schema (either may be missing), every part quoted."""
    parts = [exp.to_identifier(part, quoted=True) for part in (*qualifiers, name) if part]
    table = exp.Table(this=parts[-1])
    if len(parts) > 1:
        table.set("db", parts[-2])
    if len(parts) > 2:
        table.set("catalog", parts[-3])
    return table
