"""Numerics in PostgreSQL's binary form come as just the decimals they are, however they are read."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from decimal import Decimal, localcontext

import numpy as np
import pyarrow as pa
import pytest

from adapters.postgres.numerics import UnfitNumberError, decimals, one_decimal

FORMS = [(1, 0), (4, 4), (5, 2), (12, 2), (18, 0), (18, 18), (18, 5), (19, 4), (20, 0), (38, 0), (38, 10), (38, 38), (27, 3)]


def wire(value: Decimal) -> bytes:
    """As numeric_send writes it: digits to the base 10,000 without zeros at either end."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits)) + "0" * max(exponent, 0)
    behind = max(-exponent, 0)
    text = text.zfill(behind + 1)
    whole, fraction = text[: len(text) - behind], text[len(text) - behind :]
    whole = whole.zfill(-(-len(whole) // 4) * 4)
    fraction = fraction.ljust(-(-len(fraction) // 4) * 4, "0")
    groups = [int((whole + fraction)[place : place + 4]) for place in range(0, len(whole) + len(fraction), 4)]
    weight = len(whole) // 4 - 1
    while groups and groups[0] == 0:
        groups, weight = groups[1:], weight - 1
    while groups and groups[-1] == 0:
        groups = groups[:-1]
    if not groups:
        weight = 0
    return struct.pack(f">hhHH{len(groups)}h", len(groups), weight, 0x4000 if sign and groups else 0, behind, *groups)


def read(values: Sequence[bytes], precision: int, scale: int) -> list[pa.Array]:
    """One by one, and all at once."""
    data = b"".join(values) + bytes(16)
    starts = np.cumsum([0, *map(len, values)])[:-1]
    words = np.ndarray((len(data) - 1,), ">i2", data, 0, (1,))
    one_by_one = pa.array([one_decimal(data, start, precision, scale) for start in starts.tolist()], pa.decimal128(precision, scale))
    return [one_by_one, decimals(words, starts, precision, scale)]


def some_values(precision: int, scale: int) -> list[Decimal]:
    chance = random.Random(precision * 100 + scale)
    found = [0, 1, -1, 10**precision - 1, 1 - 10**precision, 10 ** (precision - 1), 10 ** (precision // 2), 7 * 10 ** (precision // 3)]
    found += [chance.randrange(-(10 ** chance.randint(1, precision)) + 1, 10 ** chance.randint(1, precision)) for _ in range(200)]
    with localcontext(prec=60):
        return [Decimal(units).scaleb(-scale) for units in found]


@pytest.mark.parametrize(("precision", "scale"), FORMS)
def test_every_value_of_the_type_comes_as_it_is(precision: int, scale: int) -> None:
    values = some_values(precision, scale)
    for found in read([wire(value) for value in values], precision, scale):
        assert found.type == pa.decimal128(precision, scale)
        found.validate(full=True)
        assert found.to_pylist() == values


@pytest.mark.parametrize(
    ("value", "precision", "scale"),
    [
        ("10", 1, 0),
        ("1000", 5, 2),
        ("-1000", 5, 2),
        ("0.001", 5, 2),
        ("999.991", 5, 2),
        ("1", 4, 4),
        ("0.00001", 4, 4),
        ("1e18", 18, 0),
        ("1e40", 38, 0),
        ("1e-40", 38, 38),
        ("123456789012345678901234567890123456789", 38, 0),
        ("12345.1", 8, 0),
    ],
)
def test_what_the_type_has_no_digits_for_is_an_error_and_never_rounded(value: str, precision: int, scale: int) -> None:
    data = wire(Decimal(value))
    with pytest.raises(UnfitNumberError):
        one_decimal(data, 0, precision, scale)
    with pytest.raises(UnfitNumberError):
        decimals(np.ndarray((len(data) + 15,), ">i2", data + bytes(16), 0, (1,)), np.array([0]), precision, scale)


@pytest.mark.parametrize("sign", [0xC000, 0xD000, 0xF000])
def test_nan_and_infinity_are_no_decimals(sign: int) -> None:
    data = struct.pack(">hhHH", 0, 0, sign, 0) + bytes(16)
    with pytest.raises(UnfitNumberError):
        one_decimal(data, 0, 18, 2)
    with pytest.raises(UnfitNumberError):
        decimals(np.ndarray((len(data) - 1,), ">i2", data, 0, (1,)), np.array([0]), 18, 2)
