"""SELECT to DuckDB text: FROM, joins, grouping, DISTINCT, UNION, ORDER BY, TOP and OFFSET, with the names and types of what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from tests.servers.tds.aggregates import AGGREGATES
from tests.servers.tds.errors import NotTranslated, SqlServerError, syntax_error
from tests.servers.tds.expressions import Translation, replace_grouping
from tests.servers.tds.scope import OutputColumn, Relation, Scope
from tests.servers.tds.sql_types import BIGINT, SqlType, from_tree, text_type
from tests.servers.tds.values import Value, converted, equality_key, order_key, quoted, unified

_SELECT_PARTS = {"expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset", "distinct", "with_", "options"}
_HINTS = {"NOLOCK", "READUNCOMMITTED", "READCOMMITTED", "HOLDLOCK", "SNAPSHOT", "READPAST"}


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
        columns = _renamed(columns, [column.name for column in query.args["alias"].columns])
        scope.common[query.alias.lower()] = (text, _named(columns, query.alias))


def _renamed(columns: Sequence[OutputColumn], names: Sequence[str]) -> tuple[OutputColumn, ...]:
    if not names:
        return tuple(columns)
    if len(names) != len(columns):
        raise SqlServerError(8158, "The relation has more columns than were specified in the column list.")
    return tuple(replace(column, name=name) for column, name in zip(columns, names))


def _named(columns: tuple[OutputColumn, ...], relation: str) -> tuple[OutputColumn, ...]:
    """Columns of a derived table have names, and different ones."""
    seen: set[str] = set()
    for place, column in enumerate(columns):
        if not column.name:
            raise SqlServerError(8155, f"No column name was specified for column {place + 1} of '{relation}'.")
        if column.name.lower() in seen:
            raise SqlServerError(8156, f"The column '{column.name}' was specified multiple times for '{relation}'.")
        seen.add(column.name.lower())
    return columns


# ---------------------------------------------------------------------------------------------------------------- FROM


def _from(translation: Translation, node: exp.Select, scope: Scope) -> str:
    """The FROM clause, with its relations put into the scope; empty without one."""
    if node.args.get("from_") is None:
        return ""
    text = _relation(translation, node.args["from_"].this, scope)
    for join in (*_inner_joins(node.args["from_"].this), *(node.args.get("joins") or ())):
        text += _join(translation, join, scope)
    return f" FROM {text}"


def _inner_joins(node: exp.Expression) -> Sequence[exp.Join]:
    return node.args.get("joins") or ()


def _join(translation: Translation, join: exp.Join, scope: Scope) -> str:
    side, kind = str(join.args.get("side") or "").upper(), str(join.args.get("kind") or "").upper()
    if isinstance(join.this, exp.Lateral):
        if not join.this.args.get("cross_apply"):
            raise NotTranslated("OUTER APPLY")
        return f" CROSS JOIN LATERAL {_relation(translation, join.this, scope)}"
    if join.args.get("using") or join.args.get("method") or (side, kind) not in _JOINS:
        raise syntax_error("JOIN")
    on = join.args.get("on")
    if (on is None) != (kind == "CROSS") and (on is None) == bool(side or kind):
        raise syntax_error("JOIN")
    word = "JOIN" if on is not None and not side else _JOINS[side, kind]
    text = f" {word} {_relation(translation, join.this, scope)}"
    return text if on is None else f"{text} ON {translation.predicate(on, scope)}"


_JOINS = {
    ("", ""): "CROSS JOIN",
    ("", "CROSS"): "CROSS JOIN",
    ("", "INNER"): "JOIN",
    ("LEFT", ""): "LEFT JOIN",
    ("LEFT", "OUTER"): "LEFT JOIN",
    ("RIGHT", ""): "RIGHT JOIN",
    ("RIGHT", "OUTER"): "RIGHT JOIN",
    ("FULL", ""): "FULL JOIN",
    ("FULL", "OUTER"): "FULL JOIN",
}


def _relation(translation: Translation, node: exp.Expression, scope: Scope) -> str:
    alias = translation.alias()
    names = [column.name for column in node.args["alias"].columns] if node.args.get("alias") else []
    match node:
        case exp.Table() if isinstance(node.this, exp.Identifier):
            text, columns = _table(translation, node, scope)
        case exp.Table() if isinstance(node.this, exp.OpenJSON):
            text, columns = _open_json(translation, node.this, scope)
        case exp.Lateral() if isinstance(node.this, exp.OpenJSON):
            text, columns = _open_json(translation, node.this, scope)
        case exp.Values():
            if not names:
                raise syntax_error("VALUES")
            text, columns = _values(translation, node, scope)
        case exp.Subquery():
            if not node.alias:
                raise syntax_error(")")
            text, columns = write_query(translation, node.this, Scope(parent=scope.parent, common=scope.common))
            text, columns = f"({text})", _named(_renamed(columns, names), node.alias)
        case _:
            raise NotTranslated(f"{type(node).__name__} in FROM")
    shown = node.alias or node.name
    scope.add(Relation(shown, alias, _renamed(columns, names)))
    return f"{text} AS {alias}"


def _table(translation: Translation, node: exp.Table, scope: Scope) -> tuple[str, tuple[OutputColumn, ...]]:
    for hint in node.args.get("hints") or ():
        for word in hint.expressions:
            if word.name.upper() not in _HINTS:
                raise NotTranslated(f"the hint {word.name}")
    temporary = node.this.args.get("temporary")
    if not node.db and not temporary and (common := scope.common_query(node.name)):
        return f"({common[0]})", common[1]
    table = translation.catalog.table(("#" if temporary else "") + node.name, node.db, node.catalog)
    return table.physical, table.columns


def _values(translation: Translation, node: exp.Values, scope: Scope) -> tuple[str, tuple[OutputColumn, ...]]:
    """A table value constructor: each column has the one type of all its values. At most 1,000 rows is a rule of INSERT only."""
    rows = [
        [
            translation.value(one, replace_grouping(Scope(parent=scope.parent)))
            for one in (row.expressions if isinstance(row, exp.Tuple) else [row])
        ]
        for row in node.expressions
    ]
    if len({len(row) for row in rows}) != 1:
        raise SqlServerError(10709, "The number of columns for each row in a table value constructor must be the same.")
    return _rows_text(rows)


def _rows_text(rows: list[list[Value]]) -> tuple[str, tuple[OutputColumn, ...]]:
    columns = [unified(list(column)) for column in zip(*rows)]
    output = tuple(OutputColumn("", f"c{place}", _longest(column)) for place, column in enumerate(columns))
    text = ", ".join(f"({', '.join(column[row].sql for column in columns)})" for row in range(len(rows)))
    casts = ", ".join(f"CAST({column.physical} AS {column.type.stored}) AS {column.physical}" for column in output)
    return f"(SELECT {casts} FROM (VALUES {text}) v({', '.join(column.physical for column in output)}))", output


def _longest(values: Sequence[Value]) -> SqlType:
    kind = next((value.type for value in values if value.type.name != "null"), values[0].type)
    if kind.name == "null":
        return SqlType(name="int")
    lengths = [value.type.length for value in values if value.type.name == kind.name]
    return replace(kind, length=-1 if -1 in lengths else max(lengths))


def _open_json(translation: Translation, node: exp.OpenJSON, scope: Scope) -> tuple[str, tuple[OutputColumn, ...]]:
    """OPENJSON over an array, WITH columns of plain values; a value that is an object or an array is NULL, as in lax mode."""
    if node.args.get("path"):
        raise NotTranslated("OPENJSON with a path")
    document = translation.value(node.this, replace_grouping(scope))
    if not document.type.is_text:
        raise SqlServerError(8116, f"Argument data type {document.type.name} is invalid for argument 1 of OpenJson function.")
    if not node.expressions:
        name = text_type("nvarchar", 4000, "Latin1_General_BIN2")
        columns = (
            OutputColumn("key", "c0", name),
            OutputColumn("value", "c1", text_type("nvarchar", -1)),
            OutputColumn("type", "c2", SqlType(name="tinyint")),
        )
        text = (
            f"(SELECT key AS c0, CASE type WHEN 'NULL' THEN NULL ELSE json_extract_string(value, '$') END AS c1, "
            "CAST(CASE type WHEN 'NULL' THEN 0 WHEN 'VARCHAR' THEN 1 WHEN 'BOOLEAN' THEN 3 WHEN 'ARRAY' THEN 4 WHEN 'OBJECT' THEN 5 ELSE 2 END "
            f"AS UTINYINT) AS c2 FROM json_each(ss_json({document.sql})))"
        )
        return text, columns
    columns = []
    expressions = []
    for place, column in enumerate(node.expressions):
        if column.args.get("as_json"):
            raise NotTranslated("AS JSON")
        kind = from_tree(column.args["kind"])
        path = column.args["path"].name if column.args.get("path") else f"$.{column.name}"
        path = path.removeprefix("lax ")
        if path.startswith("strict"):
            raise NotTranslated("a strict path")
        extracted = f"json_extract_string(value, {quoted(path)})"
        plain = f"CASE WHEN json_type(value, {quoted(path)}) IN ('ARRAY', 'OBJECT', 'NULL') THEN NULL ELSE {extracted} END"
        value = converted(Value(plain, text_type("nvarchar", -1)), kind)
        columns.append(OutputColumn(column.name, f"c{place}", kind))
        expressions.append(f"{value.sql} AS c{place}")
    return f"(SELECT {', '.join(expressions)} FROM json_each(ss_json({document.sql})))", tuple(columns)


# -------------------------------------------------------------------------------------------------------------- SELECT


def _select(translation: Translation, node: exp.Select, scope: Scope) -> tuple[str, tuple[OutputColumn, ...]]:
    unknown = {part for part, argument in node.args.items() if argument and part not in _SELECT_PARTS}
    if unknown:
        raise NotTranslated(f"SELECT with {', '.join(sorted(unknown))}")
    source = _from(translation, node, scope)
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
    return f" GROUP BY {', '.join(equality_key(value) for value in values)}"


def _own_aggregate(node: exp.Expression) -> bool:
    """An aggregate of this query, not of a query inside."""
    return any(found.find_ancestor(exp.Query) is node.find_ancestor(exp.Query) for found in node.find_all(*AGGREGATES))


def _distinct(inner: str, columns: Sequence[OutputColumn]) -> str:
    keys = [equality_key(Value(f"d.{column.physical}", column.type)) for column in columns]
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
            key = order_key(value)
        else:
            key = f"o{len(extra)}"
            extra.append(f"{order_key(value)} AS {key}")
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
        columns.append(OutputColumn(left.name, f"c{place}", _longest(both)))
    text = " UNION ALL ".join(f"SELECT {', '.join(side)} FROM ({part[0]})" for side, part in zip(sides, parts))
    text = _distinct(text, columns) if node.args.get("distinct") else f"SELECT * FROM ({text})"
    order = node.args.get("order")
    if order is not None:
        keys = []
        for ordered in order.expressions:
            value = _ordered_value(
                translation, ordered.this, Scope(), [(column.name, Value(column.physical, column.type)) for column in columns], True
            )
            keys.append(f"{order_key(value)} {'DESC NULLS LAST' if ordered.args.get('desc') else 'ASC NULLS FIRST'}")
        text += f" ORDER BY {', '.join(keys)}"
    return text, tuple(columns)
