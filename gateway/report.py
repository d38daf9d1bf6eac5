"""The one form of an error, at every door: code, fact, place, what was seen, hint, and where to read more."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from catalog.errors import CatalogError, Place, Problem
from gateway.error_codes import ERROR_CODES
from gateway.errors import GatewayError, Position

STATEMENT_WINDOW = 100
"""Characters of the user's line that are shown around the place of an error."""

_ALL_FAILED_EXIT = 4
_SOURCE_ERROR_MODULE = "adapters.interface"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReport:
    """An error, ready to be shown. `excerpt` is the user's own line and the caret line below it; `log_id` finds it in the log."""

    code: str
    name: str
    fact: str
    place: str = ""
    excerpt: tuple[str, str] | None = None
    detail: str = ""
    hint: str = ""
    log_id: str = ""

    def text(self) -> str:
        """The form for people, several lines without a newline at the end."""
        lines = [f"error[{self.code}]: {self.fact}"]
        if self.place:
            lines.append(f"  --> {self.place}")
        if self.excerpt is not None:
            lines += ["   |", f"   | {self.excerpt[0]}", f"   | {self.excerpt[1]}"]
        lines += [f"  {line}" for line in self.detail.splitlines()]
        if self.hint:
            lines.append(f"hint: {self.hint}")
        if self.log_id:
            lines.append(f"id: {self.log_id} (in the log)")
        lines.append(f"more: hospital-gateway error {self.code}")
        return "\n".join(printable(line) for line in lines)

    def document(self) -> dict[str, str]:
        """The form for programs: the same facts, empty ones left out."""
        found = {
            "code": self.code,
            "name": self.name,
            "fact": self.fact,
            "place": self.place,
            "detail": self.detail,
            "hint": self.hint,
            "id": self.log_id,
        }
        return {key: value for key, value in found.items() if value}


def reports_of(error: BaseException, statement: str | None = None, log_id: str = "") -> tuple[ErrorReport, ...]:
    """What to show for an error: one report, or one per mistake of the mapping files. Unknown exceptions become X101."""
    if isinstance(error, CatalogError):
        return tuple(report_of_problem(problem) for problem in error.problems)
    if isinstance(error, GatewayError):
        return (_report_of_gateway_error(error, statement, log_id),)
    if _is_source_error(error):
        return (_report(error.code, error.fact, hint=error.hint, log_id=log_id),)  # type: ignore[attr-defined]
    return (_report("X101", "something went wrong inside the gateway", hint=ERROR_CODES["X101"].advice, log_id=log_id),)


def report_of_problem(problem: Problem) -> ErrorReport:
    """One mistake of a mapping file."""
    return _report(problem.code, problem.fact, place=str(problem.place), hint=problem.hint)


def exit_code(error: BaseException) -> int:
    """The exit code of the command line for an error (design: 0 ok … 70 a bug of ours)."""
    if isinstance(error, KeyboardInterrupt):
        return 130
    if isinstance(error, CatalogError):
        return 2
    if getattr(error, "all_failed", False):
        return _ALL_FAILED_EXIT
    if is_expected(error):
        known = ERROR_CODES.get(str(getattr(error, "code", "")))
        return known.exit if known is not None else 70
    return 70


def is_expected(error: BaseException) -> bool:
    """Whether the error is one of the product's own, not a bug."""
    return isinstance(error, (GatewayError, CatalogError)) or _is_source_error(error)


def printable(text: str) -> str:
    """The text with control characters and those that turn the writing direction made visible: a value cannot drive a terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(character) if _is_unsafe(character) else character for character in text)


def _is_unsafe(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs") or character in _DIRECTION_MARKS


_DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escape(character: str) -> str:
    number = ord(character)
    return _SHORT_ESCAPES.get(character) or (f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}")


def _is_source_error(error: BaseException) -> bool:
    # By name, so that showing an error of the command line does not import the adapters (and pyarrow with them).
    return any(kind.__name__ == "SourceError" and kind.__module__ == _SOURCE_ERROR_MODULE for kind in type(error).__mro__)


def _report_of_gateway_error(error: GatewayError, statement: str | None, log_id: str) -> ErrorReport:
    place = getattr(error, "place", None)
    excerpt: tuple[str, str] | None = None
    where = str(place) if isinstance(place, Place) else ""
    if error.position is not None:
        where = f"statement:{error.position.line}:{error.position.column}"
        excerpt = _excerpt(statement, error.position) if statement is not None else None
    return _report(error.code, error.fact, place=where, excerpt=excerpt, detail=error.detail, hint=error.hint, log_id=log_id)


def _report(
    code: str,
    fact: str,
    *,
    place: str = "",
    excerpt: tuple[str, str] | None = None,
    detail: str = "",
    hint: str = "",
    log_id: str = "",
) -> ErrorReport:
    known = ERROR_CODES.get(code)
    name = known.name if known is not None else ""
    return ErrorReport(code=code, name=name, fact=fact, place=place, excerpt=excerpt, detail=detail, hint=hint, log_id=log_id)


def _excerpt(statement: str, position: Position) -> tuple[str, str] | None:
    lines: Sequence[str] = statement.split("\n")
    if not 1 <= position.line <= len(lines):
        return None
    line = lines[position.line - 1]
    column = min(max(position.column - 1, 0), len(line))
    start = max(0, column - STATEMENT_WINDOW // 2)
    stop = min(len(line), start + STATEMENT_WINDOW)
    before = printable(("…" if start else "") + line[start:column])
    after = printable(line[column:stop] + ("…" if stop < len(line) else ""))
    return before + after, " " * _display_width(before) + "^"


def _display_width(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(character) in ("W", "F") for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) != 0 for character in text)
