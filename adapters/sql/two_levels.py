"""Elements of a list as rows, for sources that unnest in the select list: below, rows with one element each; above, the rest."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from adapters.sql.statement import TABLE, SelectBuilder, named, quoted_column
from catalog.conditions import terms
from catalog.relations import UnnestRelation

_INNER, _ELEMENT, _NUMBER = "u", "element of list", "place in list"
"""Aliases inside a statement. The last two hold a blank: no column of a mapping can be called so."""

FieldWriter = Callable[[exp.Expression, str], exp.Expression]
"""From an element that is a struct, and the name of a field, to the field's value."""

PlaceWriter = Callable[[exp.Expression], exp.Expression]
"""From the list to the places of its elements, from 1, one a row beside them."""


def two_levels(relation: UnnestRelation, builder: SelectBuilder, field: FieldWriter, places: PlaceWriter) -> exp.Select:
    """Rows of the table that its own columns let through, each with one element and its place; then the conditions on these."""
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
        return element if name == relation.alias else field(element, name.removeprefix(f"{relation.alias}."))

    listed = table_column(relation.column)
    inner_output = [(name, table_column(name)) for name in builder.columns if name in own and name in used]
    inner_output.append((_ELEMENT, exp.Anonymous(this="UNNEST", expressions=[listed])))
    if relation.ordinality in used:
        inner_output.append((_NUMBER, places(listed.copy())))
    inner = exp.Select(expressions=named(inner_output)).from_(builder.table(relation.table.name, TABLE), copy=False)
    inner = builder.filtered(inner, table_column, below)
    select = exp.Select(expressions=builder.output(column))
    select = select.from_(inner.subquery(exp.to_identifier(_INNER, quoted=True), copy=False), copy=False)
    return builder.filtered(select, column, above)
