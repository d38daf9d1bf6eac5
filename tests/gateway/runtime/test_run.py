"""Plain plans, end to end."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from adapters.testing.fake import FakeSource
from tests.gateway.runtime.conftest import MakeRuntime
from tests.gateway.runtime.plans import context, fragment, plan, raw_rows, reference, rows_of

ROOT = Path(__file__).parents[3]


def test_the_rows_of_two_nodes_come_together(make_runtime: MakeRuntime) -> None:
    runtime = make_runtime({"hosp_a": FakeSource(raw_rows(3)), "hosp_b": FakeSource(raw_rows(2, 10))})
    result = runtime.run(
        plan("SELECT node, pid FROM r0", ["node", "pid"], reference("r0", fragment("hosp_a"), fragment("hosp_b"))), context()
    )
    assert result.schema.names == ["node", "pid"]
    assert rows_of(result) == [("hosp_a", 0), ("hosp_a", 1), ("hosp_a", 2), ("hosp_b", 10), ("hosp_b", 11)]
    assert result.complete
    assert [(o.node, o.status, o.rows) for o in result.outcomes] == [("hosp_a", "ok", 3), ("hosp_b", "ok", 2)]
    assert result.labels == []


def test_a_process_that_ends_in_the_middle_of_a_query_ends_quietly(folder: Path) -> None:
    """Threads that are inside DuckDB when Python ends would abort the process."""
    code = textwrap.dedent("""
        import contextlib, pathlib, sys
        from adapters.testing.fake import Behaviour, FakeSource
        from gateway.errors import SourceFailure
        from gateway.limits import Limits
        from gateway.runtime.run import Runtime
        from tests.gateway.runtime.plans import adapters_of, context, fragment, plan, raw_rows, reference
        sources = {"a": FakeSource(raw_rows(50_000), Behaviour(delay=0.02)), "b": FakeSource(raw_rows(50_000), Behaviour(hangs_after=1))}
        runtime = Runtime(adapters_of(sources), Limits(temp_folder=pathlib.Path(sys.argv[1])), b"key")
        stream = reference("r0", fragment("a"), fragment("b", row_wise=False))
        result = runtime.run(plan("SELECT pid FROM r0", ["pid"], stream), context())
        with contextlib.suppress(SourceFailure):  # one time in thirty DuckDB waits for more rows before it gives the first ones
            next(result.batches)
    """)
    ended = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, timeout=30, cwd=ROOT)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert not list(folder.iterdir())
