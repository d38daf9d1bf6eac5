"""The adapter: what its rows mean, what it says of conditions, its bounds and its errors."""

from __future__ import annotations

import struct
import time
import zlib
from dataclasses import replace
from pathlib import Path
from threading import Event

import pyarrow as pa
import pytest

from adapters.arrow_types import scan_schema
from adapters.hbase import open_source
from adapters.hbase.layout import key_layout
from adapters.interface import Adapter, Exactness, ReadContext, SourceError
from catalog.conditions import AllOf, AnyOf, Condition, Term, Test
from catalog.relations import TableRelation, relation_columns
from catalog.source_tables import HBaseTable, RowKey, SqlTable
from catalog.values import NOT_NULL, NULL_ONLY, ValueSet
from tests.adapters.hbase.cells import StoredCell, equal, family, read, scan_of, within, write_cells
from tests.adapters.hbase.layouts import MAX, OBS, cell, segment, source_of, wide

TABLE = HBaseTable(
    name="t",
    row_key=RowKey(segments=(segment("id", "u8"),)),
    cells=(cell("name", "d:name"), cell("note", "d:note"), cell("amount", "m:amount", "i64be")),
    wide=(wide("v", [("code", "text"), ":", ("second", "i32be")], ("val", "f64be"), second=(0, 86_399)),),
)


def big(value: int) -> bytes:
    return struct.pack(">q", value)


def reading(code: bytes, second: int, value: float, row: bytes = b"\x01", at: int = 1) -> StoredCell:
    return row, "v", code + b":" + struct.pack(">i", second), at, struct.pack(">d", value)


CELLS: list[StoredCell] = [
    (b"\x01", "d", b"name", 5, b"new"),
    (b"\x01", "d", b"name", 3, b"old"),
    (b"\x01", "d", b"note", 3, b""),
    (b"\x01", "m", b"amount", 4, big(-7)),
    (b"\x02", "d", b"name", 1, "李雷".encode()),
    (b"\x03", "d", b"undeclared", 1, b"x"),
    reading(b"TZ", 60, 70.5),
    reading(b"A:B", 61, float("nan")),
    reading(b"TZ", 90_000, 1.0),
    (b"\x01", "v", b"note", 1, b"of another form"),
    reading(b"TZ", 60, 80.0, row=b"\x04"),
]


def opened(folder: Path, cells: list[StoredCell] = CELLS, table: HBaseTable = TABLE) -> Adapter:
    return open_source(source_of(table, url=write_cells(folder, table.name, cells)))


@pytest.fixture
def adapter(tmp_path: Path) -> Adapter:
    return opened(tmp_path)


# ----------------------------------------------------------------------------------------------- what its rows mean


def test_a_row_is_one_that_has_a_cell_in_a_declared_family_and_absent_is_null_but_empty_is_empty(adapter: Adapter) -> None:
    assert read(adapter, scan_of(TABLE)).rows == [
        {"id": 1, "name": "new", "note": "", "amount": -7},
        {"id": 2, "name": "李雷", "note": None, "amount": None},
        {"id": 3, "name": None, "note": None, "amount": None},
    ]


@pytest.mark.parametrize("columns", [("note",), ("amount",), ("id",), ("name", "id"), ()])
def test_no_row_vanishes_because_few_columns_are_wanted(adapter: Adapter, columns: tuple[str, ...]) -> None:
    answer = read(adapter, scan_of(TABLE, columns=columns))
    assert sum(batch.num_rows for batch in answer.batches) == 3
    assert all(batch.schema.names == list(columns) for batch in answer.batches)


def test_a_required_cell_says_which_rows_count_whatever_columns_are_wanted(tmp_path: Path) -> None:
    table = replace(TABLE, cells=(cell("name", "d:name", required=True), *TABLE.cells[1:]))
    found = opened(tmp_path, table=table)
    for columns in (("id",), ("id", "amount"), ("id", "name", "note", "amount")):
        answer = read(found, scan_of(table, columns=columns))
        assert [row["id"] for row in answer.rows] == [1, 2]
    assert read(found, scan_of(table, columns=("id",))).touched["cells"] == 2, "only the required cell is fetched"


def test_a_wide_cell_is_a_row_if_its_qualifier_has_the_form(adapter: Adapter) -> None:
    rows = read(adapter, scan_of(family(TABLE, "v"), columns=("id", "code", "second", "val", "name"))).rows
    nan = rows.pop(0)
    assert (nan["code"], nan["second"], nan["val"] != nan["val"]) == ("A:B", 61, True)
    assert rows == [
        {"id": 1, "code": "TZ", "second": 60, "val": 70.5, "name": "new"},
        {"id": 4, "code": "TZ", "second": 60, "val": 80.0, "name": None},
    ]


def test_a_wide_family_that_shares_a_family_with_fixed_cells_delivers_both(tmp_path: Path) -> None:
    table = replace(TABLE, cells=(cell("note", "v:note"),))
    answer = read(opened(tmp_path, table=table), scan_of(family(table, "v"), equal("code", "TZ"), columns=("id", "note", "val")))
    assert answer.rows == [{"id": 1, "note": "of another form", "val": 70.5}, {"id": 4, "note": None, "val": 80.0}]


def test_all_versions_of_a_table_are_its_states_and_of_a_wide_family_its_cells(tmp_path: Path) -> None:
    table = replace(TABLE, versions="all")
    found = opened(tmp_path, [*CELLS, reading(b"TZ", 60, 69.0, at=0)], table)
    states = read(found, scan_of(table, equal("id", 1), columns=("_timestamp", "name", "note", "amount"))).rows
    assert states == [
        {"_timestamp": 3, "name": "old", "note": "", "amount": None},
        {"_timestamp": 4, "name": "old", "note": "", "amount": -7},
        {"_timestamp": 5, "name": "new", "note": "", "amount": -7},
    ]
    assert len(read(found, scan_of(table, equal("id", 1), columns=("id",))).rows) == 3
    versions = read(found, scan_of(family(table, "v"), equal("id", 1), equal("code", "TZ"), columns=("_timestamp", "val"))).rows
    assert versions == [{"_timestamp": 1, "val": 70.5}, {"_timestamp": 0, "val": 69.0}]


def test_a_table_without_declared_cells_has_a_row_for_each_key(tmp_path: Path) -> None:
    table = replace(TABLE, cells=(), wide=())
    assert [row["id"] for row in read(opened(tmp_path, table=table), scan_of(table)).rows] == [1, 2, 3, 4]


# ------------------------------------------------------------------------------------------------------- conditions


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        (equal("name", "new", "李雷"), [1, 2]),
        (Test(Term("note"), NULL_ONLY), [2, 3]),
        (Test(Term("note"), NOT_NULL), [1]),
        (Test(Term("name"), ValueSet.of("new").complement()), [2, 3]),
        (Test(Term("name"), ValueSet.of("new").complement().without_null()), [2]),
        (within("amount", high=0), [1]),
        (within("amount", -7), []),
        (within("amount", -7.5, -6.5), [1]),
        (within("name", "p"), [2]),
        (AnyOf((equal("note", ""), equal("id", 3))), [1, 3]),
        (AllOf((equal("note", ""), within("id", 1))), []),
    ],
)
def test_each_condition_delivers_just_its_rows(adapter: Adapter, condition: Condition, ids: list[int]) -> None:
    scan = scan_of(TABLE, condition, columns=("id",))
    assert [row["id"] for row in read(adapter, scan).rows] == ids
    assert [verdict.exactness for verdict in adapter.classify(scan)] == [Exactness.EXACT]


def test_doubles_are_compared_as_the_value_sets_mean_it_with_nan_above_all(adapter: Adapter) -> None:
    def count(condition: Condition) -> int:
        return len(read(adapter, scan_of(family(TABLE, "v"), condition)).rows)

    assert count(within("val", 75.0)) == 2
    assert count(within("val", 75.0, 1e300)) == 1
    assert count(within("val", high=75.0)) == 1
    assert count(equal("val", 70.5, 80)) == 2
    assert count(Test(Term("val"), ValueSet.of(70.5).complement())) == 2


def test_the_reason_says_where_a_test_is_made(adapter: Adapter) -> None:
    scan = scan_of(family(TABLE, "v"), equal("id", 1), equal("code", "TZ"), within("val", 3.0))
    assert [verdict.reason for verdict in adapter.classify(scan)] == [
        "id narrows the row keys",
        "code narrows the columns read",
        "val is tested by the adapter after the read",
    ]


def test_numbers_in_text_and_constants_of_another_kind_are_refused(adapter: Adapter) -> None:
    number = Test(Term("name", "number"), ValueSet.range(3.0))
    nan = equal("amount", float("nan"))
    scan = scan_of(TABLE, number, equal("name", 5), equal("id", "1"), nan, AnyOf((number, equal("id", 1))), AllOf((number, equal("id", 1))))
    verdicts = adapter.classify(scan)
    assert [verdict.exactness for verdict in verdicts] == [Exactness.REFUSE] * 5 + [Exactness.SUPERSET]
    assert all(verdict.reason for verdict in verdicts)
    assert adapter.explain(scan)


def test_explain_names_the_ranges_the_columns_and_what_is_left(adapter: Adapter) -> None:
    words = adapter.explain(scan_of(family(TABLE, "v"), equal("id", 1, 65), equal("code", "TZ"), within("val", 3.0), limit=4))
    assert words == "read t.v: 2 gets (\\x01, A); columns: 1 column range ([TZ: .. TZ;)); after the read: tests on val; stop after 4 rows"
    assert adapter.explain(scan_of(TABLE, equal("id", 300))) == "read t: nothing, the conditions contradict each other"
    assert adapter.explain(scan_of(TABLE)) == "read t: every row"


# ----------------------------------------------------------------------------------------------------- reads, bounds


def test_batches_have_the_asked_columns_and_keep_the_bounds_on_rows_and_bytes(tmp_path: Path) -> None:
    cells = [reading(b"C%d" % (n % 50), n, float(n), row=bytes([n // 250])) for n in range(1_000)]
    found = opened(tmp_path, cells)
    scan = scan_of(family(TABLE, "v"), columns=("val", "code"))
    answer = read(found, scan, batch_rows=100)
    assert len(answer.rows) == 1_000
    assert max(batch.num_rows for batch in answer.batches) <= 100
    assert all(batch.schema == scan_schema(scan) for batch in answer.batches)
    small = read(found, scan, batch_bytes=1_000)
    assert len(small.rows) == 1_000
    assert max(batch.nbytes for batch in small.batches) <= 1_000


def test_large_values_among_small_ones_do_not_make_a_batch_too_large(tmp_path: Path) -> None:
    cells = [(bytes([n]), "d", b"name", 1, b"x" * (900 if n > 90 else 1)) for n in range(100)]
    cells += [(b"\x00", "m", b"amount", 1, big(1)), reading(b"TZ", 1, 1.0)]
    answer = read(opened(tmp_path, cells), scan_of(TABLE, columns=("name",)), batch_bytes=2_000)
    assert len(answer.rows) == 100
    assert max(batch.nbytes for batch in answer.batches) <= 2_000


def test_a_cancelled_or_late_read_stops(adapter: Adapter) -> None:
    (split,) = adapter.splits(scan_of(TABLE))
    cancelled = Event()
    reader = adapter.read(split, ReadContext(deadline=time.monotonic() + 60, cancelled=cancelled, batch_rows=1))
    next(reader)
    cancelled.set()
    with pytest.raises(SourceError, match="cancelled"):
        list(reader)
    with pytest.raises(SourceError, match="in time"):
        list(adapter.read(split, ReadContext(deadline=time.monotonic() - 1)))


def test_the_statement_of_a_read_is_kept_in_words(adapter: Adapter) -> None:
    (split,) = adapter.splits(scan_of(TABLE, equal("id", 1)))
    context = ReadContext(deadline=time.monotonic() + 60)
    list(adapter.read(split, context))
    assert context.statements == ["read t: 1 get (\\x01)"]
    assert (context.touched["gets"], context.touched["rows"], context.touched["cells"]) == (1, 1, 3)


def test_ten_thousand_rows_are_decoded_in_well_under_a_second(tmp_path: Path) -> None:
    table = HBaseTable(
        name="many", row_key=RowKey(segments=(segment("id", "i64be"),)), cells=(cell("name", "d:name"), cell("amount", "d:amount", "i64be"))
    )
    cells = [one for n in range(10_000) for one in [(big(n), "d", b"amount", 1, big(n)), (big(n), "d", b"name", 1, b"x%d" % n)]]
    found = opened(tmp_path, cells, table)
    assert read(found, scan_of(table, limit=1)).rows == [{"id": 0, "name": "x0", "amount": 0}]
    start = time.process_time()
    batches = [b for s in found.splits(scan_of(table)) for b in found.read(s, ReadContext(deadline=time.monotonic() + 60))]
    assert sum(batch.num_rows for batch in batches) == 10_000
    assert time.process_time() - start < 1.0


# ------------------------------------------------------------------------------------------------- errors, describe


@pytest.mark.parametrize(
    ("cells", "fact"),
    [
        ([(b"\x01\x02", "d", b"name", 1, b"secret")], "segment id, u8: the key is too long"),
        ([(b"", "d", b"name", 1, b"secret")], "segment id, u8: the key ends too early"),
        ([(b"\x01", "d", b"name", 1, b"\xff\xfe")], "name, text: the bytes are not utf-8 text"),
        ([(b"\x01", "d", b"name", 1, b"x"), (b"\x01", "m", b"amount", 1, b"secret")], "amount, i64be: i64be takes 8 bytes"),
        ([(b"\x01", "m", b"amount", 1, b"")], "amount, i64be: i64be takes 8 bytes"),
    ],
)
def test_malformed_keys_and_cells_are_named_without_their_values(tmp_path: Path, cells: list[StoredCell], fact: str) -> None:
    cells = [*cells, (b"\x09", "d", b"name", 1, b"fine"), (b"\x09", "m", b"amount", 1, big(1))]
    with pytest.raises(SourceError) as caught:
        read(opened(tmp_path, cells), scan_of(TABLE))
    assert (caught.value.code, caught.value.transient) == ("S121", False)
    assert fact in caught.value.fact and "table t" in caught.value.fact
    assert "secret" not in caught.value.fact + caught.value.hint


def test_a_malformed_cell_that_nobody_wants_does_no_harm(tmp_path: Path) -> None:
    found = opened(tmp_path, [(b"\x01", "m", b"amount", 1, b"bad"), (b"\x01", "d", b"name", 1, b"x")])
    assert read(found, scan_of(TABLE, columns=("name",))).rows == [{"name": "x"}]


def test_a_salt_that_is_not_the_declared_hash_is_an_error_and_not_a_lost_row() -> None:
    assert zlib.crc32(b"1") % 8 == 7
    layout = key_layout(OBS)
    assert layout.decode([b"\x07" + big(1) + big(MAX - 5)])["day_ms"].to_pylist() == [5]
    with pytest.raises(SourceError, match="the salt is not the declared hash"):
        layout.decode([b"\x06" + big(1) + big(MAX - 5)])


def test_a_negative_number_in_a_key_is_an_error_since_its_bytes_are_out_of_order() -> None:
    with pytest.raises(SourceError, match="segment mrn, i64be: a number in a key is negative"):
        key_layout(OBS).decode([b"\x07" + big(-1) + big(1)])


def test_a_required_cell_that_a_wide_row_lacks_is_an_error(tmp_path: Path) -> None:
    table = replace(TABLE, cells=(cell("name", "d:name", required=True),))
    scan = scan_of(family(table, "v"), columns=("val", "name"))
    with pytest.raises(SourceError, match="lacks the required cell name"):
        read(opened(tmp_path, table=table), scan)


def test_a_missing_table_or_family_names_what_there_is(tmp_path: Path) -> None:
    found = opened(tmp_path, [(b"\x01", "d", b"name", 1, b"x")])
    with pytest.raises(SourceError) as caught:
        read(found, scan_of(TABLE))
    assert (caught.value.code, caught.value.fact, caught.value.hint) == ("S120", "the table t has no family m", "its families are: d")
    other = replace(TABLE, name="other")
    missing = open_source(source_of(other, url=f"cells:{tmp_path}"))
    context = ReadContext(deadline=time.monotonic() + 60)
    for act in (lambda: read(missing, scan_of(other)), lambda: missing.ping(context), lambda: missing.describe()):
        with pytest.raises(SourceError) as caught:
            act()
        assert (caught.value.code, caught.value.hint) == ("S120", "its folder has: t")


def test_a_file_that_holds_no_cells_is_drift(tmp_path: Path) -> None:
    (tmp_path / "t.cells.parquet").write_bytes(b"not parquet")
    with pytest.raises(SourceError) as caught:
        read(open_source(source_of(TABLE, url=f"cells:{tmp_path}")), scan_of(TABLE))
    assert caught.value.code == "S120"


@pytest.mark.parametrize("url", [None, "cells:", "thrift://", "thrift://host/table", "file:/x"])
def test_an_url_of_another_form_is_a_mistake_of_the_configuration(url: str | None) -> None:
    with pytest.raises(SourceError) as caught:
        open_source(source_of(TABLE, url=url))
    assert caught.value.code == "S110"


def test_layouts_that_cannot_be_read_back_are_refused_when_the_source_is_opened(tmp_path: Path) -> None:
    bad = [
        replace(TABLE, row_key=RowKey(segments=(segment("a"), segment("b")))),
        replace(TABLE, cells=(cell("name", "d:name", "text"), replace(cell("x", "d:x"), codec="i24be"))),
        replace(TABLE, wide=(wide("v", [("a", "text"), ("b", "text")], ("val", "text")),)),
    ]
    for table in bad:
        with pytest.raises(SourceError) as caught:
            open_source(source_of(table, url=f"cells:{tmp_path}"))
        assert caught.value.code == "S110"


def test_a_folder_that_is_not_there_is_unreachable_and_one_that_is_answers(tmp_path: Path, adapter: Adapter) -> None:
    context = ReadContext(deadline=time.monotonic() + 60)
    adapter.ping(context)
    with pytest.raises(SourceError) as caught:
        open_source(source_of(TABLE, url=f"cells:{tmp_path / 'nowhere'}")).ping(context)
    assert caught.value.code == "S101"


def test_describe_gives_the_declared_layouts_since_hbase_keeps_no_schema(adapter: Adapter) -> None:
    assert set(adapter.describe()) == {"t", "t.v"}
    (only,) = adapter.describe("t").values()
    assert isinstance(only, SqlTable)
    assert only.columns == tuple(relation_columns(TableRelation(table=TABLE)).values())
    with pytest.raises(SourceError, match="no layout is declared for nothing"):
        adapter.describe("nothing")


def test_an_sql_relation_is_not_for_this_source(adapter: Adapter) -> None:
    with pytest.raises(SourceError):
        adapter.splits(scan_of(TableRelation(table=SqlTable(name="x", columns=()))))


def test_arrow_types_are_those_of_the_contract(adapter: Adapter) -> None:
    (batch,) = read(adapter, scan_of(TABLE)).batches
    assert [str(type) for type in batch.schema.types] == ["int64", "string", "string", "int64"]
    assert isinstance(batch, pa.RecordBatch)
