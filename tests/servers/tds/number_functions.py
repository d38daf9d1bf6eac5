"""Functions of numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from tests.servers.tds.errors import NotTranslated, SqlServerError
from tests.servers.tds.function_types import Argument, Handler
from tests.servers.tds.values import Value

if TYPE_CHECKING:
    from tests.servers.tds.expressions import Translation


def numeric(name: str) -> Handler:
    def handler(_: Translation, node: exp.Expression, value: Argument) -> Value:
        inner = value(node.this)
        if not inner.type.is_number:
            raise SqlServerError(8116, f"Argument data type {inner.type.name} is invalid for argument 1 of {name} function.")
        kind = replace(inner.type, scale=0) if inner.type.name == "decimal" and name != "abs" else inner.type
        return Value(f"CAST({name}({inner.sql}) AS {kind.stored})", kind)

    return handler


def rounded_number(_: Translation, node: exp.Round, value: Argument) -> Value:
    inner, digits = value(node.this), node.args.get("decimals")
    if node.args.get("truncate") is not None or not isinstance(digits, exp.Literal):
        raise NotTranslated("ROUND that cuts off, or to a computed length")
    return Value(f"CAST(round({inner.sql}, {int(digits.name)}) AS {inner.type.stored})", inner.type)
