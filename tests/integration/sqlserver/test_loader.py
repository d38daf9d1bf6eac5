"""docker/loaders/sqlserver.py against the test server: what the compose file runs against Microsoft's image."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pyodbc
import pytest

if TYPE_CHECKING:
    from tests.servers.tds import TdsServer

_ROOT = Path(__file__).parents[3]
_DATA = _ROOT / "mappings" / "data" / "three_hospitals" / "local" / "hospital_c_sqlserver"
_DATABASE = "LoadedC"


def load(server: TdsServer, *more: str, password: str | None = None) -> subprocess.CompletedProcess[str]:
    url = f"sqlserver://{server.host}:{server.port}/{_DATABASE}"
    command = [sys.executable, str(_ROOT / "docker" / "loaders" / "sqlserver.py"), url, "--user", server.user, "--wait", "0", *more]
    return subprocess.run(command, env={**os.environ, "PASSWORD": password or server.password}, capture_output=True, text=True)


@pytest.fixture(scope="module")
def loaded(tds_server: TdsServer) -> Iterator[pyodbc.Connection]:
    """Loaded twice: the second time over what the first has made."""
    for _ in range(2):
        done = load(tds_server)
        assert done.returncode == 0, done.stderr
    connection = pyodbc.connect(tds_server.connection_string(DATABASE=_DATABASE), autocommit=True)
    yield connection
    connection.close()
    tds_server.execute_ddl(f"DROP DATABASE {_DATABASE}")


@pytest.mark.parametrize("file", sorted(_DATA.glob("*.csv")), ids=lambda file: file.stem)
def test_every_row_of_every_file_is_there_once(loaded: pyodbc.Connection, file: Path) -> None:
    with file.open(encoding="utf-8", newline="") as lines:
        rows = sum(1 for _ in csv.DictReader(lines))
    assert loaded.execute(f"SELECT COUNT(*) FROM dbo.{file.stem}").fetchval() == rows


def test_values_have_their_types_and_empty_fields_are_null(loaded: pyodbc.Connection) -> None:
    row = loaded.execute(
        "SELECT PersonID, FullName, SexId, CAST(DeathDateTime AS datetime2(7)), Zip, IsDeleted FROM dbo.Person WHERE PersonID = '00770559-B626-414A-1339-7467DD1114DA'"
    ).fetchone()
    assert tuple(row) == ("00770559-B626-414A-1339-7467DD1114DA", "Glover433, Ronny764", 1, None, "01606", False)


def test_money_and_times_are_exact(loaded: pyodbc.Connection) -> None:
    row = loaded.execute(
        "SELECT TotalCost, CAST(SWITCHOFFSET(StartDT, '+00:00') AS datetime2(7)) FROM dbo.Encounter WHERE EncounterID = 1"
    ).fetchone()
    assert tuple(row) == (Decimal("20522.4300"), datetime(2021, 1, 1, 6, 3, 47, tzinfo=UTC).replace(tzinfo=None))


def test_a_wrong_password_is_told_and_nothing_is_made(tds_server: TdsServer) -> None:
    done = load(tds_server, "--data", str(_DATA), password="not the password")
    assert done.returncode != 0
    assert "18456" in done.stderr
    assert "not the password" not in done.stderr
