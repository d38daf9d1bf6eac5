"""Hospital C in PostgreSQL instead of SQL Server, A and B from the embedded files: every row of the region, pushdown on and off."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from adapters.arrow_types import scan_schema
from adapters.interface import ReadContext, Scan
from catalog.relations import TableRelation
from catalog.source_tables import SqlTable
from tests.integration.postgres.tables import put, schema_of_its_own
from tests.region.comparison import difference
from tests.region.generator import statement
from tests.region.harness import ask, context, disagreement
from tests.region.oracle import TABLES, Oracle
from tests.region.region import region_snapshot
from tests.region.vocabulary import Vocabulary

if TYPE_CHECKING:
    from gateway.engine import Engine
    from tests.servers.postgres import PostgresServer

MAPPINGS = Path(__file__).resolve().parents[3] / "mappings"
LOCAL = MAPPINGS / "data" / "three_hospitals" / "local"


@pytest.fixture(scope="module")
def schema(postgres_server: PostgresServer) -> Iterator[str]:
    """Hospital C's tables, of the types that node.yaml declares and under the names that it has (with capitals)."""
    from gateway.app import open_sources
    from gateway.settings import load_settings

    snapshot = region_snapshot()
    files = open_sources(snapshot, load_settings(environment={}))
    with schema_of_its_own(postgres_server) as name:
        with postgres_server.connect() as connection:
            for table in snapshot.nodes["hosp_c"].sources["mssql"].tables.values():
                assert isinstance(table, SqlTable)
                scan = Scan(relation=TableRelation(table=table), columns=tuple(column.name for column in table.columns))
                adapter = files("hosp_c", "mssql")
                limits = ReadContext(deadline=time.monotonic() + 60)
                batches = [batch for split in adapter.splits(scan) for batch in adapter.read(split, limits)]
                put(connection, name, table, pa.Table.from_batches(batches, schema=scan_schema(scan)))
            connection.execute("ANALYZE")
        files.close()
        yield name


@pytest.fixture(scope="module")
def engine(postgres_server: PostgresServer, schema: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
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
adapter = "duckdb"
url = "parquet:{LOCAL}/hospital_b_hive"

[sources.hosp_c.mssql]
adapter = "postgres"
url = {json.dumps(postgres_server.url)}

[sources.hosp_c.mssql.options]
user = {json.dumps(postgres_server.user)}
password = "env:HOSP_C_PASSWORD"
schema = {json.dumps(schema)}
tls_ca = {json.dumps(str(postgres_server.certificates.authority))}
"""
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOSP_C_PASSWORD", postgres_server.password)
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
    for seed in range(6_000_000, 6_000_010):
        drawn = statement(Random(seed), vocabulary)
        assert disagreement(engine, oracle, drawn) is None, f"seed {seed}: {drawn.sql}"


def test_a_patient_is_looked_up_by_the_index(engine: Engine, postgres_server: PostgresServer, schema: str) -> None:
    """What is sent names the key as PostgreSQL's own uuid, and the answer needs few rows."""
    with postgres_server.connect() as connection:
        person = connection.execute(f'SELECT "PersonID", "FullName" FROM "{schema}"."Person" WHERE NOT "IsDeleted" LIMIT 1').fetchone()
    assert person is not None
    key = str(person[0]).upper()
    result = engine.run(f"SELECT family_name FROM patient WHERE node = 'hosp_c' AND patient_id = '{key}'", context())
    rows = [row for batch in result.batches for row in batch.to_pylist()]
    sent = [sent for report in result.reports for sent in report.statements]
    result.close()
    assert [row["family_name"] for row in rows] == [person[1].partition(",")[0]]
    assert any('"PersonID" = CAST($2 AS UUID)' in text for text in sent), sent
