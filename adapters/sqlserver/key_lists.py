"""Long lists of constants as one derived table: up to 1,000 as VALUES, more as one JSON text that OPENJSON takes apart."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

from adapters.sql.conditions import ConditionWriter
from adapters.sql.dialect import Comparison
from adapters.sqlserver.spelling import cast, data_type

MOST_VALUES = 1_000
"""Rows that a table value constructor may have, and half of the parameters that a statement may have (2,100)."""

LIST, VALUE = "k", "v"
"""Alias of the derived table, and of its one column."""


def listed_value() -> exp.Expression:
    return exp.column(exp.to_identifier(VALUE, quoted=True), table=exp.to_identifier(LIST, quoted=True))


def list_table(writer: ConditionWriter, points: Sequence[Any], spelled: str, bound: Callable[[Any], Any]) -> exp.Expression:
    """A FROM item with one row per point. `spelled` is the type of its column, `bound` what the driver binds for a point."""
    alias = exp.to_identifier(LIST, quoted=True)
    column = exp.to_identifier(VALUE, quoted=True)
    if len(writer.constants.values) + len(points) <= MOST_VALUES:
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
