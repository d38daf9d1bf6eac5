"""ValueSet: which values of one column a predicate accepts. Equality, ranges, lists, prefixes and their negations are one thing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any


@dataclass(frozen=True, slots=True)
class Interval:
    """Values from `low` to `high`; a bound of None is open for ever (for doubles, above includes NaN)."""

    low: Any = None
    high: Any = None
    low_closed: bool = False
    high_closed: bool = False

    def contains(self, value: Any) -> bool:
        if value != value:
            return self.high is None  # before any comparison: a Decimal bound has none with NaN
        if self.low is not None and not (value > self.low or (self.low_closed and value == self.low)):
            return False
        if self.high is None:
            return True
        return bool(value < self.high or (self.high_closed and value == self.high))

    @property
    def is_point(self) -> bool:
        return self.low is not None and self.low_closed and self.high_closed and bool(self.low == self.high)

    @property
    def is_empty(self) -> bool:
        if self.low is None or self.high is None:
            return False
        return bool(self.low > self.high or (self.low == self.high and not (self.low_closed and self.high_closed)))


EVERYTHING = Interval()


@dataclass(frozen=True, slots=True)
class ValueSet:
    """Disjoint intervals of one ordered type, sorted, none adjacent; `null` says whether NULL is a member.

    Text is ordered by code point, instants are zone-aware datetimes in UTC, local timestamps are naive.
    """

    intervals: tuple[Interval, ...] = ()
    null: bool = False

    @staticmethod
    def of(*values: Any) -> ValueSet:
        """The set of just these values (not NULL)."""
        return ValueSet(_normalise(Interval(value, value, True, True) for value in values))

    @staticmethod
    def range(low: Any = None, high: Any = None, *, low_closed: bool = False, high_closed: bool = False) -> ValueSet:
        return ValueSet(_normalise([Interval(low, high, low_closed, high_closed)]))

    @staticmethod
    def build(intervals: Iterable[Interval], *, null: bool = False) -> ValueSet:
        """From intervals in any order that may overlap."""
        return ValueSet(_normalise(intervals), null)

    @staticmethod
    def prefix(text: str) -> ValueSet:
        """All texts that begin with `text`, in code point order."""
        return ValueSet((Interval(text, text_successor(text), True, False),)) if text else NOT_NULL

    def contains(self, value: Any) -> bool:
        """Whether `value` (None is NULL) is a member."""
        if value is None:
            return self.null
        return any(interval.contains(value) for interval in self.intervals)

    def __or__(self, other: ValueSet) -> ValueSet:
        return ValueSet(_normalise(self.intervals + other.intervals), self.null or other.null)

    def __and__(self, other: ValueSet) -> ValueSet:
        found = [_intersect(a, b) for a in self.intervals for b in other.intervals]
        return ValueSet(_normalise(found), self.null and other.null)

    def complement(self) -> ValueSet:
        """Every value, and NULL, that is not a member."""
        found: list[Interval] = []
        low, low_closed = None, False
        for interval in self.intervals:
            if interval.low is not None:
                found.append(Interval(low, interval.low, low_closed, not interval.low_closed))
            if interval.high is None:
                return ValueSet(_normalise(found), not self.null)
            low, low_closed = interval.high, not interval.high_closed
        found.append(Interval(low, None, low_closed, False))
        return ValueSet(_normalise(found), not self.null)

    def without_null(self) -> ValueSet:
        return ValueSet(self.intervals, False)

    @property
    def is_empty(self) -> bool:
        return not self.intervals and not self.null

    @property
    def is_all(self) -> bool:
        """Every value and NULL."""
        return self.null and self.intervals == (EVERYTHING,)

    @property
    def is_not_null(self) -> bool:
        """Every value but NULL."""
        return not self.null and self.intervals == (EVERYTHING,)

    @property
    def is_null_only(self) -> bool:
        return self.null and not self.intervals

    def points(self) -> tuple[Any, ...] | None:
        """The members, if they are finitely many separate points; else None. Says nothing of NULL."""
        if all(interval.is_point for interval in self.intervals):
            return tuple(interval.low for interval in self.intervals)
        return None

    def excluded(self) -> tuple[Any, ...] | None:
        """The values left out, if the set is 'all but these points'; else None. Says nothing of NULL."""
        return ValueSet(self.intervals).complement().points()


ALL = ValueSet((EVERYTHING,), True)
NOT_NULL = ValueSet((EVERYTHING,), False)
NULL_ONLY = ValueSet((), True)
EMPTY = ValueSet()


def text_successor(prefix: str) -> str | None:
    """The least text above every text that begins with `prefix`; None if there is none. Skips the surrogates."""
    for index in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[index])
        if code < 0x10FFFF:
            following = 0xE000 if code + 1 == 0xD800 else code + 1
            return prefix[:index] + chr(following)
    return None


def _compare_low(a: Interval, b: Interval) -> int:
    if a.low is None or b.low is None:
        return (a.low is not None) - (b.low is not None)
    if a.low == b.low:
        return b.low_closed - a.low_closed
    return -1 if a.low < b.low else 1


def _normalise(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    kept = sorted((i for i in intervals if not i.is_empty), key=cmp_to_key(_compare_low))
    merged: list[Interval] = []
    for interval in kept:
        if merged and _touches(merged[-1], interval):
            merged[-1] = _join(merged[-1], interval)
        else:
            merged.append(interval)
    return tuple(merged)


def _touches(a: Interval, b: Interval) -> bool:
    if a.high is None or b.low is None:
        return True
    return bool(b.low < a.high or (b.low == a.high and (a.high_closed or b.low_closed)))


def _join(a: Interval, b: Interval) -> Interval:
    if a.high is None or b.high is None:
        return Interval(a.low, None, a.low_closed, False)
    if b.high > a.high:
        return Interval(a.low, b.high, a.low_closed, b.high_closed)
    return Interval(a.low, a.high, a.low_closed, a.high_closed or (b.high == a.high and b.high_closed))


def _intersect(a: Interval, b: Interval) -> Interval:
    low, low_closed = a.low, a.low_closed
    if low is None or (b.low is not None and b.low > low):
        low, low_closed = b.low, b.low_closed
    elif b.low is not None and b.low == low:
        low_closed = a.low_closed and b.low_closed
    high, high_closed = a.high, a.high_closed
    if high is None or (b.high is not None and b.high < high):
        high, high_closed = b.high, b.high_closed
    elif b.high is not None and b.high == high:
        high_closed = a.high_closed and b.high_closed
    return Interval(low, high, low_closed, high_closed)
