"""SELECT to DuckDB text: FROM, joins, grouping, DISTINCT, UNION, ORDER BY, TOP and OFFSET, with the names and types of what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from tests.servers.tds.aggregates import AGGREGATES
from tests.servers.tds.comparison import equality_key_of, order_key_of, unified
from tests.servers.tds.conversion import converted
from tests.servers.tds.errors import NotTranslated, SqlServerError, syntax_error
from tests.servers.tds.expressions import Translation, replace_grouping
from tests.servers.tds.relations import from_clause, longest, named, renamed
from tests.servers.tds.scope import OutputColumn, Scope
from tests.servers.tds.sql_types import BIGINT
from tests.servers.tds.values import Value

_SELECT_PARTS = {"expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset", "distinct", "with_", "options"}


def write_query(translation: Translation, node: exp.Expression, parent: Scope | None = None) -> tuple[str, tuple[OutputColumn, ...]]:
    """The query's DuckDB text, whose columns are c0, c1, …, and what they are in T-SQL. Raises SqlServerError."""
    scope = Scope(parent=parent)
    if parent is not None and node.args.get("order") is not None and node.args.get("limit") is None and node.args.get("offset") is None:
        message = "The ORDER BY clause is invalid in views, inline functions, derived tables, subqueries, and common table expressions, unless TOP, OFFSET or FOR XML is also specified."
        raise SqlServerError(1033, message, severity=15)
    _common_queries(translation, node, scope)
    match node:
        case exp.Select():
            return _select(translation, node, scope)
        case exp.Union():
            return _union(translation, node, scope)
        case exp.Subquery() if not node.args.get("alias"):
            return write_query(translation, node.this, parent)
        case _:
            raise NotTranslated(type(node).__name__)


def _common_queries(translation: Translation, node: exp.Expression, scope: Scope) -> None:
    common = node.args.get("with_")
    if common is None:
        return
    for query in common.expressions:
        text, columns = write_query(translation, query.this, scope)
        columns = renamed(columns, [column.name for column in query.args["alias"].columns])
        scope.common[query.alias.lower()] = (text, named(columns, query.alias))


def _select(translation: Translation, node: exp.Select, scope: Scope) -> tuple[str, tuple[OutputColumn, ...]]:
    unknown = {part for part, argument in node.args.items() if argument and part not in _SELECT_PARTS}
    if unknown:
        raise NotTranslated(f"SELECT with {', '.join(sorted(unknown))}")
    source = from_clause(translation, node, scope)
    where = f" WHERE {translation.predicate(node.args['where'].this, scope)}" if node.args.get("where") else ""
    group = _group(translation, node, scope)
    having = f" HAVING {translation.predicate(node.args['having'].this, scope)}" if node.args.get("having") else ""
    outputs = _outputs(translation, node, scope)
    columns = tuple(OutputColumn(name, f"c{place}", value.type) for place, (name, value) in enumerate(outputs))
    distinct = node.args.get("distinct") is not None
    order, extra = _order(translation, node, scope, outputs, distinct)
    limit = _limit(translation, node, scope)
    listed = [f"{value.sql} AS c{place}" for place, (_, value) in enumerate(outputs)]
    if not distinct:
        text = f"SELECT {', '.join([*listed, *extra])}{source}{where}{group}{having}"
        if extra:
            text = f"SELECT {', '.join(column.physical for column in columns)} FROM ({text}){order}{limit}"
        else:
            text += order + limit
        return text, columns
    inner = f"SELECT {', '.join(listed)}{source}{where}{group}{having}"
    return _distinct(inner, columns) + order + limit, columns


def _outputs(translation: Translation, node: exp.Select, scope: Scope) -> list[tuple[str, Value]]:
    found: list[tuple[str, Value]] = []
    for expression in node.expressions:
        if isinstance(expression, exp.Star):
            found += scope.starred("")
        elif isinstance(expression, exp.Column) and isinstance(expression.this, exp.Star):
            found += scope.starred(expression.table)
        elif isinstance(expression, exp.Alias):
            found.append((expression.alias, translation.value(expression.this, scope)))
        else:
            found.append((expression.name if isinstance(expression, exp.Column) else "", translation.value(expression, scope)))
    if not found:
        raise syntax_error("FROM")
    return found


def _group(translation: Translation, node: exp.Select, scope: Scope) -> str:
    """GROUP BY by what the collation holds for equal; each group shows one of its values."""
    group = node.args.get("group")
    if group is None:
        parts = [*node.expressions, *([node.args["having"]] if node.args.get("having") else [])]
        if any(_own_aggregate(part) for part in parts):
            scope.grouped = {}
        return ""
    if any(argument for part, argument in group.args.items() if part != "expressions"):
        raise NotTranslated("grouping sets")
    values = [translation.value(expression, scope) for expression in group.expressions]
    if any(expression.find(exp.Column) is None for expression in group.expressions):
        raise SqlServerError(164, "Each GROUP BY expression must contain at least one column that is not an outer reference.", severity=15)
    scope.grouped = {value.sql: f"first({value.sql})" for value in values}
    return f" GROUP BY {', '.join(equality_key_of(value) for value in values)}"


def _own_aggregate(node: exp.Expression) -> bool:
    """An aggregate of this query, not of a query inside."""
    return any(found.find_ancestor(exp.Query) is node.find_ancestor(exp.Query) for found in node.find_all(*AGGREGATES))


def _distinct(inner: str, columns: Sequence[OutputColumn]) -> str:
    keys = [equality_key_of(Value(f"d.{column.physical}", column.type)) for column in columns]
    shown = ", ".join(f"first(d.{column.physical}) AS {column.physical}" for column in columns)
    return f"SELECT * FROM (SELECT {shown} FROM ({inner}) d GROUP BY {', '.join(keys)})"


def _order(
    translation: Translation, node: exp.Select, scope: Scope, outputs: list[tuple[str, Value]], distinct: bool
) -> tuple[str, list[str]]:
    """ORDER BY, and the columns that only it needs. NULL is the lowest value."""
    order = node.args.get("order")
    if order is None:
        return "", []
    keys: list[str] = []
    extra: list[str] = []
    for ordered in order.expressions:
        value = _ordered_value(translation, ordered.this, scope, outputs, distinct)
        if (value.sql.startswith("c") and value.sql[1:].isdigit()) or distinct:
            key = order_key_of(value)
        else:
            key = f"o{len(extra)}"
            extra.append(f"{order_key_of(value)} AS {key}")
        keys.append(f"{key} {'DESC NULLS LAST' if ordered.args.get('desc') else 'ASC NULLS FIRST'}")
    if extra:
        return f" ORDER BY {', '.join(keys)}", extra
    return f" ORDER BY {', '.join(keys)}", [] if distinct else ["0 AS o0"]


def _ordered_value(translation: Translation, node: exp.Expression, scope: Scope, outputs: list[tuple[str, Value]], distinct: bool) -> Value:
    """An item of ORDER BY: a place, the name of an output, or an expression over the relations."""
    if isinstance(node, exp.Literal) and not node.is_string:
        place = int(node.name) - 1
        if not 0 <= place < len(outputs):
            raise SqlServerError(
                108, f"The ORDER BY position number {place + 1} is out of range of the number of items in the select list."
            )
        return replace(outputs[place][1], sql=f"c{place}")
    if isinstance(node, exp.Column) and not node.table:
        for place, (name, value) in enumerate(outputs):
            if name.lower() == node.name.lower():
                return replace(value, sql=f"c{place}")
    value = translation.value(node, scope)
    for place, (_, output) in enumerate(outputs):
        if output.sql == value.sql:
            return replace(output, sql=f"c{place}")
    if distinct:
        raise SqlServerError(145, "ORDER BY items must appear in the select list if SELECT DISTINCT is specified.", severity=15)
    return value


def _limit(translation: Translation, node: exp.Query, scope: Scope) -> str:
    limit, offset = node.args.get("limit"), node.args.get("offset")
    text = ""
    if isinstance(limit, exp.Limit):
        if limit.args.get("limit_options") or offset is not None:
            raise NotTranslated("TOP with an option, or with OFFSET")
        count = converted(translation.value(limit.expression, replace_grouping(scope)), BIGINT)
        text = f" LIMIT {count.sql}"
    elif isinstance(limit, exp.Fetch):
        if node.args.get("order") is None:
            raise syntax_error("FETCH")
        text = f" LIMIT {converted(translation.value(limit.args['count'], replace_grouping(scope)), BIGINT).sql}"
    if offset is not None:
        if node.args.get("order") is None:
            raise syntax_error("OFFSET")
        text += f" OFFSET {converted(translation.value(offset.expression, replace_grouping(scope)), BIGINT).sql}"
    return text


def _union(translation: Translation, node: exp.Union, scope: Scope) -> tuple[str, tuple[OutputColumn, ...]]:
    parts = [write_query(translation, side, scope) for side in (node.this, node.expression)]
    if len(parts[0][1]) != len(parts[1][1]):
        message = "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in their target lists."
        raise SqlServerError(205, message)
    if node.args.get("limit"):
        raise syntax_error("TOP")
    sides: list[list[str]] = [[], []]
    columns = []
    for place, (left, right) in enumerate(zip(parts[0][1], parts[1][1])):
        both = unified([Value(left.physical, left.type), Value(right.physical, right.type)])
        for side, value in zip(sides, both):
            side.append(f"{value.sql} AS c{place}")
        columns.append(OutputColumn(left.name, f"c{place}", longest(both)))
    text = " UNION ALL ".join(f"SELECT {', '.join(side)} FROM ({part[0]})" for side, part in zip(sides, parts))
    text = _distinct(text, columns) if node.args.get("distinct") else f"SELECT * FROM ({text})"
    order = node.args.get("order")
    if order is not None:
        keys = []
        for ordered in order.expressions:
            value = _ordered_value(
                translation, ordered.this, Scope(), [(column.name, Value(column.physical, column.type)) for column in columns], True
            )
            keys.append(f"{order_key_of(value)} {'DESC NULLS LAST' if ordered.args.get('desc') else 'ASC NULLS FIRST'}")
        text += f" ORDER BY {', '.join(keys)}"
    return text, tuple(columns)
