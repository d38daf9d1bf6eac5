"""PostgreSQL's numeric in binary to decimal128, exactly: a value that does not fit is an error, never rounded.

A numeric is four 16-bit numbers (how many digits, the weight of the first, the sign, the scale shown) and digits to the base 10,000.
The digit of weight w counts 10,000 ** w.
"""

from __future__ import annotations

import struct
from decimal import Context, Decimal
from functools import cache
from math import prod
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

_NEGATIVE, _LEAST_SPECIAL = 0x4000, 0xC000
_NARROW = 18
"""Up to so many decimal digits a value and its digits' products stay within 63 bits."""
_SHIFT, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


class UnfitNumberError(Exception):
    """NaN, infinity, or more digits than the declared type has, before or behind the point."""


class _Form(NamedTuple):
    """How numerics of a declared type are read: `before` and `behind` are digits to the base 10,000 on either side of the point.

    Of the first of them, `first` bounds the value; the last has `surplus` times more than the declared type can say. `bases` is what
    each digit adds to its forerunners' decimal places, `factors` what each counts in all (only for what 64 bits hold).
    """

    before: int
    behind: int
    first: int
    surplus: int
    powers: Any
    bases: Any
    factors: Any


@cache
def _form(precision: int, scale: int) -> _Form:
    before, behind, surplus = -(-(precision - scale) // 4), -(-scale // 4), 10 ** (-scale % 4)
    bases = [10_000] * (before + behind)
    bases[-1] //= surplus
    factors = [prod(bases[place + 1 :]) for place in range(len(bases))]
    return _Form(
        before=before,
        behind=behind,
        first=10 ** ((precision - scale) % 4 or 4),
        surplus=surplus,
        powers=np.arange(before - 1, -behind - 1, -1),
        bases=np.array(bases, np.uint64),
        factors=np.array(factors if precision <= _NARROW else [], np.int64),
    )


_HEAD_PLACES = np.array([0, 2, 4])
_HEAD = struct.Struct(">hhHH").unpack_from
_EXACTLY = Context(prec=40)


def one_decimal(data: bytes | bytearray, start: int, precision: int, scale: int) -> Decimal:
    """The numeric that begins there."""
    count, weight, sign, _ = _HEAD(data, start)
    value, exponent = 0, 4 * (weight - count + 1) + scale
    if sign >= _LEAST_SPECIAL or (count and 4 * weight >= precision):
        raise UnfitNumberError
    for digit in struct.unpack_from(f">{count}h", data, start + 8):
        value = value * 10_000 + digit
    value, rest = (value * 10**exponent, 0) if exponent >= 0 else divmod(value, 10**-exponent)
    if rest or value >= 10**precision:
        raise UnfitNumberError
    return Decimal(-value if sign == _NEGATIVE else value).scaleb(-scale, _EXACTLY)


def decimals(words: Any, starts: Any, precision: int, scale: int) -> pa.Array:
    """The numerics that begin at these places. `words` reads a signed 16-bit number at any place."""
    form = _form(precision, scale)
    head = words[starts[:, None] + _HEAD_PLACES].astype(np.int64)
    count, weight, sign = head[:, 0], head[:, 1], head[:, 2] & 0xFFFF
    outside = (weight >= form.before) | (count - weight > form.behind + 1)
    if ((sign >= _LEAST_SPECIAL) | (outside & (count > 0))).any():
        raise UnfitNumberError
    places = weight[:, None] - form.powers
    there = (places >= 0) & (places < count[:, None])
    digits = np.where(there, words[np.where(there, starts[:, None] + 8 + 2 * places, 0)], 0).astype(np.int64)
    if form.before and (digits[:, 0] >= form.first).any():
        raise UnfitNumberError
    if form.surplus > 1:
        if (digits[:, -1] % form.surplus).any():
            raise UnfitNumberError
        digits[:, -1] //= form.surplus
    both = np.empty((len(starts), 2), np.uint64)
    negative = sign == _NEGATIVE
    if precision <= _NARROW:
        units = digits @ form.factors
        signed = np.where(negative, -units, units)
        both[:, 0], both[:, 1] = signed.view(np.uint64), (signed >> 63).view(np.uint64)
    else:
        low, high = _wide(digits, form.bases)
        flipped = ~low + np.uint64(1)
        both[:, 0], both[:, 1] = np.where(negative, flipped, low), np.where(negative, ~high + (flipped == 0), high)
    return pa.Array.from_buffers(pa.decimal128(precision, scale), len(starts), [None, pa.py_buffer(both)])


def _wide(digits: Any, bases: Any) -> tuple[Any, Any]:
    """The magnitudes as the low and high 64 bits, reckoned in four limbs of 32 bits."""
    limbs = [np.zeros(len(digits), np.uint64) for _ in range(4)]
    for digit, base in zip(digits.T.astype(np.uint64), bases, strict=True):
        carry = digit
        for number, limb in enumerate(limbs):
            product = limb * base + carry
            limbs[number], carry = product & _LOW, product >> _SHIFT
    return limbs[0] | (limbs[1] << _SHIFT), limbs[2] | (limbs[3] << _SHIFT)
