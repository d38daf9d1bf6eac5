"""Row-key planner: from conditions on raw columns to sorted, disjoint ranges of row keys (or of qualifiers). Pure.

Each arm of the conditions is walked along the parts of the key: points extend the prefix, the first ordered range ends
it, anything else stops. What a part cannot say makes the ranges larger, never smaller, and no OR becomes one range.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.hbase.arms import Arm, arms_over
from adapters.hbase.byte_ranges import ByteRange, intersect, key_range, merge, prefix_range, successor
from adapters.hbase.layout import KeyLayout, Part
from catalog.conditions import Condition
from catalog.values import Interval, ValueSet

MAX_RANGES = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPlan:
    """`ranges` hold every key that can satisfy the conditions. `used`: the columns that narrowed them."""

    ranges: tuple[ByteRange, ...]
    used: frozenset[str] = frozenset()

    @property
    def keys(self) -> tuple[bytes, ...] | None:
        """The keys, if every range is just one: a multi-get."""
        keys = [found.key for found in self.ranges]
        return tuple(key for key in keys if key is not None) if None not in keys else None


@dataclass(slots=True)
class _Walk:
    """One arm on its way along the key: the prefixes so far, and which columns made them."""

    prefixes: list[bytes]
    used: set[str] = field(default_factory=set)


def plan_row_keys(layout: KeyLayout, conditions: Sequence[Condition]) -> KeyPlan:
    """The ranges of row keys that can satisfy all conditions; none if they contradict each other."""
    return _plan(layout.parts, conditions, layout.buckets, layout.bucket)


def plan_qualifiers(parts: Sequence[Part], conditions: Sequence[Condition]) -> KeyPlan:
    """The ranges of wide qualifiers that can satisfy all conditions."""
    return _plan(parts, conditions, _no_buckets, _no_bucket)


def by_bucket(layout: KeyLayout, ranges: Sequence[ByteRange]) -> tuple[tuple[ByteRange, ...], ...]:
    """The ranges of each salt bucket that has any; one group if the key does not begin with a salt."""
    first = layout.parts[0]
    if first.salt is None:
        return (tuple(ranges),) if ranges else ()
    starts = [found.start for found in ranges]
    groups = []
    for bucket in layout.buckets(first):
        whole = prefix_range(bucket + first.after)
        low = max(bisect_right(starts, whole.start) - 1, 0)
        high = len(ranges) if whole.stop is None else bisect_left(starts, whole.stop)
        groups.append(intersect(ranges[low:high], whole))
    return tuple(group for group in groups if group)


_Buckets = Callable[[Part], tuple[bytes, ...]]
_Bucket = Callable[[Part, Any, bytes], bytes]


def _no_buckets(part: Part) -> tuple[bytes, ...]:  # noqa: ARG001 -- a qualifier has no salt
    return ()


def _no_bucket(part: Part, value: Any, stored: bytes) -> bytes:  # noqa: ARG001
    return b""


def _plan(parts: Sequence[Part], conditions: Sequence[Condition], buckets: _Buckets, bucket: _Bucket) -> KeyPlan:
    columns = _significance(parts)
    while True:
        arms, columns = arms_over(conditions, columns)
        ranges: list[ByteRange] = []
        used: set[str] | None = None
        for arm in arms:
            bounded = _within_declared(parts, arm)
            if bounded is None:
                continue
            found, narrowed = _arm_ranges(parts, bounded, buckets, bucket)
            ranges += found
            used = narrowed if used is None else used & narrowed
        merged = merge(ranges)
        if len(merged) <= MAX_RANGES or not columns:
            return KeyPlan(ranges=merged, used=frozenset(columns if used is None else used))
        columns = columns[:-1]  # too many ranges: say less, with fewer columns


def _significance(parts: Sequence[Part]) -> tuple[str, ...]:
    """The columns of the key, most significant first: what a salt hashes stands at the salt's place."""
    names = [part.salt.of if part.salt is not None else part.name for part in parts]
    return tuple(dict.fromkeys(names))


def _within_declared(parts: Sequence[Part], arm: Arm) -> Arm | None:
    """The arm with its sets cut to the declared bounds; None if nothing is left."""
    cut = dict(arm)
    for part in parts:
        if part.bounds is not None and part.name in cut:
            cut[part.name] = cut[part.name] & ValueSet.range(*part.bounds, low_closed=True, high_closed=True)
            if cut[part.name].is_empty:
                return None
    return cut


def _arm_ranges(parts: Sequence[Part], arm: Arm, buckets: _Buckets, bucket: _Bucket) -> tuple[list[ByteRange], set[str]]:
    """The ranges of one arm; a salted arm with known input is walked once for each value of that input."""
    salted = next((part for part in parts if part.salt is not None), None)
    points = None if salted is None or salted.salt is None else _points(arm.get(salted.salt.of))
    if salted is None or salted.salt is None or points is None or len(points) > MAX_RANGES:
        return _walk(parts, arm, buckets)
    hashed = next(part for part in parts if part.name == salted.salt.of)
    if not hashed.takes_points:
        return _walk(parts, arm, buckets)
    ranges: list[ByteRange] = []
    used: set[str] = {salted.name, hashed.name}
    for point in points:
        for stored in hashed.encode(point):
            known = bucket(salted, hashed.value(stored), stored)  # 7.0 finds 7, and is hashed as 7
            found, narrowed = _walk(parts, {**arm, hashed.name: ValueSet.of(point)}, lambda _, known=known: (known,))  # type: ignore[misc]
            ranges += found
            used |= narrowed
    return ranges, used


def _walk(parts: Sequence[Part], arm: Arm, buckets: _Buckets) -> tuple[list[ByteRange], set[str]]:
    walk = _Walk([parts[0].before if parts else b""])
    for part in parts:
        if part.salt is not None:
            forms: tuple[bytes, ...] = buckets(part)
            if len(walk.prefixes) * len(forms) > MAX_RANGES:
                break
        else:
            wanted = arm.get(part.name)
            if wanted is None:
                break
            points = _points(wanted)
            if points is None or not part.takes_points:
                return _finish(walk, part, wanted)
            forms = tuple(form for point in points for form in part.encode(point))
            if len(walk.prefixes) * len(forms) > MAX_RANGES:
                break
            walk.used.add(part.name)
        walk.prefixes = [prefix + form + part.after for prefix in walk.prefixes for form in forms]
    else:
        return [key_range(prefix) for prefix in walk.prefixes], walk.used
    return [prefix_range(prefix) for prefix in walk.prefixes], walk.used


def _finish(walk: _Walk, part: Part, wanted: ValueSet) -> tuple[list[ByteRange], set[str]]:
    """The ranges where the next part is an ordered range; the whole prefixes if the part has no order."""
    whole_prefixes = [prefix_range(prefix) for prefix in walk.prefixes]
    pieces: list[ByteRange] = []
    for interval in wanted.intervals:
        found = _pieces(part, interval)
        if found is None:
            return whole_prefixes, walk.used
        pieces += found
    if len(walk.prefixes) * len(pieces) > MAX_RANGES:
        return whole_prefixes, walk.used
    ranges = [
        ByteRange(prefix + piece.start, successor(prefix) if piece.stop is None else prefix + piece.stop)
        for prefix in walk.prefixes
        for piece in pieces
    ]
    return ranges, walk.used | {part.name}


def _points(wanted: ValueSet | None) -> tuple[Any, ...] | None:
    return None if wanted is None else wanted.points()


def _pieces(part: Part, interval: Interval) -> list[ByteRange] | None:
    """The bytes of one interval of a part, after its prefix; None if the part knows equality only."""
    if interval.is_point and part.takes_points:
        return [_whole_value(part, form) for form in part.encode(interval.low)]
    if part.is_ordered_text:
        return _text_pieces(part, interval)
    reach = part.number_bounds
    return None if reach is None else _number_pieces(part, interval, reach)


def _whole_value(part: Part, form: bytes) -> ByteRange:
    return key_range(form) if part.last and not part.after else prefix_range(form + part.after)


def _number_pieces(part: Part, interval: Interval, reach: tuple[int, int]) -> list[ByteRange] | None:
    """One range of whole numbers, turned round by subtract_from, cut to what the codec can hold."""
    low, high = _least(interval), _greatest(interval)
    if part.subtract_from is not None:
        low, high = part.subtract_from - high, part.subtract_from - low
    low, high = max(low, reach[0]), min(high, reach[1])
    if low > high:
        return []
    first, last = (part.codec.encode(int(bound), part.width)[0] for bound in (low, high))
    return [ByteRange(first, successor(last))]


def _least(interval: Interval) -> float | int:
    """The least whole number of the interval, minus infinity if there is none."""
    low = interval.low
    if low is None or (isinstance(low, float) and math.isinf(low)):
        return -math.inf if low is None or low < 0 else math.inf
    return math.ceil(low) if interval.low_closed or low != math.floor(low) else int(low) + 1


def _greatest(interval: Interval) -> float | int:
    high = interval.high
    if high is None or (isinstance(high, float) and math.isinf(high)):
        return math.inf if high is None or high > 0 else -math.inf
    return math.floor(high) if interval.high_closed or high != math.ceil(high) else int(high) - 1


def _text_pieces(part: Part, interval: Interval) -> list[ByteRange] | None:
    """A range of texts. What follows a text that is not the last part may sort it after a longer upper bound that begins
    with it ('a|' comes after 'ab'): each such shorter text gets a range of its own."""
    low = "" if interval.low is None else interval.low
    if not isinstance(low, str) or not isinstance(interval.high, str | None):
        return None
    start = _utf8(low)
    alone = part.last and not part.after and part.width is None  # nothing follows: byte order is text order
    if interval.low is not None and not interval.low_closed and alone:
        start += b"\x00"
    if interval.high is None:
        return [ByteRange(start, None)]
    pieces = [ByteRange(start, _utf8(interval.high))]
    if interval.high_closed:
        pieces += [_whole_value(part, form) for form in part.encode(interval.high)]
    if not alone:
        shorter = [interval.high[:length] for length in range(len(interval.high))]
        pieces += [_whole_value(part, form) for text in shorter if interval.contains(text) for form in part.encode(text)]
    return list(merge(pieces))


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
