"""How much one statement may say: beyond it Trino refuses the whole query, so conditions that do not fit stay at the gateway."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.interface import Exactness, Verdict
from catalog.conditions import AllOf, AnyOf, Condition, Test

MOST_SIGNS = 600_000
"""Of constants. Trino's query.max-length is 1,000,000 signs."""

MOST_COMPARISONS = 200
"""A list counts as one, each range as one more. From about 400 on Trino answers QUERY_EXCEEDED_COMPILER_LIMIT."""


def within_limits(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts in order, with those refused that would make the statement too large."""
    found: list[Verdict] = []
    signs, comparisons = MOST_SIGNS, MOST_COMPARISONS
    for verdict in verdicts:
        more_signs, more_comparisons = _size(verdict.pushed)
        if more_signs > signs or more_comparisons > comparisons:
            found.append(
                Verdict(Exactness.REFUSE, reason="one statement cannot hold all of these conditions; this one is sorted out at the gateway")
            )
            continue
        signs, comparisons = signs - more_signs, comparisons - more_comparisons
        found.append(verdict)
    return found


def _size(condition: Condition) -> tuple[int, int]:
    """Signs and comparisons of a condition, rather too many than too few."""
    match condition:
        case Test(wanted=wanted):
            listed = wanted.points() or wanted.without_null().excluded()
            if listed is not None:
                return sum(map(_signs, listed)), 1
            bounds = [bound for interval in wanted.intervals for bound in (interval.low, interval.high) if bound is not None]
            return sum(map(_signs, bounds)), 1 + len(wanted.intervals)
        case AllOf(parts=inner) | AnyOf(arms=inner):
            sizes = [_size(part) for part in inner]
            return sum(signs for signs, _ in sizes), sum(comparisons for _, comparisons in sizes)
        case _:
            return 0, 0


def _signs(bound: object) -> int:
    match bound:
        case str():
            return len(bound) + bound.count("'") + 4
        case bytes():
            return 2 * len(bound) + 4
        case int():
            return 22
        case _:
            return 90  # CAST('...' AS TIMESTAMP(6) WITH TIME ZONE)
