"""What a set of values holds, at the places where Python's comparisons are not enough."""

from __future__ import annotations

import math
from decimal import Decimal

from catalog.values import NOT_NULL, ValueSet


def test_nan_is_above_every_bound_whatever_its_type() -> None:
    for bound in (0, 0.5, Decimal("0.1")):
        assert ValueSet.range(low=bound).contains(math.nan)
        assert not ValueSet.range(high=bound).contains(math.nan)
        assert not ValueSet.of(bound).contains(math.nan)
        assert ValueSet.of(bound).complement().contains(math.nan)
    assert NOT_NULL.contains(math.nan)
