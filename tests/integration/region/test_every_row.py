"""Every row and column of the eight expected tables from real HBase, real HiveServer2 and the TDS server at once."""

from __future__ import annotations

import os
import subprocess
import sys
from random import Random
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tests.integration.region.real_region import RealRegion
from tests.region.comparison import difference
from tests.region.generator import statement
from tests.region.harness import ask, context, disagreement
from tests.region.oracle import TABLES, Oracle
from tests.region.vocabulary import Vocabulary

if TYPE_CHECKING:
    from gateway.engine import Engine


def query(region: RealRegion, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "gateway", "query", *arguments, "--config", str(region.config)]
    return subprocess.run(command, capture_output=True, env={**os.environ, **region.secrets}, timeout=120, check=False)


@pytest.mark.parametrize("pushdown", ["on", "off"])
@pytest.mark.parametrize("table", TABLES)
def test_the_command_line_gives_every_row_and_column(real_region: RealRegion, oracle: Oracle, table: str, pushdown: str) -> None:
    done = query(real_region, f"SELECT * FROM {table}", "--format", "arrow", "--pushdown", pushdown)
    assert done.returncode == 0, done.stderr.decode()
    rows = pa.ipc.open_stream(done.stdout).read_all()
    assert difference(rows, oracle.rows(f"SELECT * FROM {table}")) is None
    for node in ("hosp_a", "hosp_b", "hosp_c"):
        assert node in done.stderr.decode()


@pytest.mark.parametrize("pushdown", ["filter", "project", "limit"])
@pytest.mark.parametrize("table", TABLES)
def test_each_rule_alone_gives_every_row_and_column(real_engine: Engine, oracle: Oracle, table: str, pushdown: str) -> None:
    answer = ask(real_engine, f"SELECT * FROM {table}", context(pushdown))
    assert answer.complete
    assert difference(answer.rows, oracle.rows(f"SELECT * FROM {table}")) is None


def test_random_statements_agree_with_pushdown_on_and_off_and_with_the_expected_rows(
    real_engine: Engine, oracle: Oracle, vocabulary: Vocabulary
) -> None:
    for seed in range(4_000_000, 4_000_060):
        drawn = statement(Random(seed), vocabulary)
        assert disagreement(real_engine, oracle, drawn) is None, f"seed {seed}: {drawn.sql}"


@pytest.mark.parametrize(
    ("sql", "sent"),
    [
        (
            "SELECT node, value FROM vital_sign WHERE patient_id = '0115BE18-88B3-2CB3-1CC9-8BFC05E4CA7A'",
            {"hosp_c": "PersonID"},
        ),
        ("SELECT node, code FROM condition WHERE code = 'E11.9'", {"hosp_b": "LATERAL VIEW"}),
    ],
)
def test_what_is_pushed_is_in_the_statement_of_its_hospital(real_engine: Engine, sql: str, sent: dict[str, str]) -> None:
    shown = real_engine.explain(sql, context())
    for node, word in sent.items():
        assert word in str(shown), (node, word)
