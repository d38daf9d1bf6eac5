"""Limits on a statement's text, before it is parsed: size, tokens, nesting.

sqlglot's parser recurses: the compiled one dies of a segmentation fault at some thousand levels, in any thread. Tokens are
read without recursion, so depth is counted on them. What recurses without a bracket (NOT NOT ..., - - ..., CASE in CASE)
is counted too; chains that the parser reads in a loop (AND, OR, ||) are rebalanced after parsing (parse.py).
"""

from __future__ import annotations

import re

from sqlglot import Dialect, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from gateway.errors import ParseError, Position

MAX_TEXT = 256 * 1024
MAX_TOKENS = 50_000
MAX_BRACKETS = 64
MAX_PREFIX_RUN = 32

_OPENING = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE}
_CLOSING = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END}
_PREFIX = {TokenType.NOT, TokenType.DASH, TokenType.PLUS, TokenType.TILDE, TokenType.INTERVAL, TokenType.DISTINCT, TokenType.ALL}
_RECURSIVE = {TokenType.JOIN, TokenType.ESCAPE}
MAX_RECURSIVE = 64
_UNREADABLE = re.compile("[\x00\ud800-\udfff]")
_PARTS = re.compile(r"""'(?:[^']|'')*+'|"(?:[^"]|"")*+"|--[^\n]*|/\*.*?\*/|\$\$.*?\$\$|/\*|\$\$|.""", re.DOTALL)
"""A whole quoted text, quoted name or comment, or one sign; of one that is not closed, its first sign."""


def read_tokens(sql: str) -> list[Token]:
    """The statement's tokens. Raises ParseError P101 or P102 with a position; never recurses."""
    if len(sql.encode("utf-8", "surrogatepass")) > MAX_TEXT:
        raise ParseError(
            "P102", f"the statement has more than {MAX_TEXT // 1024} kB of text", hint="send long lists of keys in several statements"
        )
    unreadable = _UNREADABLE.search(sql)
    if unreadable is not None:
        raise ParseError("P101", "the statement has a character that is no text", position=position_at(sql, unreadable.start()))
    try:
        tokens = Dialect.get_or_raise("postgres").tokenize(sql)
    except TokenError as error:
        fact, place = "a quoted text or comment is not closed, or a character cannot be read", _unclosed(sql)
        position = position_at(sql, place) if place is not None else None
        raise ParseError("P101", fact, position=position, hint="look for a missing quote") from error
    if len(tokens) > MAX_TOKENS:
        raise ParseError("P102", f"the statement has more than {MAX_TOKENS} words and signs")
    _check_nesting(sql, tokens)
    return tokens


def _unclosed(sql: str) -> int | None:
    """Where the quoted text, name or comment begins that never ends."""
    return next((part.start() for part in _PARTS.finditer(sql) if part.group() in ("'", '"', "/*", "$$")), None)


def position_at(sql: str, offset: int) -> Position:
    """Line and column (from 1) of a character offset."""
    before = sql[:offset]
    return Position(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


def _check_nesting(sql: str, tokens: list[Token]) -> None:
    depth = run = recursive = 0
    for token in tokens:
        kind = token.token_type
        depth += (kind in _OPENING) - (kind in _CLOSING)
        run = run + 1 if kind in _PREFIX else 0
        recursive += kind in _RECURSIVE
        if depth > MAX_BRACKETS or run > MAX_PREFIX_RUN or recursive > MAX_RECURSIVE:
            raise ParseError(
                "P102",
                f"the statement is nested deeper than {MAX_BRACKETS} levels, or has a run of more than {MAX_PREFIX_RUN} prefix operators",
                position=position_at(sql, token.start),
            )
