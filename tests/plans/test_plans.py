"""Golden plans: per rule a file of statements with the plan that EXPLAIN prints. `--update-golden` rewrites them; review the diff."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.context import Principal, QueryContext

if TYPE_CHECKING:
    from gateway.engine import Engine

FOLDER = Path(__file__).parent
BETWEEN, BELOW = "=" * 8, "-" * 8


def _cases(path: Path) -> list[tuple[str, str]]:
    """(head, plan) of each case; the head is comment lines and the statement. A comment `# role: x` or `# pushdown: x` sets it."""
    blocks = [block.strip("\n") for block in path.read_text().split(f"\n{BETWEEN}\n") if block.strip()]
    return [(head.strip(), plan.strip("\n")) for head, _, plan in (block.partition(f"\n{BELOW}\n") for block in blocks)]


def _setting(head: str, name: str, default: str) -> str:
    return next((line.split(":", 1)[1].strip() for line in head.splitlines() if line.startswith(f"# {name}:")), default)


def _plan(engine: Engine, head: str) -> str:
    sql = "\n".join(line for line in head.splitlines() if not line.startswith("#"))
    context = QueryContext(
        principal=Principal(name="golden", role=_setting(head, "role", "demo")), pushdown=_setting(head, "pushdown", "on")
    )
    lines = engine.explain(sql, context).text.splitlines()
    return "\n".join(line for line in lines if not line.startswith(("plan for role", "planned in"))).strip("\n")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_plans_are_the_reviewed_ones(path, region_engine, request):
    cases = _cases(path)
    assert cases
    plans = [_plan(region_engine, head) for head, _ in cases]
    if request.config.getoption("--update-golden"):
        path.write_text(f"\n\n{BETWEEN}\n".join(f"{head}\n{BELOW}\n{plan}" for (head, _), plan in zip(cases, plans, strict=True)) + "\n")
        return
    for (head, expected), plan in zip(cases, plans, strict=True):
        assert plan == expected, head
