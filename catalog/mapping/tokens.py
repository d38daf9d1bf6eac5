"""Cuts a mapping expression into tokens, within limits, with sqlglot's DuckDB tokenizer."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import TokenType

from catalog.mapping.errors import ExpressionError

MAX_CHARACTERS = 8_000
MAX_TOKENS = 2_000
MAX_DEPTH = 50
MAX_CALLS = 150
MAX_WEIGHT = 5_000
"""The most functions and operators of one expression, and parts of the DuckDB expression that comes of it."""


@dataclass(frozen=True, slots=True)
class Token:
    """`kind`: word, quoted, string, number, mark or end; `text` without quotes; `position` in characters from 0."""

    kind: str
    text: str
    position: int

    @property
    def word(self) -> str:
        """The lower-case keyword or name, '' for anything else."""
        return self.text.lower() if self.kind == "word" else ""


def tokenize(text: str) -> list[Token]:
    """The tokens, with an end token last. Raises ExpressionError (C208)."""
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError("C208", f"the expression is longer than {MAX_CHARACTERS:,} characters", "split it, or use a lookup")
    try:
        found = DuckDB().tokenize(text)
    except TokenError as error:
        raise ExpressionError("C208", "the expression has an unfinished text or name", "close its quote") from error
    if len(found) > MAX_TOKENS:
        raise ExpressionError("C208", f"the expression has more than {MAX_TOKENS:,} parts", "split it, or use a lookup")
    return [Token(_kind(token.token_type, token.text), token.text, token.start) for token in found] + [Token("end", "", len(text))]


def _kind(type: TokenType, text: str) -> str:
    if type is TokenType.STRING:
        return "string"
    if type is TokenType.NUMBER:
        return "number"
    if type is TokenType.IDENTIFIER:
        return "quoted"
    return "word" if text.replace("_", "a").isalnum() and not text[0].isdigit() else "mark"
