"""Hospital B as a Trino over its own partitioned Parquet files, A and C from the embedded files: every row of the region, on and off."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from adapters.trino.types import found_type, raw_type
from catalog.loader import load_catalog
from catalog.source_tables import SqlTable
from tests.integration.trino.tables import new_schema, quoted
from tests.region.comparison import difference
from tests.region.generator import statement
from tests.region.harness import ask, context, disagreement
from tests.region.oracle import TABLES, Oracle
from tests.region.vocabulary import Vocabulary
from tests.servers.trino import TrinoServer

if TYPE_CHECKING:
    from gateway.engine import Engine

MAPPINGS = Path(__file__).resolve().parents[3] / "mappings"
LOCAL = MAPPINGS / "data" / "three_hospitals" / "local"
COLUMNS = {
    "dim_patient": "pid varchar, lname varchar, fname varchar, sex varchar, birth varchar, deceased varchar, id_card varchar, "
    "contact map(varchar, varchar), imm array(row(given varchar, cvx integer))",
    "dwd_visit": "visit_id varchar, pid varchar, vtype varchar, adm_time varchar, dis_time varchar, chief varchar, total_fee varchar, "
    "diags array(row(seq integer, code varchar, name varchar, onset varchar, ended varchar)), "
    "meds array(row(rxcui bigint, name varchar, start_ms bigint, stop_ms bigint)), yr integer",
    "ods_vitals": "rec_id bigint, pid varchar, visit_id varchar, item_cd varchar, val varchar, unit varchar, ts_ms bigint, yr integer",
    "ods_lis": "rec_id bigint, pid varchar, visit_id varchar, item_cd varchar, val varchar, unit varchar, rpt_time varchar, yr integer",
}


@pytest.fixture(scope="module")
def schema(trino_server: TrinoServer) -> Iterator[str]:
    """External tables over copies of hospital B's files, as an administrator of a Trino makes them."""
    with new_schema(trino_server, "hive") as name:
        shutil.copytree(LOCAL / "hospital_b_hive", trino_server.warehouse / name)
        for table, columns in COLUMNS.items():
            location = f"external_location = 'local:///{name}/{table}', format = 'PARQUET'"
            partitioned = ", partitioned_by = ARRAY['yr']" if "yr integer" in columns else ""
            trino_server.execute(f"CREATE TABLE hive.{name}.{quoted(table)} ({columns}) WITH ({location}{partitioned})")
            if partitioned:
                trino_server.execute(f"CALL hive.system.sync_partition_metadata('{name}', '{table}', 'ADD')")
        yield name


@pytest.fixture(scope="module")
def engine(trino_server: TrinoServer, schema: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    from gateway.app import open_engine
    from gateway.settings import load_settings

    config = tmp_path_factory.mktemp("settings") / "gateway.toml"
    config.write_text(
        f"""default_role = "demo"

[catalog]
url = {json.dumps(str(MAPPINGS))}

[sources.hosp_a.hbase]
adapter = "hbase"
url = "cells:{LOCAL}/hospital_a_hbase"

[sources.hosp_b.hive]
adapter = "trino"
url = "{trino_server.url("hive", schema)}"
options = {{user = "gateway"}}

[sources.hosp_c.mssql]
adapter = "duckdb"
url = "csv:{LOCAL}/hospital_c_sqlserver"
"""
    )
    opened = open_engine(load_settings(config=config, environment={}))
    try:
        yield opened
    finally:
        opened.close()


@pytest.mark.parametrize("pushdown", ["on", "off"])
@pytest.mark.parametrize("table", TABLES)
def test_every_row_and_column(engine: Engine, oracle: Oracle, table: str, pushdown: str) -> None:
    answer = ask(engine, f"SELECT * FROM {table}", context(pushdown))
    assert answer.complete
    assert difference(answer.rows, oracle.rows(f"SELECT * FROM {table}")) is None


def test_random_statements_agree_with_pushdown_on_and_off_and_with_the_expected_rows(
    engine: Engine, oracle: Oracle, vocabulary: Vocabulary
) -> None:
    for seed in range(5_000_000, 5_000_015):
        drawn = statement(Random(seed), vocabulary)
        assert disagreement(engine, oracle, drawn) is None, f"seed {seed}: {drawn.sql}"


def test_a_year_of_visits_reads_the_partitions_of_that_year(engine: Engine, trino_server: TrinoServer) -> None:
    """What is sent lets Trino leave the files of other years alone."""
    sql = "SELECT encounter_id FROM encounter WHERE node = 'hosp_b' AND period_start >= '2024-03-01' AND period_start < '2024-06-01'"
    result = engine.run(sql, context())
    rows = sum(batch.num_rows for batch in result.batches)
    (sent,) = [sent for report in result.reports for sent in report.statements]
    result.close()
    plan = str(trino_server.execute(f"EXPLAIN {sent}")[0][0])
    assert rows > 0
    assert "yr:int:PARTITION_KEY" in plan
    assert ":: [[2024]]" in plan


def test_the_columns_here_are_those_of_the_mapping() -> None:
    """As node.yaml declares them, but for words that mean the same."""
    tables = load_catalog(MAPPINGS).nodes["hosp_b"].sources["hive"].tables
    for name, columns in COLUMNS.items():
        table = tables[name]
        assert isinstance(table, SqlTable)
        made = found_type(f"row({columns})").children
        assert [column for column, _ in made] == [column.name for column in table.columns]
        for (_, type), column in zip(made, table.columns, strict=True):
            assert str(raw_type(type)).replace("bigint", "integer") == str(column.type).replace("bigint", "integer")
