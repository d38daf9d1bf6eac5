"""Functions of text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from tests.servers.tds.collations import collation
from tests.servers.tds.comparison import collated, unified
from tests.servers.tds.conversion import converted
from tests.servers.tds.errors import NotTranslated
from tests.servers.tds.function_types import Argument, Handler
from tests.servers.tds.sql_types import BIGINT, INT, MAX, SYSTEM_TYPES, TEXT, UNICODE, SqlType, decimal_width, text_type
from tests.servers.tds.values import Value, quoted

if TYPE_CHECKING:
    from tests.servers.tds.expressions import Translation


def _text(node: exp.Expression, value: Argument) -> Value:
    """An argument that must be text; without the cast that sqlglot wraps it in."""
    if type(node) is exp.Cast and node.to.this is exp.DType.TEXT:
        node = node.this
    found = value(node)
    return found if found.type.is_text else converted(found, text_type("varchar", 8000))


def length(_: Translation, node: exp.Length, value: Argument) -> Value:
    inner = _text(node.this, value)
    kind = BIGINT if inner.type.length == MAX else INT
    counted = "length" if collation(inner.type.collation).supplementary else "ss_length"
    return Value(f"CAST({counted}(rtrim({inner.sql}, ' ')) AS {kind.stored})", kind)


def data_length(_: Translation, node: exp.Anonymous, value: Argument) -> Value:
    inner = value(node.expressions[0])
    name = inner.type.name
    kind = BIGINT if inner.type.length == MAX else INT
    if name in UNICODE:
        text = f"2 * ss_length({inner.sql})"
    elif name in TEXT:
        text = f"octet_length(ss_bytes_of_text({inner.sql}, '{collation(inner.type.collation).code_page}'))"
    elif name in ("binary", "varbinary"):
        text = f"octet_length({inner.sql})"
    else:
        size = decimal_width(inner.type.precision) if name == "decimal" else inner.type.in_catalog()[1] if name in SYSTEM_TYPES else 4
        text = f"CASE WHEN {inner.sql} IS NULL THEN NULL ELSE {size} END"
    return Value(f"CAST({text} AS {kind.stored})", kind)


def same_text(name: str) -> Handler:
    def handler(_: Translation, node: exp.Expression, value: Argument) -> Value:
        inner = _text(node.this, value)
        return replace(inner, sql=f"{name}({inner.sql})", type=_varying(inner.type))

    return handler


def trim(_: Translation, node: exp.Trim, value: Argument) -> Value:
    if node.expression is not None:
        raise NotTranslated("TRIM of given characters")
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or ""), "trim")
    inner = _text(node.this, value)
    return replace(inner, sql=f"{name}({inner.sql}, ' ')", type=_varying(inner.type))


def _varying(kind: SqlType) -> SqlType:
    return replace(kind, name="nvarchar" if kind.name in UNICODE else "varchar")


def left(_: Translation, node: exp.Left, value: Argument) -> Value:
    inner, length = _text(node.this, value), converted(value(node.expression), BIGINT)
    return replace(inner, sql=f"ss_slice({inner.sql}, 1, {length.sql})", type=_varying(inner.type))


def right(_: Translation, node: exp.Right, value: Argument) -> Value:
    inner, length = _text(node.this, value), converted(value(node.expression), BIGINT)
    start = f"greatest(ss_length({inner.sql}) - {length.sql}, 0) + 1"
    return replace(inner, sql=f"ss_slice({inner.sql}, {start}, {length.sql})", type=_varying(inner.type))


def substring(_: Translation, node: exp.Substring, value: Argument) -> Value:
    start, length = (converted(value(node.args[part]), BIGINT).sql for part in ("start", "length"))
    inner = value(node.this)
    if inner.type.name == "varbinary":
        return replace(inner, sql=f"array_slice({inner.sql}, {start}, {start} + {length} - 1)")
    inner = _text(node.this, value)
    return replace(inner, sql=f"ss_slice({inner.sql}, {start}, {length})", type=_varying(inner.type))


def concat(_: Translation, node: exp.Concat, value: Argument) -> Value:
    parts = unified([_text(part, value) for part in node.expressions])
    kind = text_type(_varying(parts[0].type).name, sum(max(part.type.length, 0) for part in parts), parts[0].type.collation)
    return Value("(" + " || ".join(f"coalesce({part.sql}, '')" for part in parts) + ")", kind)


def binary_only(function_name: str) -> Handler:
    """REPLACE and CHARINDEX look by collation; only under a binary one is that DuckDB's own function."""

    def handler(_: Translation, node: exp.Expression, value: Argument) -> Value:
        names = ("this", "expression", "replacement") if isinstance(node, exp.Replace) else ("this", "substr")
        parts = [_text(node.args[name], value) for name in names]
        name, label = collated(parts)
        if not collation(name).binary:
            raise NotTranslated(f"{function_name} under a collation that is not binary")
        text = f"{function_name}({', '.join(part.sql for part in parts)})"
        if function_name == "strpos":
            return Value(f"CAST({text} AS INTEGER)", INT)
        return replace(parts[0], sql=text, type=replace(_varying(parts[0].type), length=MAX), label=label)

    return handler


def repeat(_: Translation, node: exp.Repeat, value: Argument) -> Value:
    """Cut off at 8,000 bytes where the text is not of a (max) type."""
    inner, times = _text(node.this, value), converted(value(node.args["times"]), INT)
    text = f"repeat({inner.sql}, {times.sql})"
    if inner.type.length != MAX:
        text = f"left({text}, {4000 if inner.type.name in UNICODE else 8000})"
    kind = replace(_varying(inner.type), length=MAX if inner.type.length == MAX else 4000 if inner.type.name in UNICODE else 8000)
    return replace(inner, sql=text, type=kind)


def space(_: Translation, node: exp.Space, value: Argument) -> Value:
    return Value(f"repeat(' ', {converted(value(node.this), INT).sql})", text_type("varchar", 8000))


def code(_: Translation, node: exp.Expression, value: Argument) -> Value:
    inner = _text(node.this, value)
    if isinstance(node, exp.Ascii):
        page = collation(inner.type.collation).code_page
        return Value(f"CAST(ord(ss_code_page(left({inner.sql}, 1), {quoted(inner.type.collation)})) AS INTEGER)", INT) if page else inner
    return Value(f"CAST(unicode({inner.sql}) AS INTEGER)", INT)


def character(_: Translation, node: exp.Expression, value: Argument) -> Value:
    number = converted(value(node.expressions[0]), INT).sql
    if isinstance(node, exp.Chr):
        return Value(f"ss_write_bytes(ss_bytes_of_integer({number}, 1), 0)", text_type("char", 1))
    return Value(f"chr({number})", text_type("nchar", 1))
