"""Hospital A in a real HBase, as its loader puts it there: each relation gives the rows of the local cell store."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.hbase import open_source
from adapters.interface import Adapter, Scan
from adapters.testing.conformance import counted
from catalog.conditions import Condition
from catalog.loader import load_catalog
from catalog.relations import Relation, TableRelation, WideRelation
from catalog.source_tables import HBaseTable
from tests.adapters.hbase.cells import equal, family, read, scan_of, within
from tests.adapters.hbase.layouts import REGION
from tests.servers.hbase import HBaseServer

ROOT = Path(__file__).parents[3]
ADAPTERS = tuple[Adapter, Adapter, dict[str, HBaseTable]]


@pytest.fixture(scope="module")
def adapters(hbase_server: HBaseServer) -> Iterator[ADAPTERS]:
    """Hospital A over Thrift, and over the files that the loader reads."""
    hbase_server.drop("patient")
    hbase_server.create("patient", ["other"])  # what is there goes away
    loader = [sys.executable, str(ROOT / "docker" / "loaders" / "hbase.py"), hbase_server.url]
    loaded = subprocess.run(loader, capture_output=True, text=True, timeout=200)
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.splitlines() == ["obs: 9,631 cells", "patient: 4,135 cells", "visit: 16,454 cells"]
    source = load_catalog(ROOT / "mappings").nodes["hosp_a"].sources["hbase"]
    tables = {name: table for name, table in source.tables.items() if isinstance(table, HBaseTable)}
    with (
        closing(open_source(replace(source, url=hbase_server.url))) as real,
        closing(open_source(replace(source, url=f"cells:{REGION / 'local' / 'hospital_a_hbase'}"))) as local,
    ):
        yield real, local, tables


def relations(tables: dict[str, HBaseTable]) -> Iterator[Relation]:
    for table in tables.values():
        if table.cells:
            yield TableRelation(table=table)
        for wide in table.wide:
            yield WideRelation(table=table, family=wide.name)


def test_every_relation_gives_the_rows_of_the_files(adapters: ADAPTERS) -> None:
    real, local, tables = adapters
    for relation in relations(tables):
        found, wanted = read(real, scan_of(relation)), read(local, scan_of(relation))
        assert counted(found.rows) == counted(wanted.rows)
        assert len(wanted.rows) > 0


def test_every_version_of_every_cell_was_loaded(adapters: ADAPTERS, hbase_server: HBaseServer) -> None:
    _, _, tables = adapters
    counts = []
    for name in ("real", "local"):
        source = load_catalog(ROOT / "mappings").nodes["hosp_a"].sources["hbase"]
        versioned = {key: replace(table, versions="all") for key, table in tables.items()}
        url = hbase_server.url if name == "real" else f"cells:{REGION / 'local' / 'hospital_a_hbase'}"
        with closing(open_source(replace(source, url=url, tables=versioned))) as opened:
            scan = scan_of(family(versioned["obs"], "v"), columns=("mrn", "day_ms", "code", "second", "val", "_timestamp"))
            counts.append(counted(read(opened, scan).rows))
    assert counts[0] == counts[1]
    assert counts[0].total() > 5_329


@pytest.mark.parametrize(
    ("name", "conditions"),
    [
        ("patient", [equal("mrn", "24511861")]),
        ("patient", [equal("sex", "2"), within("dob", "1980")]),
        ("visit", [equal("mrn", "24511861", "86349376")]),
        ("visit", [equal("cls", "3"), within("fee", 100_000)]),
        ("visit.dx", [equal("mrn", "24511861")]),
        ("obs.v", [equal("code", "SG", "TZ")]),
        ("obs.v", [equal("mrn", 24511861), within("day_ms", 1_600_000_000_000)]),
        ("obs.l", [equal("code", "LDL-C")]),
    ],
)
def test_conditions_give_the_rows_of_the_files_and_touch_no_more(adapters: ADAPTERS, name: str, conditions: list[Condition]) -> None:
    real, local, tables = adapters
    table, _, wide = name.partition(".")
    relation: Relation = WideRelation(table=tables[table], family=wide) if wide else TableRelation(table=tables[table])
    scan: Scan = scan_of(relation, *conditions)
    found, wanted = read(real, scan), read(local, scan)
    assert counted(found.rows) == counted(wanted.rows)
    assert wanted.rows
    assert found.touched["rows"] <= wanted.touched["rows"]
    assert found.touched["cells"] <= wanted.touched["cells"]
