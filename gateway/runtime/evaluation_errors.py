"""What a failure inside DuckDB is told as: words of our own by kind, as DuckDB's own can hold patients' values."""

from __future__ import annotations

import re

from gateway.errors import MergeError

OUR_MARK = "hospital-gateway:"

# DuckDB's errors come as exceptions of its own, or through Arrow as OSError whose text begins with the kind.
_KIND = re.compile(r"^(?:[A-Za-z]+: )?(?P<kind>[A-Za-z -]+?) Error: ")
_EVALUATION_FACTS = {
    "conversion": "a value cannot be cast as the statement asks",
    "mismatch type": "a value does not have the type that the statement needs",
    "invalid type": "a value does not have the type that the statement needs",
    "out of range": "a value is out of the range of its type",
    "decimal": "a decimal is out of the range of its type",
    "divide by zero": "division by zero",
    "invalid input": "a function of the statement got a value that it cannot take",
}


def error_kind(error: BaseException) -> str:
    """The kind in lower case (`conversion`, `out of memory`, `interrupt`), '' if it is no error of DuckDB."""
    found = _KIND.match(str(error))
    return found["kind"].lower() if found else ""


def evaluation_fact(error: BaseException) -> str | None:
    """What went wrong with a value, in words that hold no value; None if it was something else."""
    kind = error_kind(error)
    if kind == "invalid input":
        guard = guard_words(error)
        if guard is not None:
            return guard
        if str(error).startswith("Invalid Input Error: Division by zero"):
            return "division by zero"
        if "failed to cast decimal" in str(error).lower():
            return _EVALUATION_FACTS["decimal"]
    return _EVALUATION_FACTS.get(kind)


def guard_words(error: BaseException) -> str | None:
    """What one of our own guards says (`error('hospital-gateway: ...')`); a value that only contains the mark does not count."""
    text = str(error)
    start = f"Invalid Input Error: {OUR_MARK}"
    return text[len(start) :].split("\n", 1)[0].strip() if text.startswith(start) else None


def merge_error(error: BaseException) -> MergeError:
    """The public error for a failure of the merge."""
    kind = error_kind(error)
    if kind == "out of memory":
        return MergeError("M102", "the merge needs more memory or temporary disk than it may use")
    fact = evaluation_fact(error)
    if fact is not None:
        return MergeError("M103", fact, hint="guard the expression with CASE, NULLIF or TRY_CAST")
    return MergeError("M101", "putting the fragments together failed", detail=f"kind of error: {kind or type(error).__name__}")
