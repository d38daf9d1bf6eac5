"""HiveServer2's own errors in our words, by number and state; its text, which holds constants and paths, goes nowhere."""

from __future__ import annotations

from typing import Any

from adapters.interface import SourceError

_SUCCEEDED = frozenset({0, 1, 2})
"""TStatusCode: success, success with info, still executing."""

_FORBIDDEN = "Error while compiling statement: FAILED: HiveAccessControlException"
"""How the text begins when an authorizer (SQL standard, Ranger) says no: its number, 40000, is that of any other failure too."""


class HiveError(Exception):
    """The server answered a call with an error status: `number` 0 is none given, `state` an SQLSTATE or ''."""

    def __init__(self, number: int, state: str, *, forbidden: bool = False) -> None:
        super().__init__(number, state)
        self.number, self.state, self.forbidden = number, state, forbidden

    def in_words(self) -> SourceError:
        """What is left to say when no missing table or column explains it."""
        if self.forbidden:
            return SourceError("S108", "the gateway's account may not read a table of the source")
        number = f" (number {self.number})" if self.number else ""
        return SourceError("S105", f"the source answered with an error{number}")


def check_status(status: Any) -> None:
    """Raises HiveError unless the call succeeded."""
    if status.statusCode not in _SUCCEEDED:
        raise HiveError(status.errorCode or 0, status.sqlState or "", forbidden=(status.errorMessage or "").startswith(_FORBIDDEN))
