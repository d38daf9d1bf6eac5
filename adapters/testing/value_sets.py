"""Value sets of every form over the sample's values: what the planner can ask of one column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from adapters.testing.sample import VALUES
from catalog.conditions import AllOf, AnyOf, Condition, Term, Test
from catalog.values import ALL, NOT_NULL, NULL_ONLY, Interval, ValueSet

ORDERED_KINDS = (
    "text",
    "number_text",
    "integer",
    "bigint",
    "double",
    "wild_double",
    "boolean",
    "decimal",
    "date",
    "timestamp",
    "local_timestamp",
    "uuid",
    "bytes",
)
NESTED_KINDS = ("list", "struct_list", "map", "struct")


def sets_of(kind: str) -> list[ValueSet]:
    """Points, lists, everything but, ranges open and closed on either side, prefixes; each with and without NULL."""
    found = [NOT_NULL]
    if kind in ORDERED_KINDS:
        ordered = sorted(value for value in VALUES[kind] if value == value)
        found += _sets_over(ordered)
        if kind == "text":
            found += [ValueSet.prefix(text) for text in ("a", "", "😀", "李", "a%", "\ud7ff")]
    if kind == "list":
        found.append(ValueSet.of(["a"]))
    return [NULL_ONLY, ALL, *(ValueSet(one.intervals, null) for one in found for null in (False, True))]


def _sets_over(ordered: Sequence[Any]) -> list[ValueSet]:
    first, middle, last = ordered[0], ordered[len(ordered) // 2], ordered[-1]
    listed = ValueSet.of(*ordered[::2])
    return [
        ValueSet.of(middle),
        listed,
        _excluding(ValueSet.of(middle)),
        _excluding(listed),
        ValueSet.range(low=middle),
        ValueSet.range(low=middle, low_closed=True),
        ValueSet.range(high=middle),
        ValueSet.range(high=middle, high_closed=True),
        ValueSet.range(low=first, high=last),
        ValueSet.range(low=first, high=last, low_closed=True, high_closed=True),
        ValueSet.build([Interval(None, first, False, True), Interval(middle, middle, True, True), Interval(last, None, False, False)]),
    ]


def _excluding(points: ValueSet) -> ValueSet:
    return points.complement().without_null()


def number_sets() -> list[ValueSet]:
    """Of the number written in a text: without NULL, as the planner asks."""
    return [ValueSet.of(38.0), ValueSet.of(38.0, 7.0, 1000.0), ValueSet.range(low=37.5), ValueSet.range(high=100.4), NOT_NULL]


def combined(kinds: Sequence[str]) -> Iterator[Condition]:
    """Two tests under AND, under OR, and both."""
    for first, second in pairwise(kinds):
        one = Test(Term(f"{first}_column"), sets_of(first)[4])
        other = Test(Term(f"{second}_column"), sets_of(second)[-1])
        yield AllOf((one, other))
        yield AnyOf((one, other))
        yield AllOf((AnyOf((one, other)), Test(Term("id"), ValueSet.range(low=3, high=50))))
