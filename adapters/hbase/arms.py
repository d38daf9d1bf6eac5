"""Arms: conditions in disjunctive form over the columns of a key, as at most so many arms, or a proven superset of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from catalog.conditions import AllOf, Always, AnyOf, Condition, Never, Term, Test, Unknown, all_of, any_of
from catalog.values import ValueSet

Arm = Mapping[str, ValueSet]
"""Every named column's value is in its set; columns not named are free."""

MAX_ARMS = 64


def arms_over(conditions: Sequence[Condition], columns: Sequence[str]) -> tuple[tuple[Arm, ...], tuple[str, ...]]:
    """The arms over `columns` (most significant first), and the columns that were kept.

    Where the form would have too many arms, the least significant column is given up, again and again: what is left
    speaks of fewer columns and so of more rows. No two arms are ever hulled into one.
    """
    for count in range(len(columns), 0, -1):
        kept = tuple(columns[:count])
        found = _arms(all_of(*(_only(condition, kept) for condition in conditions)))
        if found is not None:
            return found, kept
    return ({},), ()


def _only(condition: Condition, columns: tuple[str, ...]) -> Condition:
    """The condition without what it says of other columns: a superset, since conditions hold no negation."""
    match condition:
        case Test(term=Term(column=column, kind=kind), wanted=wanted):
            return Test(condition.term, wanted.without_null()) if column in columns and kind == "value" else Always()
        case AllOf(parts=parts):
            return all_of(*(_only(part, columns) for part in parts))
        case AnyOf(arms=arms):
            return any_of(*(_only(arm, columns) for arm in arms))
        case Unknown():
            return Always()
        case Always() | Never():
            return condition
        case _:
            assert_never(condition)


def _arms(condition: Condition) -> tuple[Arm, ...] | None:
    """The disjunctive form; None if it has more than MAX_ARMS arms."""
    match condition:
        case Always() | Unknown():
            return ({},)
        case Never():
            return ()
        case Test(term=term, wanted=wanted):
            return () if wanted.is_empty else ({term.column: wanted},)
        case AnyOf(arms=inner):
            found: list[Arm] = []
            for arm in inner:
                more = _arms(arm)
                if more is None or len(found) + len(more) > MAX_ARMS:
                    return None
                found += more
            return tuple(found)
        case AllOf(parts=parts):
            product: tuple[Arm, ...] = ({},)
            for part in parts:
                more = _arms(part)
                if more is None:
                    return None
                product = tuple(both for one in product for other in more if (both := _both(one, other)) is not None)
                if len(product) > MAX_ARMS:
                    return None
            return product
        case _:
            assert_never(condition)


def _both(one: Arm, other: Arm) -> Arm | None:
    """Where both arms hold; None where they contradict each other."""
    merged = dict(one)
    for column, wanted in other.items():
        merged[column] = merged[column] & wanted if column in merged else wanted
        if merged[column].is_empty:
            return None
    return merged
