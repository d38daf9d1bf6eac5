"""Scan splits: the ranges of one scan as parts that are read at the same time, cut where salt buckets and regions begin."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise

from adapters.hbase.byte_ranges import ByteRange
from adapters.hbase.cell_source import CellSource
from adapters.hbase.row_key_planner import by_bucket
from adapters.hbase.scan_plan import ScanPlan

Ranges = tuple[ByteRange, ...]

_KEYS_AT_LEAST = 200
"""Single keys that are worth a part of their own."""


def split_ranges(plan: ScanPlan, cells: CellSource, slots: int) -> list[Ranges]:
    """At most `slots` parts, in the order of keys; at least one, which may be empty."""
    if plan.keys.keys is not None:
        return _dealt([(found,) for found in plan.keys.ranges], min(slots, len(plan.keys.ranges) // _KEYS_AT_LEAST))
    groups = by_bucket(plan.layout, plan.keys.ranges)
    boundaries = cells.boundaries(plan.table.name) if groups else ()
    pieces = [piece for group in groups for piece in _by_region(group, boundaries)]
    return _dealt(pieces, min(slots, len(pieces)))


def _dealt(pieces: Sequence[Ranges], count: int) -> list[Ranges]:
    """The pieces in so many parts of neighbours, or in one."""
    bounds = [len(pieces) * number // max(count, 1) for number in range(max(count, 1) + 1)]
    return [tuple(found for piece in pieces[low:high] for found in piece) for low, high in pairwise(bounds)]


def _by_region(ranges: Ranges, boundaries: Sequence[bytes]) -> list[Ranges]:
    """The ranges within each region that has any; `boundaries` are sorted."""
    regions: dict[int, list[ByteRange]] = {}
    for found in ranges:
        first = bisect_right(boundaries, found.start)
        last = len(boundaries) if found.stop is None else bisect_left(boundaries, found.stop)
        starts = [found.start, *boundaries[first:last]]
        for region, (start, stop) in enumerate(zip(starts, [*starts[1:], found.stop], strict=True), first):
            regions.setdefault(region, []).append(ByteRange(start, stop))
    return [tuple(regions[region]) for region in sorted(regions)]
