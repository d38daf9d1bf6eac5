"""What can go wrong, as a tree per stage; gateway/error_codes.py has the one table of public codes.

GatewayError
├── ParseError      P   the text is not a statement that is allowed
├── BindError       B   a name or a type does not fit the catalog
├── DeniedError     G   the policy of the role does not allow it
├── PlanError       L   the statement is right, but cannot be answered as asked
├── SourceFailure   S   a source failed and the answer may not do without it
├── MergeError      M   putting the fragments together failed
├── AccessError     A   who asks is not known
├── SettingsError   F   the configuration or the call is wrong
└── InternalError   X   a bug of ours
catalog.errors.CatalogError (C) and adapters.interface.SourceError (S) are raised below the gateway and reported like these.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the user's statement; line and column start at 1."""

    line: int
    column: int


class GatewayError(Exception):
    """Fact: short, lower case, no full stop, no patient value. Hint: what to do. `code` is in gateway/error_codes.py."""

    def __init__(self, code: str, fact: str, *, position: Position | None = None, detail: str = "", hint: str = "") -> None:
        super().__init__(fact)
        self.code, self.fact, self.position, self.detail, self.hint = code, fact, position, detail, hint


class ParseError(GatewayError):
    pass


class BindError(GatewayError):
    pass


class DeniedError(GatewayError):
    pass


class PlanError(GatewayError):
    pass


class SourceFailure(GatewayError):
    """`all_failed`: no planned source could answer (exit code 4)."""

    all_failed: bool = False


class MergeError(GatewayError):
    pass


class AccessError(GatewayError):
    pass


class SettingsError(GatewayError):
    pass


class InternalError(GatewayError):
    pass
