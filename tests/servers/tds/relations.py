"""FROM: tables, joins, derived tables, VALUES and OPENJSON, as DuckDB text, with their names put into the scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from tests.servers.tds.comparison import unified
from tests.servers.tds.conversion import converted
from tests.servers.tds.errors import NotTranslated, SqlServerError, syntax_error
from tests.servers.tds.expressions import Translation, replace_grouping
from tests.servers.tds.scope import OutputColumn, Relation, Scope
from tests.servers.tds.sql_types import SqlType, from_tree, text_type
from tests.servers.tds.values import Value, quoted

Relational = tuple[str, tuple[OutputColumn, ...]]
"""DuckDB text that gives rows, and their columns."""

_HINTS = {"NOLOCK", "READUNCOMMITTED", "READCOMMITTED", "HOLDLOCK", "SNAPSHOT", "READPAST"}


def renamed(columns: Sequence[OutputColumn], names: Sequence[str]) -> tuple[OutputColumn, ...]:
    if not names:
        return tuple(columns)
    if len(names) != len(columns):
        raise SqlServerError(8158, "The relation has more columns than were specified in the column list.")
    return tuple(replace(column, name=name) for column, name in zip(columns, names))


def named(columns: tuple[OutputColumn, ...], relation: str) -> tuple[OutputColumn, ...]:
    """Columns of a derived table have names, and different ones."""
    seen: set[str] = set()
    for place, column in enumerate(columns):
        if not column.name:
            raise SqlServerError(8155, f"No column name was specified for column {place + 1} of '{relation}'.")
        if column.name.lower() in seen:
            raise SqlServerError(8156, f"The column '{column.name}' was specified multiple times for '{relation}'.")
        seen.add(column.name.lower())
    return columns


def from_clause(translation: Translation, node: exp.Select, scope: Scope) -> str:
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
            text, columns = translation.write_query(translation, node.this, Scope(parent=scope.parent, common=scope.common))
            text, columns = f"({text})", named(renamed(columns, names), node.alias)
        case _:
            raise NotTranslated(f"{type(node).__name__} in FROM")
    shown = node.alias or node.name
    scope.add(Relation(shown, alias, renamed(columns, names)))
    return f"{text} AS {alias}"


def _table(translation: Translation, node: exp.Table, scope: Scope) -> Relational:
    for hint in node.args.get("hints") or ():
        for word in hint.expressions:
            if word.name.upper() not in _HINTS:
                raise NotTranslated(f"the hint {word.name}")
    temporary = node.this.args.get("temporary")
    if not node.db and not temporary and (common := scope.common_query(node.name)):
        return f"({common[0]})", common[1]
    table = translation.catalog.table(("#" if temporary else "") + node.name, node.db, node.catalog)
    return table.physical, table.columns


def _values(translation: Translation, node: exp.Values, scope: Scope) -> Relational:
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


def _rows_text(rows: list[list[Value]]) -> Relational:
    columns = [unified(list(column)) for column in zip(*rows)]
    output = tuple(OutputColumn("", f"c{place}", longest(column)) for place, column in enumerate(columns))
    text = ", ".join(f"({', '.join(column[row].sql for column in columns)})" for row in range(len(rows)))
    casts = ", ".join(f"CAST({column.physical} AS {column.type.stored}) AS {column.physical}" for column in output)
    return f"(SELECT {casts} FROM (VALUES {text}) v({', '.join(column.physical for column in output)}))", output


def longest(values: Sequence[Value]) -> SqlType:
    kind = next((value.type for value in values if value.type.name != "null"), values[0].type)
    if kind.name == "null":
        return SqlType(name="int")
    lengths = [value.type.length for value in values if value.type.name == kind.name]
    return replace(kind, length=-1 if -1 in lengths else max(lengths))


def _open_json(translation: Translation, node: exp.OpenJSON, scope: Scope) -> Relational:
    """OPENJSON over an array, WITH columns of plain values; a value that is an object or an array is NULL, as in lax mode."""
    if node.args.get("path"):
        raise NotTranslated("OPENJSON with a path")
    document = translation.value(node.this, replace_grouping(scope))
    if not document.type.is_text:
        raise SqlServerError(8116, f"Argument data type {document.type.name} is invalid for argument 1 of OpenJson function.")
    if not node.expressions:
        return _plain_json(document)
    columns: list[OutputColumn] = []
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


def _plain_json(document: Value) -> Relational:
    """OPENJSON without WITH: key, value and type of each element."""
    columns = (
        OutputColumn("key", "c0", text_type("nvarchar", 4000, "Latin1_General_BIN2")),
        OutputColumn("value", "c1", text_type("nvarchar", -1)),
        OutputColumn("type", "c2", SqlType(name="tinyint")),
    )
    kinds = {"NULL": 0, "VARCHAR": 1, "BOOLEAN": 3, "ARRAY": 4, "OBJECT": 5}
    numbered = " ".join(f"WHEN '{kind}' THEN {number}" for kind, number in kinds.items())
    text = (
        "(SELECT key AS c0, CASE type WHEN 'NULL' THEN NULL ELSE json_extract_string(value, '$') END AS c1, "
        f"CAST(CASE type {numbered} ELSE 2 END AS UTINYINT) AS c2 FROM json_each(ss_json({document.sql})))"
    )
    return text, columns
