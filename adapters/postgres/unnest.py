"""Elements of an array as rows, each with its place."""

from __future__ import annotations

from sqlglot import exp

from adapters.sql.statement import TABLE, SelectBuilder, named, quoted_column
from catalog.conditions import terms
from catalog.relations import UnnestRelation

_INNER, _ELEMENT, _NUMBER = "u", "element of list", "place in list"
"""Aliases inside a statement. The last two hold a blank: no column of a mapping can be called so."""


def elements(relation: UnnestRelation, builder: SelectBuilder) -> exp.Select:
    """Two levels: rows of the table that its own columns let through, each with one element and its place; then the rest.

    The places are counted from 1, whatever the array's own lower bound is; both lists of a row are of one length.
    """
    own = {column.name for column in relation.table.columns}
    below = [condition for condition in builder.wanted if all(term.column in own for term in terms(condition))]
    above = [condition for condition in builder.wanted if condition not in below]
    used = {*builder.scan.columns, *(term.column for condition in above for term in terms(condition))}

    def table_column(name: str) -> exp.Expression:
        return quoted_column(name, TABLE)

    def column(name: str) -> exp.Expression:
        if name in own:
            return quoted_column(name, _INNER)
        if name == relation.ordinality:
            return quoted_column(_NUMBER, _INNER)
        element = quoted_column(_ELEMENT, _INNER)
        if name == relation.alias:
            return element
        return exp.Dot(this=exp.Paren(this=element), expression=exp.to_identifier(name.removeprefix(f"{relation.alias}."), quoted=True))

    listed = table_column(relation.column)
    inner = [(name, table_column(name)) for name in builder.columns if name in own and name in used]
    inner.append((_ELEMENT, exp.Anonymous(this="UNNEST", expressions=[listed])))
    if relation.ordinality in used:
        count = exp.Anonymous(this="CARDINALITY", expressions=[listed.copy()])
        inner.append((_NUMBER, exp.Anonymous(this="GENERATE_SERIES", expressions=[exp.Literal.number(1), count])))
    select = exp.Select(expressions=named(inner)).from_(builder.table(relation.table.name, TABLE), copy=False)
    below_select = builder.filtered(select, table_column, below)
    outer = exp.Select(expressions=builder.output(column))
    outer = outer.from_(below_select.subquery(exp.to_identifier(_INNER, quoted=True), copy=False), copy=False)
    return builder.filtered(outer, column, above)
