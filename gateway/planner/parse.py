"""parse: text to a syntax tree of allowed statements, constructs and functions."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from typing import TypeVar, cast

import sqlglot
from sqlglot import Dialect, exp
from sqlglot.tokenizer_core import Token

from catalog.errors import near_names
from gateway.errors import ParseError, Position
from gateway.planner import functions as allowed
from gateway.planner.text_limits import position_at, read_tokens

MAX_TREE_DEPTH = 128
MAX_COMMON_TABLES = 64
MAX_TABLES = 256
_LARGE = 1_500
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_LARGE_STACK = 256 << 20
_T = TypeVar("_T")

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of what this module refuses


def parse(sql: str) -> exp.Expr:
    """One SELECT (with WITH, set operations, VALUES) as a tree. Raises ParseError with a position where there is one."""
    tokens = read_tokens(sql)
    statements = [
        s for s in _with_stack(len(tokens), lambda: _parse_tokens(tokens, sql)) if s is not None and not isinstance(s, exp.Semicolon)
    ]
    if not statements:
        raise ParseError("P101", "the statement is empty", hint="write a SELECT")
    if len(statements) > 1:
        raise ParseError("P103", f"there are {len(statements)} statements where one is allowed", position=_second_statement(tokens, sql))
    return _with_stack(len(tokens), lambda: _checked(statements[0], sql, tokens))


def parse_condition(text: str) -> exp.Expr:
    """A condition that stands alone, such as the row filter of a policy. Raises ParseError."""
    tokens = read_tokens(text)
    conditions = [c for c in _parse_tokens(tokens, text) if c is not None]
    if len(conditions) != 1 or not isinstance(conditions[0], exp.Condition):
        raise ParseError("P101", "the text is not a condition")
    condition = conditions[0]
    _check_depth(condition)
    for node in condition.walk():
        _check_node(node, text, tokens)
    if condition.find(exp.Query, exp.AggFunc, exp.Window):
        raise ParseError("P104", "a condition has no subquery, aggregate or window function")
    return condition


def _parse_tokens(tokens: list[Token], sql: str) -> list[exp.Expr | None]:
    try:
        return Dialect.get_or_raise("postgres").parser().parse(tokens, sql)
    except sqlglot.ParseError as error:
        first = error.errors[0] if error.errors else {}
        line, column = first.get("line"), first.get("col")
        word = str(first.get("highlight") or "")
        position = Position(line, max(1, column - len(word) + 1)) if line and column else None
        near = f" near '{word[:40]}'" if word.isprintable() and word else ""
        raise ParseError("P101", f"the text is not a statement of SQL{near}", position=position) from None
    except (TypeError, AttributeError, ValueError, AssertionError) as error:  # the parser itself stumbles over some texts that are not SQL
        raise ParseError("P101", "the text is not a statement of SQL") from error


def _checked(tree: exp.Expr, sql: str, tokens: list[Token]) -> exp.Expr:
    if not isinstance(tree, allowed.STATEMENTS):
        raise ParseError(
            "P103", f"{_word(tree)} is not allowed: the gateway only reads", position=_first_position(tokens, sql), hint="write one SELECT"
        )
    for kind in (exp.And, exp.Or, exp.DPipe):
        tree = _rebalance(tree, kind)
    _check_depth(tree)
    _check_count(tree, sql, exp.CTE, MAX_COMMON_TABLES, "queries in WITH")
    _check_count(tree, sql, exp.Table, MAX_TABLES, "names of tables")
    for node in tree.walk():
        _check_node(node, sql, tokens)
    for node in list(tree.find_all(exp.Anonymous)):
        if node.name.lower() == "every":
            node.replace(exp.LogicalAnd(this=node.expressions[0]))
    return tree


def _word(node: exp.Expr) -> str:
    name = node.name if isinstance(node, exp.Command) else str(node.key)
    return name.upper()


def _with_stack(tokens: int, work: Callable[[], _T]) -> _T:
    """Runs `work`; for a long statement in a thread with a stack that its recursion cannot overrun."""
    if tokens < _LARGE:
        return work()
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.extend(("ok", work()))
        except BaseException as error:  # noqa: BLE001  # carried to the calling thread, whatever it is
            outcome.extend(("error", error))

    previous = threading.stack_size(_LARGE_STACK)
    try:
        thread = threading.Thread(target=run, name="parse")
        thread.start()
    finally:
        threading.stack_size(previous)
    thread.join()
    if outcome[0] == "error":
        raise cast(BaseException, outcome[1])
    return cast(_T, outcome[1])


def _rebalance(tree: exp.Expr, kind: type[exp.Binary]) -> exp.Expr:
    """Long left-deep chains of an associative operator become balanced trees, so that no walk over them is deep."""
    for node in list(tree.find_all(kind)):
        if isinstance(node.parent, kind):
            continue
        operands = _chain(node, kind)
        if len(operands) <= 8:
            continue
        for operand in operands:
            operand.pop()
        balanced = _balance(operands, kind)
        if node.parent is None:
            return balanced
        node.replace(balanced)
    return tree


def _chain(node: exp.Expr, kind: type[exp.Binary]) -> list[exp.Expr]:
    operands: list[exp.Expr] = []
    stack: list[exp.Expr] = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, kind):
            stack.extend((current.expression, current.this))
        else:
            operands.append(current)
    return operands


def _balance(operands: list[exp.Expr], kind: type[exp.Binary]) -> exp.Expr:
    while len(operands) > 1:
        pairs = [operands[i : i + 2] for i in range(0, len(operands), 2)]
        operands = [kind(this=pair[0], expression=pair[1]) if len(pair) == 2 else pair[0] for pair in pairs]
    return operands[0]


def _check_depth(tree: exp.Expr) -> None:
    stack: list[tuple[exp.Expr, int]] = [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_TREE_DEPTH:
            raise ParseError(
                "P102",
                f"the statement is nested deeper than {MAX_TREE_DEPTH} levels",
                hint="shorten chains of operators, or write a list with IN",
            )
        stack.extend((child, depth + 1) for child in node.iter_expressions())


def _check_count(tree: exp.Expr, sql: str, kind: type[exp.Expr], most: int, words: str) -> None:
    """What comes after parsing looks at each such part from each other one, and follows chains of them."""
    found = list(tree.find_all(kind))
    if len(found) > most:
        raise ParseError("P102", f"the statement has more than {most} {words}", position=position_of(found[most], sql))


def _check_node(node: exp.Expr, sql: str, tokens: list[Token]) -> None:
    name = type(node).__name__
    if isinstance(node, exp.Anonymous):
        _check_anonymous(node, sql, tokens)
    elif name not in allowed.ALLOWED:
        code, what = ("P105", "function") if isinstance(node, exp.Func) else ("P104", "construct")
        shown = node.sql_name().lower() if isinstance(node, exp.Func) else str(node.key).upper()
        raise ParseError(code, f"the {what} {shown} is not allowed", position=position_of(node, sql) or _token_position(tokens, sql, shown))
    problem = _malformed(node)
    if problem is not None:
        raise ParseError("P101", problem, position=position_of(node, sql) or _first_position(tokens, sql))
    arguments = allowed.ARGUMENTS.get(name)
    if arguments is not None:
        for key, value in node.args.items():
            if value and key not in arguments:
                shown, hint = allowed.REFUSED_ARGUMENTS.get(key, (f"{key.strip('_').upper()} in {name.upper()}", ""))
                raise ParseError("P104", f"{shown} is not allowed", position=position_of(node, sql), hint=hint)
    if isinstance(node, exp.DataType) and node.this.name not in allowed.CAST_TYPES and isinstance(node.parent, exp.Cast | exp.TryCast):
        raise ParseError("P104", f"the type {node.this.name.lower()} is not allowed in a cast", position=position_of(node.parent, sql))


def _malformed(node: exp.Expr) -> str | None:
    """What is wrong with a node that the parser lets pass and nothing after it can read."""
    match node:
        case exp.Literal() if not node.is_string and not _NUMBER.fullmatch(node.this):
            return f"{node.this[:40]} is not a number"
        case exp.Select() if not node.expressions:
            return "a SELECT has no columns"
        case exp.Star() if not isinstance(node.parent, exp.Select | exp.Column | exp.Count):
            return "* stands where it cannot be read"
        case exp.Order() if node.this is None and isinstance(node.parent, exp.AggFunc):
            return "an aggregate has nothing before its ORDER BY"
        case _ if any(isinstance(value, list) and None in value for value in node.args.values()):
            return "something is missing in a list"
        case exp.Subquery() if not isinstance(node.this, exp.Query | exp.Values | exp.Table):
            return "what stands in brackets here is not a query"
        case _:
            return None


def _check_anonymous(node: exp.Anonymous, sql: str, tokens: list[Token]) -> None:
    name = node.name.lower()
    if name not in allowed.ANONYMOUS:
        known = [*allowed.ANONYMOUS, *(getattr(exp, key).sql_name().lower() for key in allowed.FUNCTIONS)]
        raise ParseError(
            "P105",
            f"the function {name[:60]} is not known or not allowed",
            position=_token_position(tokens, sql, name),
            hint=near_names(name[:60], known),
        )


def position_of(node: exp.Expr, sql: str) -> Position | None:
    """Where a node stands: the start of the first name or literal in it that knows its place."""
    starts = [meta["start"] for child in node.walk() if (meta := child.meta) and "start" in meta]
    return position_at(sql, min(starts)) if starts else None


def _first_position(tokens: list[Token], sql: str) -> Position:
    return position_at(sql, tokens[0].start if tokens else 0)


def _token_position(tokens: list[Token], sql: str, word: str) -> Position | None:
    return next((position_at(sql, t.start) for t in tokens if t.text.lower() == word.lower()), None)


def _second_statement(tokens: list[Token], sql: str) -> Position | None:
    ends = [i for i, token in enumerate(tokens[:-1]) if token.text == ";"]
    return position_at(sql, tokens[ends[0] + 1].start) if ends else None
