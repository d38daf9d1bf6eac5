"""A value set's bounds fitted to a column's type accept the very same values of that type."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sql.bounds import UnsayableBoundError, fitted
from catalog.types import DOUBLE, INTEGER, TEXT, TIMESTAMP, decimal
from catalog.values import Interval

INT64 = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-(2**63), 2**63 - 1, 0, 1, -1, 2**53 + 1])
BOUNDS = (
    st.none()
    | st.integers(-(2**70), 2**70)
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.decimals(allow_nan=False, allow_infinity=False, min_value=-100, max_value=100)
    | st.sampled_from([2**63, -(2**63) - 1, Decimal("1.00005"), 10**400])
)
INTERVALS = st.builds(Interval, BOUNDS, BOUNDS, st.booleans(), st.booleans())


def _accepts(interval: Interval, value: object) -> bool:
    return not interval.is_empty and interval.contains(value)


@given(INTERVALS, INT64)
def test_integers_pass_the_fitted_interval_just_as_the_asked_one(interval: Interval, value: int) -> None:
    assert _accepts(fitted(interval, INTEGER), value) == _accepts(interval, value)


@given(INTERVALS, INT64)
def test_every_bound_of_an_integer_fits_64_bits(interval: Interval, value: int) -> None:
    found = fitted(interval, INTEGER)
    assert all(bound is None or -(2**63) <= bound < 2**63 for bound in (found.low, found.high))


@given(INTERVALS, st.integers(-(10**19) + 1, 10**19 - 1) | st.integers(-60_000, 60_000))
def test_decimals_pass_the_fitted_interval_just_as_the_asked_one(interval: Interval, units: int) -> None:
    value = Decimal(units).scaleb(-4)
    exact = Interval(
        *(None if bound is None else _fraction(bound) for bound in (interval.low, interval.high)), interval.low_closed, interval.high_closed
    )
    assert _accepts(fitted(interval, decimal(19, 4)), value) == _accepts(exact, _fraction(value))


def _fraction(bound: float | Decimal) -> Fraction | float:
    return bound if isinstance(bound, float) and math.isinf(bound) else Fraction(bound)


@given(INTERVALS, st.floats(allow_nan=False))
def test_doubles_pass_the_fitted_interval_just_as_the_asked_one(interval: Interval, value: float) -> None:
    assert _accepts(fitted(interval, DOUBLE), value) == _accepts(interval, value)


@given(INTERVALS)
def test_nan_lies_above_everything(interval: Interval) -> None:
    assert _accepts(fitted(interval, DOUBLE), math.nan) == (interval.high is None)


@pytest.mark.parametrize(
    ("interval", "type"),
    [
        (Interval("a", None, True, False), INTEGER),
        (Interval(True, True, True, True), INTEGER),
        (Interval(1, None, True, False), TEXT),
        (Interval("\ud800", None, True, False), TEXT),
        (Interval("2024-01-01", None, True, False), TIMESTAMP),
        (Interval(float("nan"), None, True, False), DOUBLE),
    ],
)
def test_a_constant_of_another_type_cannot_be_said(interval: Interval, type: object) -> None:
    with pytest.raises(UnsayableBoundError):
        fitted(interval, type)  # type: ignore[arg-type]


def test_a_bound_of_38_digits_keeps_them_all() -> None:
    """Python's minus rounds a decimal to 28 digits."""
    edge = Decimal("-9999999999999999999999999999.9999999999")
    found = fitted(Interval(edge, edge, True, True), decimal(38, 10))
    assert (found.low, found.high) == (edge, edge)
    assert _accepts(found, edge)
