"""Lists of constants as one derived table: short ones as VALUES, longer ones as one JSON text that OPENJSON takes apart.

VALUES would take up to 1,000 rows. But each length is another statement, for which the server makes a plan and keeps it, and 1,000
constants take a hundred times as long to write and to check as one JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

from adapters.sql.conditions import ConditionWriter
from adapters.sql.dialect import Comparison
from adapters.sqlserver.spelling import cast, data_type

MOST_VALUES = 100
"""Constants of a list that are parameters of their own."""

_MOST_PARAMETERS = 1_000
"""A statement with so many parameters gets no more for lists: the server takes 2,100."""

LIST, VALUE = "k", "v"
"""Alias of the derived table, and of its one column."""


def listed_value() -> exp.Expression:
    return exp.column(exp.to_identifier(VALUE, quoted=True), table=exp.to_identifier(LIST, quoted=True))


def list_table(writer: ConditionWriter, points: Sequence[Any], spelled: str, bound: Callable[[Any], Any]) -> exp.Expression:
    """A FROM item with one row per point. `spelled` is the type of its column, `bound` what the driver binds for a point."""
    alias = exp.to_identifier(LIST, quoted=True)
    column = exp.to_identifier(VALUE, quoted=True)
    if len(points) <= MOST_VALUES and len(writer.constants.values) < _MOST_PARAMETERS:
        rows = [exp.Tuple(expressions=[cast(writer.bind_raw(bound(point)), spelled)]) for point in points]
        return exp.Values(expressions=rows, alias=exp.TableAlias(this=alias, columns=[column]))
    text = json.dumps([bound(point) for point in points], separators=(",", ":"))
    defined = exp.OpenJSONColumnDef(this=column, kind=data_type(spelled), path=exp.Literal.string("$"))
    opened = exp.OpenJSON(this=cast(writer.bind_raw(text), "nvarchar(max)"), expressions=[defined])
    return exp.Table(this=opened, alias=exp.TableAlias(this=alias))


def in_list(compared: Comparison, points: Sequence[Any]) -> exp.Expression:
    """col IN (SELECT v FROM list): NULL for a NULL, so that it may stand under NOT."""
    typed = compared.writer.dialect.cast(exp.Null(), compared.type)
    assert isinstance(typed, exp.Cast)
    table = list_table(compared.writer, points, typed.to.sql(dialect="tsql"), compared.writer.dialect.parameter)
    select = exp.Select(expressions=[listed_value()]).from_(table, copy=False)
    return exp.In(this=compared.read(), query=exp.Subquery(this=select))
