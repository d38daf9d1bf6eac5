"""Condition: which raw rows can make a predicate TRUE. The language in which sources are asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, assert_never

from catalog.values import ValueSet


@dataclass(frozen=True, slots=True)
class Term:
    """What a test looks at: a raw column, or the number written in a text column.

    `column` is the name by which the relation delivers it (`pid`; with a join or unnest `o.AttrCode`, `d.code`).
    `kind` is `value`, or `number`: the text read as a double as DuckDB's TRY_CAST does it.
    """

    column: str
    kind: Literal["value", "number"] = "value"


@dataclass(frozen=True, slots=True)
class Always:
    """Every raw row satisfies the predicate."""


@dataclass(frozen=True, slots=True)
class Never:
    """No raw row satisfies the predicate: the binding is pruned."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Any raw row might satisfy the predicate."""


@dataclass(frozen=True, slots=True)
class Test:
    """The term's value is in `wanted`. `exact` False: rows outside the predicate pass too (superset)."""

    term: Term
    wanted: ValueSet
    exact: bool = True
    __test__ = False  # not a pytest class


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds."""

    parts: tuple[Condition, ...]
    exact: bool = True


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one arm holds."""

    arms: tuple[Condition, ...]


Condition = Always | Never | Unknown | Test | AllOf | AnyOf
"""Speaks of rows for which the predicate is TRUE; a row that satisfies the predicate always satisfies the condition."""


def is_exact(condition: Condition) -> bool:
    """Whether the rows that satisfy the condition are just those that satisfy the predicate."""
    match condition:
        case Always() | Never():
            return True
        case Unknown():
            return False
        case Test(exact=exact):
            return exact
        case AllOf(parts=parts, exact=exact):
            return exact and all(is_exact(part) for part in parts)
        case AnyOf(arms=arms):
            return all(is_exact(arm) for arm in arms)
        case _:
            assert_never(condition)


def all_of(*parts: Condition) -> Condition:
    """The conjunction, simplified: tests of one term are intersected, an Unknown part only costs exactness."""
    exact = True
    tests: dict[Term, Test] = {}
    others: list[Condition] = []
    stack = list(reversed(parts))
    while stack:
        part = stack.pop()
        match part:
            case Always():
                continue
            case Never():
                return Never()
            case Unknown():
                exact = False
            case AllOf(parts=inner, exact=inner_exact):
                exact = exact and inner_exact
                stack.extend(reversed(inner))
            case Test(term=term, wanted=wanted):
                known = tests.get(term)
                merged = part if known is None else Test(term, known.wanted & wanted, known.exact and part.exact)
                if merged.wanted.is_empty:
                    return Never()
                tests[term] = merged
            case AnyOf():
                if part not in others:
                    others.append(part)
            case _:
                assert_never(part)
    return _finish_all(tests, others, exact)


def _finish_all(tests: dict[Term, Test], others: list[Condition], exact: bool) -> Condition:
    kept: list[Condition] = []
    for other in others:
        reduced = _drop_contradicting_arms(other, tests)
        match reduced:
            case Never():
                return Never()
            case Always():
                continue
            case Unknown():
                exact = False
            case AnyOf():
                kept.append(reduced)
            case Test() | AllOf():
                return all_of(*tests.values(), *(c for c in others if c is not other), reduced, *(() if exact else (Unknown(),)))
            case _:
                assert_never(reduced)
    found: list[Condition] = [test for test in tests.values() if not (test.wanted.is_all and test.exact)] + kept
    if not found:
        return Always() if exact else Unknown()
    if len(found) == 1 and exact:
        return found[0]
    return AllOf(tuple(found), exact)


def _drop_contradicting_arms(condition: Condition, surroundings: Mapping[Term, Test]) -> Condition:
    if not isinstance(condition, AnyOf):
        return condition
    kept = [arm for arm in condition.arms if not _contradicts(arm, surroundings)]
    return condition if len(kept) == len(condition.arms) else any_of(*kept)


def _contradicts(arm: Condition, surroundings: Mapping[Term, Test]) -> bool:
    match arm:
        case Test(term=term, wanted=wanted):
            known = surroundings.get(term)
            return known is not None and (known.wanted & wanted).is_empty
        case AllOf(parts=parts):
            return any(_contradicts(part, surroundings) for part in parts)
        case _:
            return False


def any_of(*arms: Condition) -> Condition:
    """The disjunction, simplified: tests of one term are united, one Unknown arm makes the whole Unknown."""
    tests: dict[tuple[Term, bool], Test] = {}
    others: list[Condition] = []
    stack = list(reversed(arms))
    while stack:
        arm = stack.pop()
        match arm:
            case Always():
                return Always()
            case Unknown():
                return Unknown()
            case Never():
                continue
            case AnyOf(arms=inner):
                stack.extend(reversed(inner))
            case Test(term=term, wanted=wanted, exact=exact):
                known = tests.get((term, exact))
                tests[(term, exact)] = arm if known is None else Test(term, known.wanted | wanted, exact)
            case AllOf():
                if arm not in others:
                    others.append(arm)
            case _:
                assert_never(arm)
    found: list[Condition] = [*tests.values(), *others]
    if any(isinstance(test, Test) and test.wanted.is_all for test in found):
        return Always() if all(is_exact(test) for test in found) else Unknown()
    if not found:
        return Never()
    return found[0] if len(found) == 1 else AnyOf(tuple(found))


def narrowed(condition: Condition, surroundings: Sequence[Condition]) -> Condition:
    """The condition where all of `surroundings` hold too: arms that contradict one of them are dropped."""
    tests: dict[Term, Test] = {}
    for around in surroundings:
        for part in around.parts if isinstance(around, AllOf) else (around,):
            if isinstance(part, Test):
                known = tests.get(part.term)
                tests[part.term] = part if known is None else Test(part.term, known.wanted & part.wanted)
    return _narrowed(condition, tests)


def _narrowed(condition: Condition, tests: Mapping[Term, Test]) -> Condition:
    match condition:
        case AnyOf():
            return _drop_contradicting_arms(condition, tests)
        case AllOf(parts=parts, exact=exact):
            found = all_of(*(_narrowed(part, tests) for part in parts))
            return found if exact else inexact(found)
        case _:
            return condition


def inexact(condition: Condition) -> Condition:
    """The same rows, no longer claimed to be exact."""
    match condition:
        case Always() | Unknown():
            return Unknown()
        case Never():
            return condition
        case Test(term=term, wanted=wanted):
            return Test(term, wanted, exact=False)
        case AllOf(parts=parts):
            return AllOf(parts, exact=False)
        case AnyOf(arms=arms):
            return AnyOf(tuple(inexact(arm) for arm in arms))
        case _:
            assert_never(condition)


def terms(condition: Condition) -> frozenset[Term]:
    """Every term the condition looks at."""
    match condition:
        case Test(term=term):
            return frozenset([term])
        case AllOf(parts=inner) | AnyOf(arms=inner):
            return frozenset(term for part in inner for term in terms(part))
        case _:
            return frozenset()


def holds(condition: Condition, row: Mapping[str, Any]) -> bool:
    """Whether one raw row (column name to value, None is NULL) satisfies the condition. For tests and for the cell store."""
    match condition:
        case Always() | Unknown():
            return True
        case Never():
            return False
        case Test(term=term, wanted=wanted):
            value = row[term.column]
            return wanted.contains(_number(value) if term.kind == "number" and value is not None else value)
        case AllOf(parts=parts):
            return all(holds(part, row) for part in parts)
        case AnyOf(arms=arms):
            return any(holds(arm, row) for arm in arms)
        case _:
            assert_never(condition)


def _number(text: str) -> float | None:
    try:
        return float(text.strip())
    except ValueError:
        return None
