"""bind, last part: rules of SQL that are not about one name: grouping, widths of set operations, what stands where a condition must.

The merge would refuse these too, but late, in another engine's words, and without the place in the user's text.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from sqlglot import exp

from gateway.errors import BindError, Position
from gateway.planner.constants import constant_value
from gateway.planner.inner import kind_of
from gateway.planner.parse import position_of

_NUMBERS = {"integer", "decimal", "double"}
_TIMES = {"date", "timestamp", "local timestamp"}
_OF_NUMBERS = (exp.Sum, exp.Avg, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop)


def check_rules(tree: exp.Expr, sql: str) -> None:
    """Looks at the resolved, typed tree of a statement. Raises BindError B104 or B106 with a position."""
    for node in tree.walk():
        match node:
            case exp.Select():
                _check_select(node, sql)
            case exp.SetOperation():
                _check_set_operation(node, sql)
            case exp.And() | exp.Or() | exp.Not():
                for operand in node.iter_expressions():
                    _check_condition(operand, sql)
            case exp.If() if isinstance(node.parent, exp.Case) and node.parent.this is None:
                _check_condition(node.this, sql)
            case exp.In() if node.args.get("query") is not None:
                _check_compared(node.this, node.args["query"], sql)
            case exp.Limit() | exp.Offset() | exp.Fetch():
                _check_count(node, sql)
            case exp.AggFunc() if isinstance(node, _OF_NUMBERS):
                _check_numbers(node, sql)


def _check_select(select: exp.Select, sql: str) -> None:
    joins = select.args.get("joins") or []
    conditions = [select.args.get("where"), *(join.args.get("on") for join in joins), select.args.get("having")]
    for condition in conditions:
        if condition is not None:
            _check_condition(condition.this if isinstance(condition, exp.Where | exp.Having) else condition, sql)
    for place, clause in (("WHERE", conditions[0]), ("GROUP BY", select.args.get("group")), *(("ON", on) for on in conditions[1:-1])):
        for call in _own(select, clause, exp.AggFunc, exp.Window):
            kind = "a window function" if isinstance(call, exp.Window) else "an aggregate"
            raise BindError("B106", f"{kind} cannot stand in {place}", position=_place(call, sql), hint="use HAVING, or a subquery")
    _check_grouping(select, sql)


def _check_grouping(select: exp.Select, sql: str) -> None:
    group = select.args.get("group")
    shown = [*select.expressions, select.args.get("having"), select.args.get("order")]
    if group is None and all(_is_windowed(call) for part in shown for call in _own(select, part, exp.AggFunc)):
        return
    if group is not None and group.args.get("all"):
        return
    keys = list(_group_keys(group)) if group is not None else []
    for part in shown:
        for column in _uncovered(part, keys, _aliases(select)) if part is not None else ():
            fact = f"the column {column.name[:80]} is neither grouped nor inside an aggregate"
            raise BindError("B106", fact, position=_place(column, sql), hint="add it to GROUP BY, or use max() or min()")


def _group_keys(group: exp.Expr) -> Iterator[exp.Expr]:
    """The expressions of GROUP BY, those of ROLLUP, CUBE and GROUPING SETS among them."""
    for item in group.iter_expressions():
        if isinstance(item, exp.Tuple | exp.Paren | exp.Rollup | exp.Cube | exp.GroupingSets):
            yield from _group_keys(item)
        else:
            yield item


def _uncovered(node: exp.Expr, keys: list[exp.Expr], own: set[str]) -> Iterator[exp.Column]:
    """Columns of the SELECT's own tables that are no part of a key or an aggregate. Subqueries are left to the merge."""
    if node in keys or isinstance(node, exp.Query):
        return
    if isinstance(node, exp.Column):
        if node.table in own:
            yield node
        return
    if isinstance(node, exp.AggFunc | exp.Filter | exp.WithinGroup) and not _is_windowed(node):
        return
    for child in node.iter_expressions():
        yield from _uncovered(child, keys, own)


def _is_windowed(call: exp.Expr) -> bool:
    """Whether an aggregate is the function of a window, and so no aggregate over groups."""
    parent = call.parent
    while isinstance(parent, exp.Filter | exp.WithinGroup):
        parent = parent.parent
    return isinstance(parent, exp.Window)


def _aliases(select: exp.Select) -> set[str]:
    source = select.args.get("from_")
    tables = [source.this] if source is not None else []
    return {table.alias_or_name for table in (*tables, *(join.this for join in select.args.get("joins") or []))}


def _check_set_operation(node: exp.SetOperation, sql: str) -> None:
    left, right = _columns(node.this), _columns(node.expression)
    if not left or not right:
        return
    if len(left) != len(right):
        fact = f"{node.key.upper()} needs as many columns on both sides: here {len(left)} and {len(right)}"
        raise BindError("B106", fact, position=_place(right[0], sql))
    for a, b in zip_longest(left, right):
        if not _comparable(kind_of(a), kind_of(b)) and not _is_text_constant(a) and not _is_text_constant(b):
            fact = f"{node.key.upper()} cannot put a {kind_of(a)} and a {kind_of(b)} into one column"
            raise BindError("B104", fact, position=_place(b, sql), hint=f"cast one side, for example CAST(... AS {kind_of(a)})")


def _check_compared(left: exp.Expr, query: exp.Expr, sql: str) -> None:
    columns = _columns(query)
    wanted = len(left.expressions) if isinstance(left, exp.Tuple) else 1
    if columns and len(columns) != wanted:
        raise BindError("B106", f"IN compares {wanted} value with {len(columns)} columns", position=_place(columns[0], sql))
    if wanted == 1 and len(columns) == 1 and not _comparable(kind_of(left), kind_of(columns[0])) and not _is_text_constant(left):
        fact = f"a {kind_of(left)} cannot be compared with a {kind_of(columns[0])}"
        raise BindError("B104", fact, position=_place(left, sql), hint="cast one side")


def _columns(query: exp.Expr) -> list[exp.Expr]:
    """The output columns of a query; empty where a star or VALUES hides them."""
    inner = query.unnest() if isinstance(query, exp.Subquery) else query
    found = list(inner.selects) if isinstance(inner, exp.Query) else []
    return [] if any(item.is_star for item in found) else [item.unalias() for item in found]


def _check_condition(node: exp.Expr, sql: str) -> None:
    kind = kind_of(node)
    if kind not in ("boolean", "", "null") and not isinstance(node, exp.Query):
        raise BindError(
            "B104", f"a condition is needed here, and this is a {kind}", position=_place(node, sql), hint="compare it with something"
        )


def _check_count(node: exp.Expr, sql: str) -> None:
    count = node.args.get("count") if isinstance(node, exp.Fetch) else node.args.get("expression")
    value = constant_value(count) if count is not None else None
    if isinstance(value, int) and value < 0:
        fact = f"{node.key.upper()} needs a number of rows, and this is less than 0"
        raise BindError("B106", fact, position=_place(node, sql))


def _check_numbers(call: exp.Expr, sql: str) -> None:
    argument = call.this.expressions[0] if isinstance(call.this, exp.Distinct) and call.this.expressions else call.this
    kind = kind_of(argument)
    if kind not in (*_NUMBERS, "interval", "", "null"):
        fact = f"{call.key.upper()} needs numbers, and this is a {kind}"
        raise BindError("B104", fact, position=_place(argument, sql), hint="cast it, for example CAST(... AS double precision)")


def _own(select: exp.Select, part: exp.Expr | None, *kinds: type[exp.Expr]) -> Iterator[exp.Expr]:
    """Such nodes that belong to this SELECT and not to a query inside it."""
    for found in part.find_all(*kinds) if part is not None else ():
        if found.find_ancestor(exp.Select) is select:
            yield found


def _comparable(a: str, b: str) -> bool:
    return a == b or not {a, b}.isdisjoint({"", "null"}) or {a, b} <= _NUMBERS or {a, b} <= _TIMES


def _is_text_constant(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string)


def _place(node: exp.Expr, sql: str) -> Position | None:
    """The place of the first part of a node that has one."""
    return next((place for part in node.walk() if (place := position_of(part, sql)) is not None), None)
