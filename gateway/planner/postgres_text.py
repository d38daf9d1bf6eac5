"""bind, part two, for text functions of which DuckDB has another meaning: SIMILAR TO, substring before the first sign, to_char."""

from __future__ import annotations

import re

from sqlglot import exp

from gateway.errors import BindError
from gateway.planner import constants
from gateway.planner.parse import position_of

_DIRECTIVE = re.compile(r"%-?[A-Za-z%]")


def similar(node: exp.Expr, sql: str) -> exp.Expr:
    """SIMILAR TO with the signs of SQL (% and _); DuckDB reads its pattern as a regular expression."""
    pattern = constants.constant_value(node.expression)
    if not isinstance(pattern, str) or isinstance(node.parent, exp.Escape):
        fact = "SIMILAR TO needs a constant pattern, and has no ESCAPE here"
        raise BindError("B104", fact, position=position_of(node, sql), hint="use LIKE, or ~ with a regular expression")
    arguments = [node.this.copy(), exp.Literal.string(_regular(pattern)), exp.Literal.string("s")]
    matches = exp.Anonymous(this="regexp_full_match", expressions=arguments)
    matches.type = exp.DataType.build("BOOLEAN")
    return matches


def _regular(pattern: str) -> str:
    found: list[str] = []
    index, in_class = 0, False
    while index < len(pattern):
        sign = pattern[index]
        if sign == "\\" and index + 1 < len(pattern):
            index += 1
            found.append(re.escape(pattern[index]))
        elif in_class:
            in_class = sign != "]"
            found.append(sign)
        else:
            in_class = sign == "["
            found.append({"%": ".*", "_": ".", ".": "\\.", "^": "\\^", "$": "\\$", "\\": "\\\\"}.get(sign, sign))
        index += 1
    return "".join(found)


def substring(node: exp.Expr, sql: str) -> exp.Expr:
    """A start before the first sign counts there as in PostgreSQL; DuckDB would count from the end."""
    start = constants.constant_value(node.args["start"]) if node.args.get("start") is not None else None
    if not isinstance(start, int) or isinstance(start, bool) or start > 0:
        return node
    length = node.args.get("length")
    if length is not None:
        count = constants.constant_value(length)
        if not isinstance(count, int):
            fact = "substring from before the first sign needs a constant length"
            raise BindError("B104", fact, position=position_of(node, sql), hint="start at 1")
        if count >= 0:
            node.set("length", exp.Literal.number(max(0, count + start - 1)))
    node.set("start", exp.Literal.number(1))
    return node


def to_char(node: exp.Expr, sql: str) -> exp.Expr:
    """Refuses a format of which a part would be printed as it stands."""
    pattern = constants.constant_value(node.args["format"]) if node.args.get("format") is not None else None
    if not isinstance(pattern, str) or re.search(r'[A-Za-z"]', _DIRECTIVE.sub("", pattern)):
        fact = "to_char has a format that is not known here"
        hint = "YYYY, MM, DD, HH24, HH12, MI and SS are known; names of months and days, AM, Q and quoted words are not"
        raise BindError("B104", fact, position=position_of(node, sql), hint=hint)
    return node
