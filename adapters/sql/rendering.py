"""A finished tree as text, with its constants as the dialect takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from adapters.interface import SourceError
from adapters.sql.dialect import SqlDialect

_MARK = "parameter of the gateway, number "


def render(select: exp.Select, dialect: SqlDialect, constants: Sequence[Any]) -> tuple[str, tuple[Any, ...]]:
    """The text, and the values to bind in the order in which the driver wants them."""
    if dialect.parameters == "positional" and constants:
        order = _order_in_text(select, dialect.name, len(constants))
        for parameter in list(select.find_all(exp.Parameter)):
            parameter.replace(exp.Placeholder())
        return select.sql(dialect=dialect.name, comments=False), tuple(constants[number - 1] for number in order)
    return select.sql(dialect=dialect.name, comments=False), tuple(constants)


def _order_in_text(select: exp.Select, dialect: str, count: int) -> list[int]:
    """The numbers of the parameters as they stand in the text, which is not always the order of the tree."""
    marked = select.copy()
    for parameter in list(marked.find_all(exp.Parameter)):
        parameter.replace(exp.Literal.string(f"{_MARK}{parameter.name}"))
    tokens = sqlglot.tokenize(marked.sql(dialect=dialect, comments=False), read=dialect)
    texts = [token.text for token in tokens if token.token_type in (TokenType.STRING, TokenType.NATIONAL_STRING)]
    order = [int(text.removeprefix(_MARK)) for text in texts if text.startswith(_MARK)]
    if sorted(order) != list(range(1, count + 1)):
        raise SourceError("S105", "the statement written for the source lost a parameter")
    return order
