"""The gateway's own DuckDB: lookups, keyed hash, one `raw` per fragment, and values that cannot be mapped."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

import pytest

from adapters.testing.fake import Behaviour, FakeSource
from catalog.binding import LookupTable
from catalog.types import TEXT
from gateway.errors import GatewayError, SourceFailure
from gateway.runtime.token_pads import hmac_pads
from tests.gateway.runtime.conftest import MakeRuntime
from tests.gateway.runtime.plans import context, fragment, plan, raw_rows, reference, rows_of

WORDS = LookupTable(name="codes_1f", columns=(("code", TEXT), ("meaning", TEXT)), rows=(("w1", "one"), ("w2", None)))


def test_lookup_tables_are_made_once_and_may_hold_nulls(make_runtime: MakeRuntime) -> None:
    runtime = make_runtime({"hosp_a": FakeSource(raw_rows(3))})
    mapped = fragment("hosp_a", projection="SELECT 'a' AS node, pid, l.meaning FROM raw LEFT JOIN \"codes_1f\" AS l ON l.code = raw.word")
    query = plan("SELECT pid, word FROM r0", ["pid", "word"], reference("r0", replace(mapped, tables=(WORDS,))))
    for _ in range(2):
        assert rows_of(runtime.run(query, context())) == [(0, None), (1, "one"), (2, None)]


@pytest.mark.parametrize("key", [b"key", b"", b"k" * 64, b"k" * 65, bytes(range(256))])
def test_the_pads_make_the_hmac_of_python(key: bytes) -> None:
    inner, outer = hmac_pads(key)
    made = hashlib.sha256(outer + hashlib.sha256(inner + "病人".encode()).digest()).hexdigest()
    assert made == hmac.new(key, "病人".encode(), "sha256").hexdigest()


def test_a_projection_can_read_the_pads(make_runtime: MakeRuntime) -> None:
    hashed = "sha256(outer_pad || unhex(sha256(inner_pad || encode(word))))"
    tokens = fragment("hosp_a", projection=f"SELECT 'a' AS node, pid, {hashed} AS word FROM raw, token_key")
    result = make_runtime({"hosp_a": FakeSource(raw_rows(2))}).run(
        plan("SELECT word FROM r0", ["word"], reference("r0", tokens)), context()
    )
    expected = sorted(hmac.new(b"key", word, "sha256").hexdigest() for word in (b"w0", b"w1"))
    assert [row[0] for row in rows_of(result)] == expected


def test_the_merge_cannot_read_the_pads(make_runtime: MakeRuntime) -> None:
    with pytest.raises(GatewayError):
        make_runtime({}).run(plan("SELECT * FROM token_key", ["i", "o"]), context())


def test_fragments_at_once_do_not_see_each_others_raw_rows(make_runtime: MakeRuntime) -> None:
    sources = {f"n{i}": FakeSource(raw_rows(2000, i * 10_000), Behaviour(delay=0.002)) for i in range(8)}
    streams = [fragment(f"n{i}", row_wise=i % 2 == 0) for i in range(8)]
    result = make_runtime(sources).run(plan("SELECT node, pid FROM r0", ["node", "pid"], reference("r0", *streams)), context())
    assert rows_of(result) == sorted(((f"n{i}", i * 10_000 + k) for i in range(8) for k in range(2000)), key=repr)
    assert result.complete


def test_a_value_that_cannot_be_mapped_fails_its_source_without_being_told(make_runtime: MakeRuntime) -> None:
    strict = fragment("hosp_a", projection="SELECT 'a' AS node, CAST(word AS BIGINT) AS pid, word FROM raw")
    with pytest.raises(SourceFailure) as caught:
        rows_of(
            make_runtime({"hosp_a": FakeSource(raw_rows(2))}).run(plan("SELECT pid FROM r0", ["pid"], reference("r0", strict)), context())
        )
    assert caught.value.code == "S121"
    assert "w0" not in f"{caught.value.fact}{caught.value.detail}{caught.value.hint}"


def test_a_check_of_the_mapping_that_fails_says_so_in_its_own_words(make_runtime: MakeRuntime) -> None:
    strict = fragment("hosp_a", projection="SELECT 'a' AS node, pid, error('hospital-gateway: unmapped code') AS word FROM raw")
    with pytest.raises(SourceFailure) as caught:
        rows_of(
            make_runtime({"hosp_a": FakeSource(raw_rows(2))}).run(plan("SELECT word FROM r0", ["word"], reference("r0", strict)), context())
        )
    assert caught.value.code == "S121"
    assert caught.value.fact.endswith("unmapped code")


def test_a_pausing_source_shows_its_first_rows_long_before_its_last(make_runtime: MakeRuntime) -> None:
    source = FakeSource(raw_rows(6 * 16_384), Behaviour(delay=0.3))
    result = make_runtime({"hosp_a": source}).run(
        plan("SELECT pid, word FROM r0", ["pid", "word"], reference("r0", fragment("hosp_a"))), context()
    )
    assert next(result.batches).num_rows > 0
    assert source.batches <= 4
    result.close()


def test_reports_tell_what_was_fetched_and_what_was_made_of_it(make_runtime: MakeRuntime) -> None:
    half = fragment("hosp_a", projection="SELECT 'a' AS node, pid, word FROM raw WHERE pid % 2 = 0")
    result = make_runtime({"hosp_a": FakeSource(raw_rows(10))}).run(plan("SELECT pid FROM r0", ["pid"], reference("r0", half)), context())
    assert len(rows_of(result)) == 5
    (report,) = result.reports
    assert (report.rows, report.delivered, report.node, report.id) == (10, 5, "hosp_a", "hosp_a-main")
    assert report.bytes > 10 * 8
    assert len(report.statements) == 1
    assert dict(report.touched) == {"rows": 10}
