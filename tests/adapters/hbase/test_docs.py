"""docs/hbase-layouts.md: what it says HBase is asked is what HBase is asked."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.hbase import open_source
from adapters.hbase.codecs import codec_named
from adapters.hbase.server_filter import cell_filter
from adapters.hbase.thrift_options import OPTIONS
from adapters.interface import Adapter
from catalog.conditions import Condition
from catalog.loader import load_catalog
from catalog.source_tables import HBaseTable, RowKey
from tests.adapters.hbase.cells import equal, family, scan_of, within
from tests.adapters.hbase.layouts import cell, segment

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "hbase-layouts.md").read_text()
NEW_YEAR, DAY = 1_704_067_200_000, 86_400_000

EXAMPLES: dict[str, tuple[str, list[Condition]]] = {
    "`patient`: mrn = '24511861' (the whole key)": ("patient", [equal("mrn", "24511861")]),
    "`visit`: mrn = '24511861'": ("visit", [equal("mrn", "24511861")]),
    "`visit`: mrn in ('24511861', '86349376')": ("visit", [equal("mrn", "24511861", "86349376")]),
    "`visit`: mrn = '24511861' and adm_ms on 1 January 2024": (
        "visit",
        [equal("mrn", "24511861"), within("adm_ms", NEW_YEAR, NEW_YEAR + DAY, low_closed=True)],
    ),
    "`visit`: adm_ms alone": ("visit", [within("adm_ms", NEW_YEAR)]),
    "`visit`: mrn between '2' and '3' (reversed: no ranges)": ("visit", [within("mrn", "2", "3", low_closed=True, high_closed=True)]),
    "`visit`: mrn = '24511861' and cls = '3'": ("visit", [equal("mrn", "24511861"), equal("cls", "3")]),
    "`obs.v`: code in ('SG', 'TZ')": ("obs.v", [equal("code", "SG", "TZ")]),
    "`obs.v`: mrn, day_ms, code and second given": (
        "obs.v",
        [equal("mrn", 24511861), equal("day_ms", 1_609_545_600_000), equal("code", "TZ"), equal("second", 17_721)],
    ),
    "nothing": ("visit", []),
}


def rows_of_the_table() -> dict[str, list[str]]:
    """First cell of each row under the heading on predicates, and the code spans of its second."""
    section = PAGE.split("## What each predicate becomes")[1]
    found = {}
    for line in section.splitlines():
        if line.startswith("| ") and "what HBase is asked" not in line:
            condition, asked = re.split(r"(?<!\\)\|", line.strip("| "))
            found[condition.strip()] = [span.replace("\\|", "|") for span in re.findall(r"`([^`]+)`", asked)]
    return found


@pytest.fixture(scope="module")
def opened() -> tuple[Adapter, dict[str, HBaseTable]]:
    source = load_catalog(ROOT / "mappings").nodes["hosp_a"].sources["hbase"]
    tables = {name: table for name, table in source.tables.items() if isinstance(table, HBaseTable)}
    return open_source(replace(source, url="cells:nowhere, since explain touches nothing")), tables


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_is_asked_as_the_page_says(example: str, opened: tuple[Adapter, dict[str, HBaseTable]]) -> None:
    adapter, tables = opened
    relation, conditions = EXAMPLES[example]
    table, _, wide = relation.partition(".")
    words = adapter.explain(scan_of(family(tables[table], wide) if wide else tables[table], *conditions))
    spans = rows_of_the_table()[example]
    assert spans
    assert [span for span in spans if span not in words] == []
    assert ("after the read" in words) == any("after the read" in span for span in spans)


def test_every_example_of_the_page_is_tried() -> None:
    assert set(rows_of_the_table()) == set(EXAMPLES)


def test_every_codec_of_the_page_exists() -> None:
    section = PAGE.split("## Codecs")[1].split("## Cells")[0]
    first_cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    names = [name.split("(p")[0] for cell in first_cells for name in re.findall(r"`([^`]+)`", cell)]
    assert len(names) == 14
    assert [codec_named(name).name for name in names] == names


# ------------------------------------------------------------------------------------------------ docs/sources/hbase.md

SOURCE_PAGE = (ROOT / "docs" / "sources" / "hbase.md").read_text()


def test_every_option_has_its_row_and_every_row_its_option() -> None:
    section = SOURCE_PAGE.split("## Options")[1].split("## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(OPTIONS)


def test_the_filters_of_the_page_are_those_that_are_written() -> None:
    section = SOURCE_PAGE.split("Conditions on cells that HBase tests itself")[1].split("Never there")[0]
    for line in section.splitlines():
        if line.startswith("| `"):
            names, points, ranges = (part.strip() for part in line.strip("| ").split(" | "))
            for name in re.findall(r"`([^`]+)`", names):
                table = HBaseTable(name="t", row_key=RowKey(segments=(segment("id", "u8"),)), cells=(cell("c", "d:c", name),))
                value: object = "a" if name.startswith(("text", "json")) else True if name == "bool" else 1
                written = cell_filter(table, [equal("c", value)])
                assert (written is not None) == points.startswith("yes"), name
                assert (cell_filter(table, [within("c", value)]) is not None) == ranges.startswith("yes"), name


def test_the_example_of_the_page_is_a_source(tmp_path: Path) -> None:
    example = re.findall(r"```yaml\n(.*?)```", SOURCE_PAGE, re.DOTALL)[0]
    for part in ("tables", "codes", "policies"):
        shutil.copytree(ROOT / "mappings" / part, tmp_path / part)
    (tmp_path / "nodes" / "clinic").mkdir(parents=True)
    (authority := tmp_path / "clinic-ca.pem").touch()
    (tmp_path / "nodes" / "clinic" / "node.yaml").write_text(example.replace("/etc/ssl/clinic-ca.pem", str(authority)))
    source = load_catalog(tmp_path).nodes["clinic"].sources["hbase"]
    assert open_source(source).explain(scan_of(source.tables["visit"])) == "read visit: every row"  # type: ignore[arg-type]
