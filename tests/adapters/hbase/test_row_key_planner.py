"""Row-key planner: what each kind of condition becomes, and the edges."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace

import pytest

from adapters.hbase.arms import MAX_ARMS, arms_over
from adapters.hbase.byte_ranges import ByteRange, merge, prefix_range, successor
from adapters.hbase.layout import key_layout
from adapters.hbase.qualifier import qualifier_parts, qualifier_reader
from adapters.hbase.row_key_planner import MAX_RANGES, by_bucket, plan_qualifiers, plan_row_keys
from catalog.conditions import AllOf, AnyOf, Condition, Never, Unknown
from catalog.source_tables import HBaseTable, RowKey, Salt
from tests.adapters.hbase.cells import equal, within
from tests.adapters.hbase.layouts import MAX, OBS, PATIENT, VISIT, cell, segment, wide

DAY = 86_400_000


def obs_key(mrn: int, day_ms: int) -> bytes:
    return bytes([zlib.crc32(str(mrn).encode()) % 8]) + struct.pack(">qq", mrn, MAX - day_ms)


def ranges(table: HBaseTable, *conditions: Condition) -> tuple[ByteRange, ...]:
    return plan_row_keys(key_layout(table), conditions).ranges


def one_segment(codec: str = "text", **more: object) -> HBaseTable:
    return HBaseTable(name="t", row_key=RowKey(segments=(segment("x", codec, **more), segment("y"))), cells=(cell("c", "f:c"),))


# ------------------------------------------------------------------------------------------------- what becomes what


def test_equality_on_the_whole_key_is_one_get() -> None:
    salt = zlib.crc32(b"12345678") % 8
    plan = plan_row_keys(key_layout(PATIENT), [equal("mrn", "12345678")])
    assert plan.keys == (b"%02d|87654321" % salt,)
    assert plan_row_keys(key_layout(OBS), [equal("mrn", 7), equal("day_ms", DAY)]).keys == (obs_key(7, DAY),)


def test_equality_on_the_patient_is_one_range_of_one_bucket() -> None:
    layout = key_layout(VISIT)
    found = ranges(VISIT, equal("mrn", "12345678"))
    prefix = b"%02d|87654321|" % (zlib.crc32(b"12345678") % 8)
    assert found == (ByteRange(prefix, prefix[:-1] + b"}"),)
    assert by_bucket(layout, found) == (found,)


def test_a_time_range_of_one_patient_is_one_bounded_range_with_its_bounds_swapped() -> None:
    (found,) = ranges(OBS, equal("mrn", 7), within("day_ms", 10 * DAY, 20 * DAY, low_closed=True))
    inside = [day for day in range(30) if found.contains(obs_key(7, day * DAY))]
    assert inside == list(range(10, 20))
    assert not found.contains(obs_key(8, 15 * DAY))


def test_a_time_range_of_many_patients_is_one_bounded_range_for_each() -> None:
    found = ranges(OBS, equal("mrn", *range(100)), within("day_ms", 10 * DAY, 20 * DAY))
    assert len(found) == 100
    assert sum(r.contains(obs_key(mrn, 15 * DAY)) for r in found for mrn in range(200)) == 100


def test_no_condition_gives_every_bucket_and_a_time_alone_no_less() -> None:
    layout = key_layout(VISIT)
    every = tuple(prefix_range(b"%02d|" % bucket) for bucket in range(8))
    assert ranges(VISIT) == every
    assert ranges(VISIT, within("adm_ms", 0, 5), Unknown()) == every
    assert by_bucket(layout, every) == tuple((one,) for one in every)
    assert len(by_bucket(key_layout(OBS), ranges(OBS))) == 8


def test_contradictions_give_no_ranges() -> None:
    assert ranges(OBS, equal("mrn", 1), equal("mrn", 2)) == ()
    assert ranges(OBS, Never()) == ()
    assert ranges(OBS, AnyOf((AllOf((equal("mrn", 1), within("mrn", 5))), AllOf((equal("day_ms", 1), equal("day_ms", 2)))))) == ()


def test_an_or_is_never_hulled_into_one_range() -> None:
    either = AnyOf((equal("mrn", 1), equal("mrn", 1_000_000)))
    found = ranges(OBS, either)
    assert len(found) == 2
    assert [mrn for mrn in (0, 1, 2, 500, 999_999, 1_000_000) if any(r.contains(obs_key(mrn, 0)) for r in found)] == [1, 1_000_000]
    arms = AnyOf((AllOf((equal("mrn", 1), within("day_ms", high=DAY))), AllOf((equal("mrn", 2), within("day_ms", low=9 * DAY)))))
    found = ranges(OBS, arms)
    touched = [(m, d) for m in (1, 2) for d in range(12) if any(r.contains(obs_key(m, d * DAY)) for r in found)]
    assert touched == [(1, 0), (2, 10), (2, 11)]


def test_an_or_with_an_arm_that_says_nothing_of_the_key_reads_everything() -> None:
    assert ranges(OBS, AnyOf((equal("mrn", 1), equal("val", 3.0)))) == ranges(OBS)


def test_too_many_arms_are_weakened_to_their_leading_column_and_still_not_hulled() -> None:
    arms = AnyOf(tuple(AllOf((equal("mrn", mrn), equal("day_ms", mrn * DAY))) for mrn in range(0, 200, 2)))
    assert arms_over([arms], ["mrn", "day_ms"])[1] == ("mrn",)
    found = ranges(OBS, arms)
    assert [mrn for mrn in range(200) if any(r.contains(obs_key(mrn, 5)) for r in found)] == list(range(0, 200, 2))
    few = AnyOf(arms.arms[:MAX_ARMS])
    assert plan_row_keys(key_layout(OBS), [few]).keys is not None


def test_more_points_than_ranges_are_given_up_for_all_buckets() -> None:
    assert len(ranges(OBS, equal("mrn", *range(MAX_RANGES)))) <= MAX_RANGES
    assert ranges(OBS, equal("mrn", *range(MAX_RANGES + 1))) == ranges(OBS)
    product = ranges(VISIT, equal("mrn", *(f"{n:08}" for n in range(100))), equal("adm_ms", *range(100)))
    assert len(product) == 100, "a hundred patients, not ten thousand gets"


def test_points_on_consecutive_numbers_merge_where_the_key_is_not_salted() -> None:
    assert ranges(one_segment("i32be"), equal("x", 1, 2, 3)) == (ByteRange(b"\x00\x00\x00\x01", b"\x00\x00\x00\x04"),)


def test_a_salt_of_a_number_given_as_a_decimal_is_that_of_the_number() -> None:
    assert ranges(OBS, equal("mrn", 7.0)) == ranges(OBS, equal("mrn", 7))


def test_a_salt_after_its_input_is_planned_too() -> None:
    salt = segment("salt", "u8", salt=Salt(hash="crc32", of="mrn", modulo=4))
    table = HBaseTable(name="t", row_key=RowKey(segments=(segment("mrn", "u8"), salt, segment("z", "u8"))))
    assert ranges(table, equal("mrn", 9), equal("z", 1)) == (ByteRange(k := bytes([9, zlib.crc32(b"9") % 4, 1]), k + b"\0"),)
    assert len(ranges(table, within("mrn", 3, 5), equal("z", 1))) == 1


def test_more_buckets_than_ranges_are_read_as_a_whole() -> None:
    salt = segment("salt", "text", width=4, salt=Salt(hash="md5", of="x", hex=4))
    table = HBaseTable(name="t", row_key=RowKey(segments=(salt, segment("x"))))
    assert ranges(table) == (ByteRange(b"", None),)
    assert len(ranges(table, equal("x", "a"))) == 1


# ------------------------------------------------------------------------------------------------------------- edges


def test_the_successor_of_a_prefix_is_right_at_ff() -> None:
    assert [successor(prefix) for prefix in (b"a", b"a\xff", b"a\xff\xff", b"\xff\xff", b"", b"a\xfe")] == [
        b"b", b"b", b"b", None, None, b"a\xff",
    ]  # fmt: skip
    assert prefix_range(b"a\xff").contains(b"a\xff\xff\xff")
    assert not prefix_range(b"a\xff").contains(b"b")


def test_a_range_to_the_greatest_byte_ends_with_the_prefix() -> None:
    table = one_segment("u8")
    assert ranges(table, within("x", 254)) == (ByteRange(b"\xff", None),)
    assert ranges(table, within("x", 254, low_closed=True)) == (ByteRange(b"\xfe", None),)
    salted = HBaseTable(name="t", row_key=RowKey(delimiter="|", segments=(segment("a", "u8"), segment("b", "u8"))))
    assert ranges(salted, equal("a", 5), within("b", 254)) == (ByteRange(b"\x05|\xff", b"\x05}"),)
    assert ranges(one_segment("i64be"), equal("x", MAX)) == (prefix_range(b"\x7f" + b"\xff" * 7),)


def test_numbers_outside_the_codec_are_clipped_and_never_encoded_wrongly() -> None:
    table = one_segment("i32be")
    assert ranges(table, within("x", -5, 3, low_closed=True)) == (ByteRange(b"\0\0\0\0", b"\0\0\0\3"),)
    assert ranges(table, within("x", high=-1)) == ()
    assert ranges(table, within("x", high=-1, high_closed=True)) == ()
    assert ranges(table, equal("x", -1, 2**31, 1.5)) == ()
    assert ranges(table, within("x", 2**31 - 2, 2**70)) == (ByteRange(b"\x7f\xff\xff\xff", b"\x80"),)
    assert ranges(table, within("x", 1.5, 2.5)) == (prefix_range(b"\0\0\0\2"),)
    assert ranges(table, within("x", float("-inf"), float("inf"))) == (ByteRange(b"\0\0\0\0", b"\x80"),)


def test_phoenix_numbers_are_ordered_through_zero() -> None:
    found = ranges(one_segment("phoenix_i32"), within("x", -2, 2))
    assert found == (ByteRange(b"\x7f\xff\xff\xff", b"\x80\x00\x00\x02"),)


@pytest.mark.parametrize("value", [0, 1, MAX - 1, MAX])
def test_reversed_time_is_right_at_its_bounds(value: int) -> None:
    found = ranges(OBS, equal("mrn", 7), within("day_ms", value, low_closed=True))
    probes = [0, 1, 2, MAX - 2, MAX - 1, MAX]
    assert [p for p in probes if any(r.contains(obs_key(7, p)) for r in found)] == [p for p in probes if p >= value]
    found = ranges(OBS, equal("mrn", 7), within("day_ms", high=value))
    assert [p for p in probes if any(r.contains(obs_key(7, p)) for r in found)] == [p for p in probes if p < value]


def test_reversed_time_before_the_beginning_is_clipped() -> None:
    whole = ranges(OBS, equal("mrn", 7))
    assert ranges(OBS, equal("mrn", 7), within("day_ms", high=-1)) == ()
    (found,) = ranges(OBS, equal("mrn", 7), within("day_ms", -(2**70), 2**70))
    assert whole[0].start + b"\0" * 8 == found.start
    assert found.contains(obs_key(7, 0)) and found.contains(obs_key(7, MAX))


def test_reversed_text_takes_points_and_no_ranges() -> None:
    assert len(ranges(VISIT, equal("mrn", "12345678", "00000000"))) == 2
    assert ranges(VISIT, within("mrn", "1", "2")) == ranges(VISIT)
    assert ranges(VISIT, equal("mrn", "123", "123456789")) == (), "no record number of another length is stored"


def test_empty_segments_have_their_own_keys() -> None:
    table = HBaseTable(name="t", row_key=RowKey(delimiter="|", segments=(segment("a"), segment("b"))))
    assert plan_row_keys(key_layout(table), [equal("a", ""), equal("b", "")]).keys == (b"|",)
    (found,) = ranges(table, equal("a", ""))
    assert [found.contains(key) for key in (b"|", b"|x", b"", b"a|")] == [True, True, False, False]
    assert key_layout(table).decode([b"|", b"||"])["b"].to_pylist() == ["", "|"]


def test_text_with_an_order_of_its_own_is_not_cut() -> None:
    assert ranges(one_segment("text(gbk)", width=1), within("x", "一", "丂")) == (ByteRange(b"", None),)
    assert len(ranges(one_segment("text(gbk)", width=1), equal("x", "一"))) == 1
    assert ranges(one_segment("text(gbk)", width=1), equal("x", "é가")) == ()


def test_merge_joins_what_overlaps_or_touches_and_drops_what_is_empty() -> None:
    pieces = [ByteRange(b"c", b"d"), ByteRange(b"a", b"b"), ByteRange(b"b", b"c"), ByteRange(b"x", b"x"), ByteRange(b"f", None)]
    assert merge([*pieces, ByteRange(b"g", b"h")]) == (ByteRange(b"a", b"d"), ByteRange(b"f", None))


# -------------------------------------------------------------------------------------------------------- qualifiers


def qualifiers(*conditions: Condition) -> tuple[ByteRange, ...]:
    return plan_qualifiers(qualifier_parts(OBS, OBS.family("v")), conditions).ranges


def test_points_on_the_first_part_of_a_qualifier_are_prefixes() -> None:
    assert qualifiers(equal("code", "TZ", "LDL-C")) == (prefix_range(b"LDL-C:"), prefix_range(b"TZ:"))
    assert qualifiers(equal("mrn", 7)) == (ByteRange(b"", None),)


def test_points_on_every_part_of_a_qualifier_are_columns() -> None:
    assert qualifiers(equal("code", "TZ"), equal("second", 60)) == (ByteRange(b"TZ:\0\0\0\x3c", b"TZ:\0\0\0\x3c\0"),)


def test_seconds_outside_the_declared_range_are_no_columns() -> None:
    assert qualifiers(equal("code", "TZ"), within("second", 86_399)) == ()
    assert qualifiers(equal("code", "TZ"), within("second", -100, 86_400)) == (
        ByteRange(b"TZ:\0\0\0\0", b"TZ:" + struct.pack(">i", 86_400)),
    )


def test_an_and_of_ors_is_multiplied_out_only_as_far_as_the_arms_allow() -> None:
    left = AnyOf(tuple(AllOf((equal("a", n), within("b", n))) for n in range(9)))
    right = AnyOf(tuple(AllOf((equal("c", n), equal("d", n))) for n in range(9)))
    arms, kept = arms_over([left, right], ["a", "b", "c", "d"])
    assert (len(arms), kept) == (9, ("a", "b", "c")), "81 arms are too many: the last column is left out, and c becomes one list"
    assert {arm["c"] for arm in arms} == {equal("c", *range(9)).wanted}


def test_a_qualifier_is_read_from_its_end() -> None:
    texts = replace(OBS, wide=(wide("w", [("code", "text"), ":", ("day", "text")], ("val", "text")),))
    read_qualifier = qualifier_reader(qualifier_parts(texts, texts.family("w")))
    assert read_qualifier(b"A:B:2023") == ("A:B", "2023")
    assert [read_qualifier(q) for q in (b":", b"A:", b"A", b"", b"\xff:1")] == [("", ""), ("A", ""), None, None, None]
    numbers = qualifier_reader(qualifier_parts(OBS, OBS.family("v")))
    assert numbers(b"A::\0\0\0\x3a") == ("A:", 58), "58 is the byte of the colon"
    assert [numbers(q) for q in (b"A:\0\0\0", b"A;\0\0\0\1", b"A:\xff\xff\xff\xff", b"A:\0\1\x51\x80")] == [None] * 4
