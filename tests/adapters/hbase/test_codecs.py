"""Codecs: bytes to values and back, and when the order of bytes is the order of values."""

from __future__ import annotations

import math
import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.hbase.codecs import codec_named
from adapters.hbase.decode import decode_cells
from adapters.interface import SourceError
from catalog.types import parse_type

NUMBERS = {
    "u8": (0, 255),
    "i16be": (-(2**15), 2**15 - 1),
    "i32be": (-(2**31), 2**31 - 1),
    "i64be": (-(2**63), 2**63 - 1),
    "phoenix_i32": (-(2**31), 2**31 - 1),
    "phoenix_i64": (-(2**63), 2**63 - 1),
}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def decoded(name: str, stored: bytes) -> object:
    """Both ways of decoding, which must agree."""
    codec = codec_named(name)
    one = codec.decode(stored)
    assert codec.decode_many([stored, stored]).to_pylist() == [one, one]
    return one


@pytest.mark.parametrize("name", NUMBERS)
@given(data=st.data())
def test_every_whole_number_of_a_codec_comes_back(name: str, data: st.DataObject) -> None:
    low, high = NUMBERS[name]
    value = data.draw(st.integers(low, high) | st.sampled_from([low, high, 0]))
    (stored,) = codec_named(name).encode(value)
    assert decoded(name, stored) == value


@pytest.mark.parametrize("name", NUMBERS)
@given(data=st.data())
def test_the_bytes_of_whole_numbers_have_their_order_within_the_bounds_of_a_key(name: str, data: st.DataObject) -> None:
    codec = codec_named(name)
    bounds = codec.bounds()
    assert bounds is not None
    one, other = data.draw(st.integers(*bounds)), data.draw(st.integers(*bounds))
    assert (codec.encode(one) < codec.encode(other)) == (one < other)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_outside_the_codec_has_no_stored_form(name: str) -> None:
    low, high = NUMBERS[name]
    codec = codec_named(name)
    assert [codec.encode(value) for value in (low - 1, high + 1, 1.5, Decimal("0.1"), "1", float("nan"), float("inf"))] == [()] * 7


def test_only_phoenix_numbers_may_be_negative_in_a_key() -> None:
    assert {name: codec_named(name).bounds()[0] < 0 for name in NUMBERS} == {  # type: ignore[index]
        name: name.startswith("phoenix") for name in NUMBERS
    }


def test_the_bytes_are_those_that_java_writes() -> None:
    # Bytes.toBytes(long), PLong, Bytes.toBytes(double), Bytes.toBytes(BigDecimal)
    assert codec_named("i64be").encode(-2) == (b"\xff" * 7 + b"\xfe",)
    assert codec_named("phoenix_i64").encode(-1) == (b"\x7f" + b"\xff" * 7,)
    assert codec_named("phoenix_i32").encode(1) == (b"\x80\x00\x00\x01",)
    assert codec_named("f64be").encode(1.0) == (b"\x3f\xf0" + b"\x00" * 6,)
    assert codec_named("decimal_be").encode(Decimal("-1.50")) == (b"\x00\x00\x00\x02\xff\x6a",)
    assert decoded("decimal_be", b"\x00\x00\x00\x02\x00\xff") == Decimal("2.55")
    assert decoded("bool", b"\xff") is True
    assert codec_named("text(gbk)").encode("张伟") == (b"\xd5\xc5\xce\xb0",)


@given(TEXTS)
def test_text_comes_back_in_utf8(text: str) -> None:
    (stored,) = codec_named("text").encode(text)
    assert decoded("text", stored) == text


@given(TEXTS, TEXTS)
def test_the_bytes_of_utf8_have_the_order_of_code_points(one: str, other: str) -> None:
    codec = codec_named("text")
    assert (codec.encode(one) < codec.encode(other)) == (one < other)


def test_gbk_does_not_keep_the_order_and_says_so() -> None:
    codec = codec_named("text(gbk)")
    assert ("丂" < "啊", codec.encode("丂") < codec.encode("啊")) == (True, True)
    assert ("一" < "丂", codec.encode("一") < codec.encode("丂")) == (True, False)
    assert not codec.ordered


def test_every_gbk_text_of_one_character_has_one_spelling() -> None:
    codec, read = codec_named("text(gbk)"), 0
    for first in range(0x81, 0xFF):
        for second in range(0x40, 0xFF):
            stored = bytes([first, second])
            try:
                text = codec.decode(stored)
            except ValueError:
                continue
            read += 1
            assert codec.encode(text) == (stored,)
    assert read > 20_000


@given(st.floats(allow_nan=False))
def test_doubles_come_back(value: float) -> None:
    forms = codec_named("f64be").encode(value)
    assert {decoded("f64be", stored) for stored in forms} == {value}
    assert len(forms) == (1 if value else 2), "zero is stored with either sign"


@given(st.floats(width=32, allow_nan=False))
def test_singles_come_back_and_a_double_between_them_has_no_form(value: float) -> None:
    codec = codec_named("f32be")
    assert {decoded("f32be", stored) for stored in codec.encode(value)} == {value}
    assert codec.encode(0.1) == ()


@given(st.floats(min_value=0, exclude_min=True, allow_nan=False), st.floats(min_value=0, exclude_min=True, allow_nan=False))
def test_only_positive_doubles_are_ordered_so_no_key_is_planned_by_their_order(one: float, other: float) -> None:
    codec = codec_named("f64be")
    assert (codec.encode(one) < codec.encode(other)) == (one < other)
    assert codec.encode(-2.0) > codec.encode(-1.0), "negative ones run backwards"
    assert not codec.ordered


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12))
def test_decimals_come_back(value: Decimal) -> None:
    (stored,) = codec_named("decimal_be").encode(value)
    assert decoded("decimal_be", stored) == value


@given(st.integers(0, 10**13 - 1), st.integers(0, 10**13 - 1))
def test_digits_of_one_width_come_back_and_are_ordered(one: int, other: int) -> None:
    codec = codec_named("digits")
    ((first,), (second,)) = codec.encode(one, 13), codec.encode(other, 13)
    assert decoded("digits", first) == one
    assert len(first) == 13
    assert (first < second) == (one < other)


def test_digits_too_long_for_their_width_or_negative_have_no_form() -> None:
    codec = codec_named("digits")
    assert [codec.encode(value, 3) for value in (1000, -1)] == [(), ()]
    assert codec.bounds(3) == (0, 999)
    assert codec.bounds(None) is None, "without a width '10' comes before '9'"


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("text", b"\xff"),
        ("text(gbk)", b"\x81"),
        ("digits", b"12a"),
        ("digits", b""),
        ("digits", b"-1"),
        ("u8", b""),
        ("i64be", b"\x00" * 7),
        ("phoenix_i32", b"\x00" * 5),
        ("f64be", b""),
        ("bool", b"\x02"),
        ("decimal_be", b"\x00\x00\x00\x02"),
    ],
)
def test_malformed_bytes_are_an_error_that_does_not_show_them(name: str, stored: bytes) -> None:
    codec = codec_named(name)
    for decode in (lambda: codec.decode(stored), lambda: codec.decode_many([stored])):
        with pytest.raises(ValueError) as caught:
            decode()
        assert repr(stored)[2:-1] not in str(caught.value) or stored == b""


def test_nan_is_read_but_is_no_point() -> None:
    stored = struct.pack(">d", float("nan"))
    assert math.isnan(codec_named("f64be").decode(stored))
    assert math.isnan(codec_named("f64be").decode_many([stored])[0].as_py())
    assert codec_named("f64be").encode(float("nan")) == ()


def test_an_unknown_codec_names_those_there_are() -> None:
    with pytest.raises(ValueError, match="there are: text, json, digits"):
        codec_named("i24be")
    with pytest.raises(ValueError, match="not an encoding"):
        codec_named("text(klingon)")


@pytest.mark.parametrize(
    ("codec", "stored"),
    [("text", b"\xffsecret"), ("text(gbk)", b"\xffsecret"), ("text(utf-7)", b"+2AA-"), ("decimal_be", bytes(4) + b"\x7f" * 17)],
)
def test_what_cannot_be_read_is_not_carried_along(codec: str, stored: bytes) -> None:
    """Python's and Arrow's errors hold the value, which must not reach whoever walks a chain of exceptions."""
    with pytest.raises(SourceError) as caught:
        decode_cells("t", "c", codec, parse_type("decimal(38,0)" if codec == "decimal_be" else "text"), [stored])
    error: BaseException | None = caught.value
    while error is not None:
        assert type(error) in (SourceError, ValueError)
        assert "secret" not in str(error)
        error = error.__context__
