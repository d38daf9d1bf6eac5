"""Injective functions: points go back to points, all but points to all but points."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from catalog.conditions import Condition
from catalog.mapping.functions.base import Inverse
from catalog.mapping.tree import Node
from catalog.values import ValueSet


def map_points(argument: Node, wanted: ValueSet, back: Callable[[Any], Iterable[Any]], context: Inverse) -> Condition | None:
    """The preimage of points, or of all but points, under a total function; `back` gives every argument of one result.

    None for any other set. NULL belongs to NULL.
    """
    points = wanted.points()
    if points is not None:
        found = ValueSet.of(*(value for point in points for value in back(point)))
        return context.preimage(argument, ValueSet(found.intervals, wanted.null))
    excluded = wanted.excluded()
    if excluded is not None:
        others = ValueSet.of(*(value for point in excluded for value in back(point))).complement()
        return context.preimage(argument, ValueSet(others.intervals, wanted.null))
    return None
