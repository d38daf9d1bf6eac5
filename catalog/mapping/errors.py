"""How reading a mapping expression fails: with a catalog code, a fact, a hint and the position in the text."""

from __future__ import annotations


class ExpressionError(Exception):
    """`position` counts characters of the expression from 0; None if nothing better than the whole is known."""

    def __init__(self, code: str, fact: str, hint: str = "", position: int | None = None) -> None:
        super().__init__(fact)
        self.code, self.fact, self.hint, self.position = code, fact, hint, position


def wrong_arguments(fact: str, hint: str = "") -> ExpressionError:
    return ExpressionError("C207", fact, hint)
