"""The four forms of an answer, from batches made by hand."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import pyarrow as pa
import pytest

from gateway.commands.footer import coverage, footer
from gateway.commands.session import Session
from gateway.commands.table_layout import TableLayout
from gateway.commands.writers import writer_of
from gateway.result import NodeOutcome, Result

COLUMNS: dict[str, list[object]] = {"name": ["Li", None, "", 'a "b", c', "two\nlines", "=1+1"], "n": [1, 2, None, 4, 5, 6]}
OUTCOMES = [
    NodeOutcome(node="hosp_a", source="hbase", status="ok", rows=1003, bytes=5, seconds=0.25),
    NodeOutcome(node="hosp_b", source="hive", status="pruned", reason="node = 'hosp_a'"),
]


def result_of(batches: list[pa.RecordBatch], outcomes: list[NodeOutcome] = OUTCOMES, labels: list[str] | None = None) -> Result:
    return Result(
        schema=batches[0].schema, batches=iter(batches), revision="r1", close=lambda: None, outcomes=list(outcomes), labels=labels or []
    )


def written(form: str, capfd: pytest.CaptureFixture[str], result: Result | None = None) -> str:
    given = result or result_of(pa.table(COLUMNS).to_batches(max_chunksize=4))
    writer = writer_of(form, Session())
    writer.begin(given)
    for batch in given.batches:
        writer.batch(batch)
    writer.end(given)
    return capfd.readouterr().out


def test_json_is_one_document_with_the_five_keys_of_the_contract(capfd: pytest.CaptureFixture[str]) -> None:
    document = json.loads(written("json", capfd))
    assert {"columns", "rows", "complete", "sources", "revision"} <= set(document)
    assert document["columns"] == ["name", "n"]
    assert document["types"] == ["text", "bigint"]
    assert document["rows"] == [list(row) for row in zip(COLUMNS["name"], COLUMNS["n"], strict=True)]
    assert (document["complete"], document["revision"]) == (True, "r1")
    assert document["sources"][0]["rows"] == 1003 and document["sources"][1]["reason"] == "node = 'hosp_a'"


def test_json_without_rows_is_a_document(capfd: pytest.CaptureFixture[str]) -> None:
    empty = pa.RecordBatch.from_arrays([pa.array([], pa.string())], names=["a"])
    assert json.loads(written("json", capfd, result_of([empty])))["rows"] == []


def test_json_that_was_cut_by_an_error_is_no_document(capfd: pytest.CaptureFixture[str]) -> None:
    result = result_of(pa.table(COLUMNS).to_batches())
    writer = writer_of("json", Session())
    writer.begin(result)
    writer.batch(next(result.batches))
    with pytest.raises(json.JSONDecodeError):
        json.loads(capfd.readouterr().out)


def test_csv_reads_back_with_python_and_tells_null_from_the_empty_text(capfd: pytest.CaptureFixture[str]) -> None:
    text = written("csv", capfd)
    assert text.startswith("name,n\r\nLi,1\r\n,2\r\n"), "capfd keeps the line ends"
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[1:] == [["Li", "1"], ["", "2"], ["", ""], ['a "b", c', "4"], ["two\nlines", "5"], ["=1+1", "6"]]
    assert '\r\n"",\r\n' in text


def test_a_table_shows_null_and_hides_no_control_character(capfd: pytest.CaptureFixture[str]) -> None:
    batch = pa.table({"v": ["a\x1b[2Jb", "x\u202ey", None, "line\nbreak", "中文"]}).to_batches()[0]
    lines = written("table", capfd, result_of([batch])).splitlines()
    assert [line.strip() for line in lines[2:]] == ["a\\x1b[2Jb", "x\\u202ey", "NULL", "line\\nbreak", "中文"]


def test_column_names_cannot_drive_a_terminal_either(capfd: pytest.CaptureFixture[str]) -> None:
    batch = pa.table({"\x1b]0;title\x07": ["x"]}).to_batches()[0]
    assert "\x1b" not in written("table", capfd, result_of([batch]))


def test_arrow_is_a_stream_that_arrow_reads(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    result = result_of(pa.table(COLUMNS).to_batches(max_chunksize=4))
    writer = writer_of("arrow", Session())
    writer.begin(result)
    for batch in result.batches:
        writer.batch(batch)
    writer.end(result)
    import sys

    sys.stdout.flush()
    assert pa.ipc.open_stream(capfdbinary.readouterr().out).read_all().equals(pa.table(COLUMNS))


def layout(values: list[list[str | None]], width: int | None, names: list[str] | None = None) -> list[str]:
    count = len(values[0])
    made = TableLayout.fitted(names or [f"c{number}" for number in range(count)], [False] * count, values, width)
    return [*made.header(), *(made.row(row) for row in values)]


def test_a_table_never_passes_the_width_of_the_terminal() -> None:
    from rich.cells import cell_len

    values: list[list[str | None]] = [["x" * 200, "short", "中" * 60], ["a", None, "b"]]
    for width in (20, 40, 41, 80, 200):
        assert all(cell_len(line) <= width for line in layout(values, width))


def test_what_is_cut_is_marked_and_narrow_columns_stay_whole() -> None:
    lines = layout([["x" * 200, "short"]], 40)
    assert "…" in lines[2] and lines[2].endswith("short")


def test_columns_that_have_no_room_are_named() -> None:
    made = TableLayout.fitted([f"column_{n}" for n in range(20)], [False] * 20, [["long value"] * 20], 40)
    assert len(made.names) + len(made.left_out) == 20 and made.left_out[-1] == "column_19"


def test_without_a_terminal_nothing_is_cut() -> None:
    assert "x" * 500 in layout([["x" * 500]], None)[2]


def test_rows_that_come_later_and_wider_are_cut_not_shifted(capfd: pytest.CaptureFixture[str]) -> None:
    batches = pa.table({"a": ["x"] * 1000 + ["y" * 50], "b": ["q"] * 1001}).to_batches(max_chunksize=1000)
    lines = written("table", capfd, result_of(batches)).splitlines()
    assert len(lines) == 1003 and lines[-1] == "…  q"


def outcome(node: str, status: str, source: str = "s", **more: object) -> NodeOutcome:
    return NodeOutcome(node=node, source=source, status=status, **more)  # type: ignore[arg-type]


def footers() -> Iterator[tuple[list[NodeOutcome], str]]:
    yield OUTCOMES, "covers 2 of 2 hospitals: hosp_a ok 1,003 rows 0.25 s, hosp_b pruned (node = 'hosp_a')"
    failed = outcome("c", "failed", code="S101", reason="refused")
    yield [outcome("a", "ok", rows=2), failed], "INCOMPLETE: covers 1 of 2 hospitals: a ok 2 rows 0.00 s, c failed [S101] (refused)"
    yield (
        [outcome("a", "ok", "new"), outcome("a", "failed", "old")],
        "INCOMPLETE: covers 0 of 1 hospitals: a.new ok 0 rows 0.00 s, a.old failed",
    )


@pytest.mark.parametrize(("outcomes", "line"), list(footers()))
def test_the_footer_says_which_hospitals_are_covered(outcomes: list[NodeOutcome], line: str) -> None:
    assert coverage(outcomes) == line


def test_the_footer_explains_what_an_incomplete_answer_means() -> None:
    result = result_of(pa.table(COLUMNS).to_batches(), [outcome("a", "failed", code="S103")], ["lower_bound"])
    lines = footer(result, 1, 0.5)
    assert lines[0] == "1 row in 0.50 s"
    assert lines[-1].startswith("lower_bound: ") and "at least" in lines[-1]


def test_a_reason_cannot_drive_the_terminal() -> None:
    result = result_of(pa.table(COLUMNS).to_batches(), [outcome("a", "failed", reason="\x1b[31m")])
    assert "\x1b" not in "".join(footer(result, 0, 0.0))
