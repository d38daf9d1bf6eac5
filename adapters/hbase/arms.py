"""Arms: conditions in disjunctive form over the columns of a key, as at most so many arms, or a proven superset of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import assert_never

from catalog.conditions import AllOf, Always, AnyOf, Condition, Never, Test, Unknown, all_of, any_of
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
        found = _arms(all_of(*(_only(condition, kept) for condition in conditions)))  # the tests of one column meet first
        if found is not None:
            return found, kept
    return ({},), ()


def _only(condition: Condition, columns: tuple[str, ...]) -> Condition:
    """The condition without what it says of other columns; a key is never NULL."""

    def kept(test: Test) -> Condition:
        known = test.term.kind == "value" and test.term.column in columns
        return Test(test.term, test.wanted.without_null()) if known else Always()

    return without_tests(condition, kept)


def without_tests(condition: Condition, kept: Callable[[Test], Condition]) -> Condition:
    """The condition with each test replaced by what `kept` makes of it: a superset if that is, since there is no negation."""
    match condition:
        case Test():
            return kept(condition)
        case AllOf(parts=parts):
            return all_of(*(without_tests(part, kept) for part in parts))
        case AnyOf(arms=arms):
            return any_of(*(without_tests(arm, kept) for arm in arms))
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
