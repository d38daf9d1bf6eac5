"""Trino's faults in our words. Its messages hold values and names, so only the name of an error is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.interface import SourceError

NOT_AS_DECLARED = "the source's tables are not as they are declared"

_DRIFT = ("S120", NOT_AS_DECLARED)
_NOT_UP = ("S101", "the source is not ready for queries")
_LOST = ("S102", "the source lost a part of the query")
_TOO_LARGE = ("S105", "the query needs more than the source allows")

_NAMES: Mapping[str, tuple[str, str]] = {
    "PERMISSION_DENIED": ("S108", "the account may not read this"),
    **dict.fromkeys(("TABLE_NOT_FOUND", "COLUMN_NOT_FOUND", "SCHEMA_NOT_FOUND", "TYPE_MISMATCH", "AMBIGUOUS_NAME"), _DRIFT),
    **dict.fromkeys(("TABLE_HAS_NO_COLUMNS", "INVALID_VIEW", "VIEW_IS_STALE", "FUNCTION_NOT_FOUND", "MISMATCHED_COLUMN_ALIASES"), _DRIFT),
    "CATALOG_NOT_FOUND": ("S110", "the source has no catalog of the name in its url"),
    "MISSING_CATALOG_NAME": ("S110", "the url of the source names no catalog"),
    "MISSING_SCHEMA_NAME": ("S110", "the url of the source names no schema"),
    **dict.fromkeys(("SERVER_STARTING_UP", "SERVER_SHUTTING_DOWN", "NO_NODES_AVAILABLE", "QUERY_QUEUE_FULL"), _NOT_UP),
    **dict.fromkeys(("CATALOG_UNAVAILABLE", "CLUSTER_OUT_OF_MEMORY"), _NOT_UP),
    **dict.fromkeys(("REMOTE_TASK_ERROR", "REMOTE_HOST_GONE", "REMOTE_TASK_FAILED", "REMOTE_TASK_MISMATCH"), _LOST),
    **dict.fromkeys(
        ("PAGE_TRANSPORT_ERROR", "PAGE_TRANSPORT_TIMEOUT", "TOO_MANY_REQUESTS_FAILED", "ABANDONED_QUERY", "ABANDONED_TASK"), _LOST
    ),
    **dict.fromkeys(
        ("EXCEEDED_GLOBAL_MEMORY_LIMIT", "EXCEEDED_LOCAL_MEMORY_LIMIT", "EXCEEDED_CPU_LIMIT", "EXCEEDED_SCAN_LIMIT"), _TOO_LARGE
    ),
    **dict.fromkeys(("EXCEEDED_TIME_LIMIT", "EXCEEDED_SPILL_LIMIT", "QUERY_TEXT_TOO_LARGE", "QUERY_EXCEEDED_COMPILER_LIMIT"), _TOO_LARGE),
    "ADMINISTRATIVELY_KILLED": ("S105", "the source's administrator ended the query"),
    "ADMINISTRATIVELY_PREEMPTED": ("S105", "the source's administrator ended the query"),
    "USER_CANCELED": ("S105", "the query was ended at the source"),
}
_KINDS: Mapping[str, tuple[str, str]] = {
    "INSUFFICIENT_RESOURCES": _TOO_LARGE,
    "EXTERNAL": ("S105", "a database behind the source failed"),
    "INTERNAL_ERROR": ("S105", "the source failed"),
}
_TRANSIENT = frozenset({"S101", "S102", "S103"})


def query_failure(error: Mapping[str, Any]) -> SourceError:
    """What an answer's `error` says."""
    code, fact = (
        _NAMES.get(str(error.get("errorName"))) or _KINDS.get(str(error.get("errorType"))) or ("S105", "the source refused the query")
    )
    return SourceError(code, fact, transient=code in _TRANSIENT)


def status_failure(status: int, *, begun: bool) -> SourceError:
    """What an HTTP status other than 200 says. `begun`: the query had been taken."""
    match status:
        case 401 | 403:
            return SourceError("S106", "the source refused the account")
        case 404 | 410 if begun:
            return SourceError("S102", "the source does not know the query any more", transient=True)
        case 429 | 502 | 503 | 504:
            return SourceError("S102" if begun else "S101", "the source is too busy or not ready", transient=True)
        case 301 | 302 | 303 | 307 | 308:
            return SourceError("S110", "the source sends its clients to another address", "give that address in its url; it may want tls")
        case _:
            return SourceError("S105", "what answers at the source's address does not answer as Trino does")
