"""PostgreSQL's numeric in binary to decimal128, exactly: a value that does not fit is an error, never rounded.

A numeric is four 16-bit numbers (how many digits, the weight of the first, the sign, the scale shown) and digits to the base 10,000.
The digit of weight w counts 10,000 ** w.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

_NEGATIVE, _LEAST_SPECIAL = 0x4000, 0xC000
_LIMBS = 4


class UnfitNumberError(Exception):
    """NaN, infinity, or more digits than the declared type has, before or behind the point."""


def decimals(words: Any, starts: Any, precision: int, scale: int) -> pa.Array:
    """The numerics that begin at these places. `words` reads a signed 16-bit number at any place."""
    count, weight = words[starts].astype(np.int64), words[starts + 2].astype(np.int64)
    sign = words[starts + 4].astype(np.int64) & 0xFFFF
    behind = -(-scale // 4)  # digits to the base 10,000 behind the point
    surplus = 4 * behind - scale  # decimal places that the last of them has and the declared type has not
    before = -(-(precision - scale) // 4)
    filled = count > 0
    too_much = (sign >= _LEAST_SPECIAL) | (filled & ((weight >= before) | (count - weight - 1 > behind)))
    if too_much.any():
        raise UnfitNumberError
    magnitude = _Magnitudes(len(starts), narrow=precision <= 18)
    for power in range(before - 1, -behind - 1, -1):
        place = weight - power
        there = (place >= 0) & (place < count)
        digit = np.where(there, words[np.where(there, starts + 8 + 2 * place, 0)], 0).astype(np.uint64)
        last = power == -behind and surplus > 0
        if last:
            if (digit % np.uint64(10**surplus)).any():
                raise UnfitNumberError
            digit //= np.uint64(10**surplus)
        if power == before - 1 and (precision - scale) % 4 and digit.max(initial=0) >= 10 ** ((precision - scale) % 4):
            raise UnfitNumberError
        magnitude.append(digit, 10 ** (4 - surplus) if last else 10_000)
    low, high = magnitude.signed(sign == _NEGATIVE)
    both = np.empty(2 * len(starts), np.uint64)
    both[0::2], both[1::2] = low, high
    return pa.Array.from_buffers(pa.decimal128(precision, scale), len(starts), [None, pa.py_buffer(both)])


class _Magnitudes:
    """Whole numbers without sign, in one 64-bit word each (`narrow`: they stay below 10 ** 18) or in limbs of 32 bits."""

    def __init__(self, count: int, *, narrow: bool) -> None:
        self._limbs = [np.zeros(count, np.uint64) for _ in range(1 if narrow else _LIMBS)]

    def append(self, digit: Any, base: int) -> None:
        """Each times the base, plus the digit."""
        factor = np.uint64(base)
        if len(self._limbs) == 1:
            self._limbs[0] = self._limbs[0] * factor + digit
            return
        carry = digit
        for number, limb in enumerate(self._limbs):
            product = limb * factor + carry
            self._limbs[number], carry = product & np.uint64(0xFFFFFFFF), product >> np.uint64(32)

    def signed(self, negative: Any) -> tuple[Any, Any]:
        """The low and high 64 bits in two's complement."""
        shift = np.uint64(32)
        if len(self._limbs) == 1:
            low, high = self._limbs[0], np.zeros_like(self._limbs[0])
        else:
            low, high = (self._limbs[place] | (self._limbs[place + 1] << shift) for place in (0, 2))
        flipped_low = ~low + np.uint64(1)
        flipped_high = ~high + (flipped_low == 0)
        return np.where(negative, flipped_low, low), np.where(negative, flipped_high, high)
