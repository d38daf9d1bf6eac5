"""The codecs of HBase layouts: what each makes of bytes, and how many it takes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from catalog.errors import near_names
from catalog.types import BOOLEAN, DOUBLE, INTEGER, TEXT, Type, decimal


@dataclass(frozen=True, slots=True)
class Codec:
    """`width` in bytes, None where it varies; `maximum` the largest number it can hold; `in_key`: may stand in a row key."""

    name: str
    type: Type
    width: int | None = None
    maximum: int | None = None
    in_key: bool = False


_CODECS = {
    codec.name: codec
    for codec in (
        Codec("text", TEXT, in_key=True),
        Codec("text(gbk)", TEXT, in_key=True),
        Codec("digits", INTEGER, in_key=True),
        Codec("u8", INTEGER, 1, 2**8 - 1, in_key=True),
        Codec("i16be", INTEGER, 2, 2**15 - 1, in_key=True),
        Codec("i32be", INTEGER, 4, 2**31 - 1, in_key=True),
        Codec("i64be", INTEGER, 8, 2**63 - 1, in_key=True),
        Codec("phoenix_i32", INTEGER, 4, 2**31 - 1, in_key=True),
        Codec("phoenix_i64", INTEGER, 8, 2**63 - 1, in_key=True),
        Codec("f32be", DOUBLE, 4),
        Codec("f64be", DOUBLE, 8),
        Codec("bool", BOOLEAN, 1),
        Codec("json", TEXT),
    )
}
_DECIMAL = re.compile(r"decimal_be\(\s*(\d+)\s*,\s*(\d+)\s*\)")


def find_codec(name: str) -> Codec:
    """The codec of this name. Raises ValueError with the fact; its second argument is a hint."""
    if (codec := _CODECS.get(name)) is not None:
        return codec
    match = _DECIMAL.fullmatch(name)
    if match is not None and 1 <= int(match[1]) <= 38 and int(match[2]) <= int(match[1]):
        return Codec("decimal_be", decimal(int(match[1]), int(match[2])))
    if name.startswith("decimal_be"):
        raise ValueError(f"{name} lacks precision and scale", "write 'decimal_be(19,4)', precision up to 38")
    raise ValueError(f"unknown codec {name}", near_names(name, [*_CODECS, "decimal_be(p,s)"]))
