"""The example region with hospital B on a real Hive, filled by its loader: every expected row, and random statements."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.integration.region.real_region import CLONE, LOCAL, loader
from tests.region.comparison import difference
from tests.region.generator import statement
from tests.region.harness import ask, context, disagreement
from tests.region.oracle import TABLES, Oracle
from tests.region.vocabulary import Vocabulary
from tests.servers.hive import HiveServer

if TYPE_CHECKING:
    from gateway.engine import Engine


@pytest.fixture(scope="module")
def engine(hive_server: HiveServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    from gateway.app import open_engine
    from gateway.settings import load_settings

    folder = tmp_path_factory.mktemp("hospital_b")
    printed = loader("hive", hive_server.url("b_alone"), "--files", str(folder / "files"))
    assert "b_alone.ods_vitals: 7,194 rows" in printed
    config = folder / "gateway.toml"
    config.write_text(
        f'default_role = "demo"\n[catalog]\nurl = {json.dumps(str(CLONE / "mappings"))}\n'
        f'[sources.hosp_a.hbase]\nadapter = "hbase"\nurl = "cells:{LOCAL / "hospital_a_hbase"}"\n'
        f'[sources.hosp_b.hive]\nadapter = "hive"\nurl = "{hive_server.url("b_alone")}"\n'
        f'[sources.hosp_c.mssql]\nadapter = "duckdb"\nurl = "csv:{LOCAL / "hospital_c_sqlserver"}"\n'
    )
    found = open_engine(load_settings(config=config, environment={}))
    yield found
    found.close()
    hive_server.drop_database("b_alone")


def test_the_loader_may_run_again(engine: Engine, hive_server: HiveServer, tmp_path: Path) -> None:
    loader("hive", hive_server.url("b_again"), "--files", str(tmp_path / "files"))
    printed = loader("hive", hive_server.url("b_again"), "--files", str(tmp_path / "files"))
    assert "b_again.dim_patient: 265 rows" in printed
    hive_server.drop_database("b_again")


@pytest.mark.parametrize("pushdown", ["on", "off"])
@pytest.mark.parametrize("table", TABLES)
def test_every_row_and_column_comes(engine: Engine, oracle: Oracle, table: str, pushdown: str) -> None:
    answer = ask(engine, f"SELECT * FROM {table} WHERE node = 'hosp_b'", context(pushdown))
    assert answer.complete
    assert difference(answer.rows, oracle.rows(f"SELECT * FROM {table} WHERE node = 'hosp_b'")) is None


def test_random_statements_agree(engine: Engine, oracle: Oracle, vocabulary: Vocabulary) -> None:
    for seed in range(7_000_000, 7_000_020):
        drawn = statement(Random(seed), vocabulary)
        assert disagreement(engine, oracle, drawn) is None, f"seed {seed}: {drawn.sql}"
