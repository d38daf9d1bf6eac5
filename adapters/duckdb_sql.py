"""From a Scan to one SELECT over the adapter's views: built as a tree, rendered once, read again and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp

from adapters.duckdb_conditions import ConditionWriter, Parameters, classify_condition, joined
from adapters.interface import Scan, SourceError
from catalog.conditions import Always, Condition, Unknown, terms
from catalog.relations import JoinRelation, TableRelation, UnnestRelation, WideRelation, relation_columns, relation_tables
from catalog.source_tables import RawColumn

ROW = "row"
"""The one column of a statement whose scan wants none: its rows still count."""

_TABLE, _INNER, _ELEMENT, _NUMBER = "t", "u", "element of list", "place in list"
"""Aliases inside a statement. The last two hold a blank: no column of a mapping can be called so."""


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text with parameters `$1`, `$2`, ..., and their values."""

    sql: str
    parameters: tuple[Any, ...]

    def shown(self) -> str:
        """The text and beside it the parameters, for EXPLAIN."""
        if not self.parameters:
            return self.sql
        return f"{self.sql} [{', '.join(f'${number} = {_shown(value)}' for number, value in enumerate(self.parameters, 1))}]"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        first = ", ".join(_shown(item) for item in value[:5])
        return f"({first}, ... {len(value):,} values)" if len(value) > 5 else f"({first})"
    return exp.Literal.string(value).sql(dialect="duckdb") if isinstance(value, str) else repr(value)


def write_statement(scan: Scan) -> Statement:
    """The statement of a scan. Conditions weaker than asked, or none, are written for what the verdicts do not allow."""
    columns = relation_columns(scan.relation)
    unknown = [name for name in scan.columns if name not in columns]
    if unknown:
        raise SourceError("S110", f"the relation has no column {unknown[0]}")
    pushed = [classify_condition(condition, columns).pushed for condition in scan.conditions]
    wanted = [condition for condition in pushed if not isinstance(condition, Always | Unknown)]
    parameters = Parameters()
    match scan.relation:
        case TableRelation() | JoinRelation():
            select = _from_tables(scan, columns, wanted, parameters)
        case UnnestRelation():
            select = _from_elements(scan.relation, scan, columns, wanted, parameters)
        case WideRelation():
            raise SourceError("S110", "a table of files has no wide families")
    if scan.limit is not None:
        select = select.limit(scan.limit, copy=False)
    sql = select.sql(dialect="duckdb", comments=False)
    _check(sql, {table.name for table in relation_tables(scan.relation)})
    return Statement(sql, tuple(parameters.values))


def _from_tables(scan: Scan, columns: Mapping[str, RawColumn], wanted: Sequence[Condition], parameters: Parameters) -> exp.Select:
    def column(name: str) -> exp.Expression:
        alias, _, field = name.partition(".") if isinstance(scan.relation, JoinRelation) else (_TABLE, "", name)
        return exp.column(exp.to_identifier(field, quoted=True), table=exp.to_identifier(alias, quoted=True))

    select = exp.Select(expressions=_output([(name, column(name)) for name in scan.columns]))
    match scan.relation:
        case JoinRelation(alias=alias, table=table, joins=joins):
            select = select.from_(view(table.name, alias), copy=False)
            for join in joins:
                on = [exp.EQ(this=column(left), expression=column(right)) for left, right in join.on]
                select = select.join(
                    view(join.table.name, join.alias), on=joined(exp.And, on), join_type=join.kind, dialect="duckdb", copy=False
                )
        case TableRelation(table=table):
            select = select.from_(view(table.name, _TABLE), copy=False)
    return _filtered(select, ConditionWriter(columns, column, parameters), wanted)


def _from_elements(
    relation: UnnestRelation, scan: Scan, columns: Mapping[str, RawColumn], wanted: Sequence[Condition], parameters: Parameters
) -> exp.Select:
    """Two levels: rows of the table that its own columns let through, each with one element and its place; then the rest."""
    own = {column.name for column in relation.table.columns}
    below = [condition for condition in wanted if all(term.column in own for term in terms(condition))]
    above = [condition for condition in wanted if condition not in below]
    used = {*scan.columns, *(term.column for condition in above for term in terms(condition))}

    def table_column(name: str) -> exp.Expression:
        return exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier(_TABLE, quoted=True))

    def column(name: str) -> exp.Expression:
        if name in own:
            return exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier(_INNER, quoted=True))
        if name == relation.ordinality:
            return exp.column(exp.to_identifier(_NUMBER, quoted=True), table=exp.to_identifier(_INNER, quoted=True))
        element = exp.column(exp.to_identifier(_ELEMENT, quoted=True), table=exp.to_identifier(_INNER, quoted=True))
        if name == relation.alias:
            return element
        field = exp.Literal.string(name.removeprefix(f"{relation.alias}."))
        return exp.Anonymous(this="STRUCT_EXTRACT", expressions=[element, field])

    listed = table_column(relation.column)
    inner_output = [(name, table_column(name)) for name in columns if name in own and name in used]
    inner_output.append((_ELEMENT, exp.Anonymous(this="UNNEST", expressions=[listed])))
    if relation.ordinality in used:
        number = exp.Anonymous(this="GENERATE_SUBSCRIPTS", expressions=[listed.copy(), exp.Literal.number(1)])
        inner_output.append((_NUMBER, number))
    inner = exp.Select(expressions=_output(inner_output)).from_(view(relation.table.name, _TABLE), copy=False)
    inner = _filtered(inner, ConditionWriter(columns, table_column, parameters), below)
    select = exp.Select(expressions=_output([(name, column(name)) for name in scan.columns]))
    select = select.from_(inner.subquery(exp.to_identifier(_INNER, quoted=True), copy=False), copy=False)
    return _filtered(select, ConditionWriter(columns, column, parameters), above)


def _output(columns: Sequence[tuple[str, exp.Expression]]) -> list[exp.Expr]:
    found = columns or [(ROW, exp.Literal.number(1))]
    return [exp.alias_(expression, exp.to_identifier(name, quoted=True), copy=False) for name, expression in found]


def _filtered(select: exp.Select, writer: ConditionWriter, conditions: Sequence[Condition]) -> exp.Select:
    for condition in conditions:
        select = select.where(writer.write(condition), copy=False)
    return select


def view(name: str, alias: str | None = None) -> exp.Table:
    table = exp.Table(this=exp.to_identifier(name, quoted=True))
    if alias is not None:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    return table


def _check(sql: str, tables: set[str]) -> None:
    """What is sent is read again: one SELECT over mapped tables and nothing else. The printer is not trusted."""
    found = sqlglot.parse_one(sql, dialect="duckdb")
    named = {table.name for table in found.find_all(exp.Table) if not isinstance(table.this, exp.Func)}
    functions = [table for table in found.find_all(exp.Table) if isinstance(table.this, exp.Func)]
    if not isinstance(found, exp.Select) or functions or not named <= tables:
        raise SourceError("S105", "the statement written for the source touches more than the mapped tables")
