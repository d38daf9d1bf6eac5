"""Elements of an array as rows, each with its place."""

from __future__ import annotations

from sqlglot import exp

from adapters.sql.statement import SelectBuilder
from adapters.sql.two_levels import two_levels
from catalog.relations import UnnestRelation


def elements(relation: UnnestRelation, builder: SelectBuilder) -> exp.Select:
    return two_levels(relation, builder, _field, _places)


def _field(element: exp.Expression, name: str) -> exp.Expression:
    return exp.Dot(this=exp.Paren(this=element), expression=exp.to_identifier(name, quoted=True))


def _places(listed: exp.Expression) -> exp.Expression:
    """Counted from 1, whatever the array's own lower bound is; both lists of a row are of one length."""
    count = exp.Anonymous(this="CARDINALITY", expressions=[listed])
    return exp.Anonymous(this="GENERATE_SERIES", expressions=[exp.Literal.number(1), count])
