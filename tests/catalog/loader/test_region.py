"""The example region loads, and its tables are just those of the expected rows."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from catalog.loader import load_catalog
from catalog.model import CatalogSnapshot
from catalog.source_tables import SqlTable

REGION = Path(__file__).parents[3] / "mappings"
EXPECTED = REGION / "data" / "three_hospitals" / "expected"
TABLES = ("condition", "encounter", "immunization", "lab_result", "medication", "notifiable_case", "patient", "vital_sign")
# The Parquet files hold dates as ISO text and total_cost as a double (README of the data): the catalog types them.
DATES = {"onset_date", "abatement_date", "occurrence_date", "birth_date", "death_date"}
TYPES = {"string": "text", "double": "double", "timestamp[us, tz=UTC]": "timestamp"}


@pytest.fixture(scope="module")
def region() -> CatalogSnapshot:
    return load_catalog(REGION)


def test_the_region_has_three_hospitals_eight_tables_and_a_binding_of_each(region: CatalogSnapshot) -> None:
    assert tuple(sorted(region.tables)) == TABLES
    assert sorted(region.nodes) == ["hosp_a", "hosp_b", "hosp_c"]
    bound = {(binding.node, binding.table) for binding in region.bindings}
    assert bound == {(node, table) for node in region.nodes for table in TABLES if table != "notifiable_case"}
    assert region.tables["notifiable_case"].view is not None


@pytest.mark.parametrize("table", TABLES)
def test_a_table_has_the_columns_of_its_expected_rows_in_order(table: str, region: CatalogSnapshot) -> None:
    schema = pq.read_schema(EXPECTED / f"{table}.parquet")
    expected = {field.name: TYPES[str(field.type)] for field in schema}
    expected |= {name: "date" for name in expected if name in DATES}
    if table == "encounter":
        expected["total_cost"] = "decimal(19,4)"
    found = {name: str(column.type) for name, column in region.tables[table].columns.items()}
    assert list(found.items()) == list(expected.items())


@pytest.mark.parametrize("table", TABLES)
def test_a_column_that_is_never_null_is_not_null_in_the_expected_rows(table: str, region: CatalogSnapshot) -> None:
    rows = pq.read_table(EXPECTED / f"{table}.parquet")
    for column in region.tables[table].columns.values():
        if not column.nullable or column.name in region.tables[table].key:
            assert rows.column(column.name).null_count == 0, column.name
        if column.values:
            assert set(rows.column(column.name).to_pylist()) <= {*column.values, None}, column.name


@pytest.mark.parametrize("table", TABLES)
def test_the_key_of_a_table_names_each_expected_row_once(table: str, region: CatalogSnapshot) -> None:
    rows = pq.read_table(EXPECTED / f"{table}.parquet").select(region.tables[table].key)
    assert rows.group_by(rows.column_names).aggregate([]).num_rows == rows.num_rows


def test_every_table_and_column_is_described(region: CatalogSnapshot) -> None:
    undescribed = [f"{t.name}.{c.name}" for t in region.tables.values() for c in t.columns.values() if not c.description]
    assert undescribed == []
    assert all(table.description for table in region.tables.values())


def test_relationships_from_one_side_have_their_counterpart(region: CatalogSnapshot) -> None:
    pairs = {(t.name, r.table, r.many) for t in region.tables.values() for r in t.relationships.values()}
    assert {(other, one) for one, other, many in pairs if not many and one != "notifiable_case"} == {
        (one, other) for one, other, many in pairs if many
    }


def test_sources_are_the_real_databases_and_secrets_stay_outside(region: CatalogSnapshot) -> None:
    sources = [source for node in region.nodes.values() for source in node.sources.values()]
    assert {source.adapter for source in sources} == {"hbase", "hive", "sqlserver"}
    assert all(source.url is not None and source.url.startswith("env:") for source in sources)


def test_the_declared_columns_of_hospital_b_are_those_of_its_files(region: CatalogSnapshot) -> None:
    for name, table in region.nodes["hosp_b"].sources["hive"].tables.items():
        assert isinstance(table, SqlTable)
        file = next((REGION / "data" / "three_hospitals" / "local" / "hospital_b_hive" / name).rglob("*.parquet"))
        partitions = [partition.column for partition in table.partitions]
        assert [column.name for column in table.columns] == [*pq.read_schema(file).names, *partitions]


def test_the_declared_columns_of_hospital_c_are_those_of_its_files(region: CatalogSnapshot) -> None:
    for name, table in region.nodes["hosp_c"].sources["mssql"].tables.items():
        assert isinstance(table, SqlTable)
        with (REGION / "data" / "three_hospitals" / "local" / "hospital_c_sqlserver" / f"{name}.csv").open() as file:
            assert [column.name for column in table.columns] == file.readline().strip().split(",")


def test_the_demo_role_sees_everything_and_the_analyst_does_not(region: CatalogSnapshot) -> None:
    demo, analyst = region.policies["demo"], region.policies["analyst"]
    assert set(demo.tables) == set(TABLES)
    assert not demo.tag_masks and not demo.column_masks
    assert set(analyst.tables) == {"patient", "vital_sign"}
    columns = region.tables["patient"].columns
    assert [analyst.mask_of("patient", columns[name]) for name in ("patient_id", "birth_date", "phone", "city")] == [
        "token", "year", "null", None,
    ]  # fmt: skip


def test_the_code_maps_are_the_published_ones(region: CatalogSnapshot) -> None:
    for name, lookup in region.lookups.items():
        assert lookup.digest == hashlib.sha256((REGION / "codes" / f"{name}.csv").read_bytes()).hexdigest()
    assert {name: len(lookup.rows) for name, lookup in region.lookups.items()} == {"code_map": 298, "loinc": 23}
    assert len(region.units.conversions) == 18
    assert region.units.spellings["次/分"] == "/min"
