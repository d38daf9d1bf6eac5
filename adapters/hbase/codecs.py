"""Codecs: how HBase bytes stand for values, and whether the order of the bytes is the order of the values.

Every codec is canonical as far as keys go: `encode` lists all stored forms that `decode` reads as the value, so
equality on bytes is equality on values. What a codec cannot read raises ValueError, which never holds the value.
"""

from __future__ import annotations

import codecs as python_codecs
import struct
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Protocol

import pyarrow as pa


class Codec(Protocol):
    """`width`: bytes of every stored form, None if they vary. `ordered`: byte order is value order (numbers: within `bounds`)."""

    @property
    def name(self) -> str: ...
    @property
    def width(self) -> int | None: ...
    @property
    def ordered(self) -> bool: ...

    def encode(self, value: Any, width: int | None = None) -> tuple[bytes, ...]:
        """Every stored form of the value; none if it has none. `width` is the layout's: characters of text, digits of digits."""
        ...

    def decode(self, stored: bytes) -> Any: ...

    def decode_many(self, stored: Sequence[bytes]) -> pa.Array: ...

    def bounds(self, width: int | None = None) -> tuple[int, int] | None:
        """Least and greatest whole number that a key may hold; None: not a whole number, or the bytes have no order."""
        ...


def whole(value: Any) -> int | None:
    """The value as a whole number, None if it is not one."""
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float | Decimal) and value == value and abs(value) != float("inf") and value == int(value):
        return int(value)
    return None


@dataclass(frozen=True, slots=True)
class TextCodec:
    """Text in an encoding. UTF-8 keeps code point order; other encodings know equality only."""

    name: str
    encoding: str = "utf-8"
    width: int | None = None

    @property
    def ordered(self) -> bool:
        return self.encoding == "utf-8"

    def encode(self, value: Any, width: int | None = None) -> tuple[bytes, ...]:
        if not isinstance(value, str) or (width is not None and len(value) != width):
            return ()
        try:
            return (value.encode(self.encoding),)
        except UnicodeEncodeError:
            return ()

    def decode(self, stored: bytes) -> str:
        try:
            text = stored.decode(self.encoding)
            if self.encoding == "utf-8" or text.encode(self.encoding) == stored:
                return text
        except UnicodeError:
            pass  # it holds the value: ours is raised outside, so that it is not carried along
        raise ValueError(f"the bytes are not {self.encoding} text as it is written")

    def decode_many(self, stored: Sequence[bytes]) -> pa.Array:
        if self.encoding != "utf-8":
            return pa.array([self.decode(one) for one in stored], pa.string())
        try:
            return pa.array(stored, pa.string())  # it reads UTF-8 as strictly as Python does
        except pa.ArrowInvalid:
            pass
        raise ValueError("the bytes are not utf-8 text")

    def bounds(self, width: int | None = None) -> None:  # noqa: ARG002 -- the protocol's signature
        return None

    def end_of(self, stored: bytes, start: int, characters: int) -> int:
        """Where the text of so many characters that begins at `start` ends."""
        end = start + characters
        if len(stored) >= end and stored[start:end].isascii():
            return end
        decoder = python_codecs.getincrementaldecoder(self.encoding)()
        read = 0
        for position in range(start, len(stored)):
            if read == characters:
                return position
            try:
                read += len(decoder.decode(stored[position : position + 1]))
            except UnicodeDecodeError:
                read = -1
                break
        if read < 0:
            raise ValueError(f"the bytes are not {self.encoding} text")
        if read != characters:
            raise ValueError("the bytes end too early")
        return len(stored)


_ARROW_NUMBERS = {"B": pa.uint8(), "h": pa.int16(), "i": pa.int32(), "q": pa.int64(), "f": pa.float32(), "d": pa.float64()}


def _numbers(stored: bytes, code: str) -> pa.Array:
    """Big-endian numbers side by side as an array; `code` is that of the modules struct and array."""
    numbers = array(code, stored)
    if sys.byteorder == "little":
        numbers.byteswap()
    return pa.Array.from_buffers(_ARROW_NUMBERS[code], len(numbers), [None, pa.py_buffer(numbers)])


@dataclass(frozen=True, slots=True)
class IntegerCodec:
    """A big-endian integer. `flipped`: the sign bit is turned (Phoenix), so that negative numbers sort first."""

    name: str
    width: int
    code: str
    signed: bool = True
    flipped: bool = False
    ordered: bool = True

    def _reach(self) -> tuple[int, int]:
        bits = 8 * self.width
        return (-(1 << bits - 1), (1 << bits - 1) - 1) if self.signed else (0, (1 << bits) - 1)

    @property
    def _shift(self) -> int:
        return 1 << 8 * self.width - 1 if self.flipped else 0

    def encode(self, value: Any, width: int | None = None) -> tuple[bytes, ...]:  # noqa: ARG002
        number = whole(value)
        low, high = self._reach()
        if number is None or not low <= number <= high:
            return ()
        return ((number + self._shift).to_bytes(self.width, "big", signed=self.signed and not self.flipped),)

    def decode(self, stored: bytes) -> int:
        self._check(len(stored) == self.width)
        return int.from_bytes(stored, "big", signed=self.signed and not self.flipped) - self._shift

    def decode_many(self, stored: Sequence[bytes]) -> pa.Array:
        self._check(set(map(len, stored)) <= {self.width})
        joined = b"".join(stored)
        if self.flipped:
            signs = int.from_bytes((b"\x80" + bytes(self.width - 1)) * len(stored), "big")
            joined = (int.from_bytes(joined, "big") ^ signs).to_bytes(len(joined), "big")
        return _numbers(joined, self.code).cast(pa.int64()) if self.width < 8 else _numbers(joined, self.code)

    def _check(self, right: bool) -> None:
        if not right:
            raise ValueError(f"{self.name} takes {self.width} bytes")

    def bounds(self, width: int | None = None) -> tuple[int, int]:  # noqa: ARG002
        low, high = self._reach()
        return (low if self.flipped else 0), high


@dataclass(frozen=True, slots=True)
class DigitsCodec:
    """A non-negative number in decimal text. Of fixed width it is ordered; without, no leading zeros, and equality only."""

    name: str = "digits"
    width: int | None = None
    ordered: bool = True

    def encode(self, value: Any, width: int | None = None) -> tuple[bytes, ...]:
        number = whole(value)
        if number is None or not 0 <= number < 1 << 63 or (width is not None and number >= 10**width):
            return ()
        return (str(number).zfill(width or 0).encode(),)

    def decode(self, stored: bytes) -> int:
        if not stored.isdigit() or len(stored) > 19 or int(stored) >= 1 << 63:
            raise ValueError("digits takes decimal digits of a 64-bit number")
        return int(stored)

    def decode_many(self, stored: Sequence[bytes]) -> pa.Array:
        return pa.array([self.decode(one) for one in stored], pa.int64())

    def bounds(self, width: int | None = None) -> tuple[int, int] | None:
        return None if width is None else (0, min(10**width, 1 << 63) - 1)


@dataclass(frozen=True, slots=True)
class FloatCodec:
    """An IEEE number, big-endian: its bytes are ordered only where it is not negative, so as a key it is not used."""

    name: str
    width: int
    code: str
    ordered: bool = False

    def encode(self, value: Any, width: int | None = None) -> tuple[bytes, ...]:  # noqa: ARG002
        try:
            number = float(value)
            stored = struct.pack(f">{self.code}", number)
        except (OverflowError, TypeError, ValueError):
            return ()
        if number != number or number != value or self.decode(stored) != number:
            return ()
        return (stored,) if number else (struct.pack(f">{self.code}", 0.0), struct.pack(f">{self.code}", -0.0))

    def decode(self, stored: bytes) -> float:
        self._check(len(stored) == self.width)
        return float(struct.unpack(f">{self.code}", stored)[0])

    def decode_many(self, stored: Sequence[bytes]) -> pa.Array:
        self._check(set(map(len, stored)) <= {self.width})
        numbers = _numbers(b"".join(stored), self.code)
        return numbers.cast(pa.float64()) if self.width < 8 else numbers

    def _check(self, right: bool) -> None:
        if not right:
            raise ValueError(f"{self.name} takes {self.width} bytes")

    def bounds(self, width: int | None = None) -> None:  # noqa: ARG002
        return None


@dataclass(frozen=True, slots=True)
class DecimalCodec:
    """Java's BigDecimal as HBase writes it: 4 bytes of scale, then the unscaled number. 1.0 and 1.00 differ in bytes."""

    name: str = "decimal_be"
    width: int | None = None
    ordered: bool = False

    def encode(self, value: Any, width: int | None = None) -> tuple[bytes, ...]:  # noqa: ARG002
        """The shortest stored form; other scales of the same number exist, so keys are not planned with it."""
        if not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
            return ()
        sign, digits, exponent = Decimal(value).as_tuple()
        assert isinstance(exponent, int)
        unscaled = int("".join(map(str, digits))) * (-1 if sign else 1)
        length = (unscaled + (unscaled < 0)).bit_length() // 8 + 1
        return ((-exponent).to_bytes(4, "big", signed=True) + unscaled.to_bytes(length, "big", signed=True),)

    def decode(self, stored: bytes) -> Decimal:
        scale = int.from_bytes(stored[:4], "big", signed=True)
        if len(stored) < 5 or len(stored) > 24 or abs(scale) > 38:
            raise ValueError("decimal_be takes 4 bytes of scale and an unscaled number of at most 38 digits")
        unscaled = int.from_bytes(stored[4:], "big", signed=True)
        return Decimal((int(unscaled < 0), tuple(map(int, str(abs(unscaled)))), -scale))

    def decode_many(self, stored: Sequence[bytes]) -> pa.Array:
        numbers = [self.decode(one) for one in stored]
        try:
            return pa.array(numbers) if numbers else pa.array([], pa.decimal128(38, 0))
        except pa.ArrowInvalid:
            pass
        raise ValueError("decimal_be takes at most 38 digits")

    def bounds(self, width: int | None = None) -> None:  # noqa: ARG002
        return None


@dataclass(frozen=True, slots=True)
class BooleanCodec:
    """One byte: 0 is false, 0xFF (HBase) or 1 (Phoenix) is true."""

    name: str = "bool"
    width: int = 1
    ordered: bool = False

    def encode(self, value: Any, width: int | None = None) -> tuple[bytes, ...]:  # noqa: ARG002
        if not isinstance(value, bool):
            return ()
        return (b"\xff", b"\x01") if value else (b"\x00",)

    def decode(self, stored: bytes) -> bool:
        if stored not in (b"\x00", b"\x01", b"\xff"):
            raise ValueError("bool takes one byte: 0, 1 or 0xFF")
        return stored != b"\x00"

    def decode_many(self, stored: Sequence[bytes]) -> pa.Array:
        return pa.array([self.decode(one) for one in stored], pa.bool_())

    def bounds(self, width: int | None = None) -> None:  # noqa: ARG002
        return None


_CODECS: dict[str, Codec] = {
    codec.name: codec
    for codec in (
        TextCodec("text"),
        TextCodec("json"),
        DigitsCodec(),
        IntegerCodec("u8", 1, "B", signed=False),
        IntegerCodec("i16be", 2, "h"),
        IntegerCodec("i32be", 4, "i"),
        IntegerCodec("i64be", 8, "q"),
        FloatCodec("f32be", 4, "f"),
        FloatCodec("f64be", 8, "d"),
        DecimalCodec(),
        BooleanCodec(),
        IntegerCodec("phoenix_i32", 4, "i", flipped=True),
        IntegerCodec("phoenix_i64", 8, "q", flipped=True),
    )
}


@cache
def codec_named(name: str) -> Codec:
    """The codec of this name; `text(gbk)` names an encoding. Raises ValueError with the names there are."""
    if name in _CODECS:
        return _CODECS[name]
    if name.startswith("text(") and name.endswith(")"):
        encoding = name[5:-1].strip()
        try:
            encoding = python_codecs.lookup(encoding).name
        except LookupError:
            raise ValueError(f"'{encoding}' is not an encoding") from None
        return TextCodec(name, encoding)
    raise ValueError(f"'{name}' is not a codec; there are: {', '.join(_CODECS)}, text(gbk)")
