"""Plain plans, end to end."""

from __future__ import annotations

from adapters.testing.fake import FakeSource
from tests.gateway.runtime.conftest import MakeRuntime
from tests.gateway.runtime.plans import context, fragment, plan, raw_rows, reference, rows_of


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
