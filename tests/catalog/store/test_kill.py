"""A writing process is killed with SIGKILL: before each of its calls, and at random moments (10,000 of them: tests/catalog/store/many.py)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

CLONE = Path(__file__).resolve().parents[3]


@pytest.mark.slow
def test_a_killed_writer_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.catalog.store.many", "300", "--folder", str(tmp_path)]
    run = subprocess.run(command, cwd=CLONE, capture_output=True, text=True, timeout=280)
    assert run.returncode == 0, run.stderr[-2000:]
    each, records = re.search(r"^(\d+) kills", run.stdout), re.search(r"records written: (\d+)", run.stdout)
    assert each is not None and int(each[1]) > 60, "the process has at least so many calls to be killed before"
    assert records is not None and int(records[1]) > 100, "processes that never write would prove nothing"
