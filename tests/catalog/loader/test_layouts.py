"""HBase layouts that cannot be read back unambiguously are refused where they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalog.loader.small_catalog import FILES, changed, problems_of, write_catalog

SOUTH = "nodes/south/node.yaml"
MRN = "{name: mrn, type: i64be}"
DAY = "{name: day, type: i64be, subtract_from: 9223372036854775807}"
NAME = "{name: mrn, type: text, width: 8, reversed: true}"
SINCE = "{name: since, type: digits, width: 13}"
SALT = "{name: salt, type: u8, salt: {hash: crc32, of: mrn, modulo: 8}}"
RANGES = "ranges: {second: [0, 86399]}"

FAULTS = {
    "a text in the middle of a key without delimiter": (DAY, "«{name: ward}\n            - " + DAY, "has no width"),
    "a double in a key": (DAY, "{name: day, type: «f64be}", "cannot stand in a row key"),
    "a binary number read backwards": (DAY, "{name: day, type: i64be, reversed: «true}", "cannot be reversed"),
    "more digits than 64 bits hold": (SINCE, "{name: since, type: digits, width: «19}", "19 digits"),
    "a difference of texts": (NAME, "{name: mrn, type: text, width: 8, subtract_from: «99}", "needs a number"),
    "a minuend that the digits cannot hold": (SINCE, "{name: since, type: digits, width: 2, subtract_from: «100}", "at most 99"),
    "a salt that is made of itself": (SALT, "{name: salt, type: u8, salt: {hash: crc32, of: «salt, modulo: 8}}", "unknown segment salt"),
    "a salt of neither modulo nor hex": (SALT, "{name: salt, type: u8, salt: «{hash: md5, of: mrn}}", "either modulo or hex"),
    "a salt with more hex digits than room": (SALT, "{name: salt, width: 2, salt: «{hash: md5, of: mrn, hex: 4}}", "room for 256"),
    "two segments of one name": (DAY, "{name: «mrn, type: i64be}", "used twice"),
    "a value named like a segment": ("value: 'val:f64be'", "value: '«mrn:f64be'", "used twice in the rows of obs.v"),
    "a range that ends before it begins": (RANGES, "ranges: {second: «[9, 1]}", "ends before"),
    "a range of three numbers": (RANGES, "ranges: {second: «[0, 1, 2]}", "must have 2 items"),
    "a qualifier without data": ("['code:text', ':', 'second:i32be'], value: 'val:f64be', " + RANGES, "«['fixed'], value: 'val:f64be'", "no field"),
    "digits in a qualifier": ("'second:i32be'], value: 'val:f64be', " + RANGES, "'«second:digits'], value: 'val:f64be'", "cannot stand in a qualifier"),
    "digits in a cell": ("{column: 'd:sex', type: text}", "{column: 'd:sex', type: «digits}", "no width"),
    "a cell without family": ("'d:sex'", "'«sex'", "family:qualifier"),
    "a delimiter of no characters": ("delimiter: '|'", "delimiter: '«'", "printable"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_layout_that_cannot_be_read_is_refused(name: str, tmp_path: Path) -> None:
    old, new, fact = FAULTS[name]
    text, place = changed(SOUTH, old, new)
    found = [(problem.place, problem.fact) for problem in problems_of(write_catalog(tmp_path, {SOUTH: text}))]
    assert any(at == place and fact in said for at, said in found), found
    assert {at.file for at, _ in found} <= {SOUTH, "nodes/south/reading.yaml"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (DAY, "{name: day, type: i64be, width: 8}"),
        (DAY, "{name: day}"),
        (SALT, "{name: salt, width: 2, salt: {hash: md5, of: mrn, hex: 2}}"),
        (SALT, "{name: salt, width: 1, salt: {hash: murmur3, of: mrn, modulo: 10, over: stored}}"),
        (NAME, "{name: mrn}"),
        ("'d:sex'", "'d:'"),
        ("'d:sex'", "'d:a:b'"),
        ("type: text, required: true", "type: text(gbk)"),
        ("type: text, required: true", "type: json"),
    ],
)
def test_a_layout_that_can_be_read_is_accepted(old: str, new: str, tmp_path: Path) -> None:
    assert problems_of(write_catalog(tmp_path, {SOUTH: FILES[SOUTH].replace(old, new)})) == ()
