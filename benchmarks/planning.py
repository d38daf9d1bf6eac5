"""Planning time of a point lookup and of a three-table join, over few and many hospitals, and where it goes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.replicated import replicated_region
from gateway.context import Principal, QueryContext
from gateway.engine import Engine

STATEMENTS = {
    "point lookup": "SELECT loinc_code, value, unit, effective_at FROM vital_sign WHERE patient_id = '24511861' AND effective_at >= '2024-01-01'",
    "three-table join": "SELECT p.node, p.patient_id, e.encounter_id, l.value FROM patient AS p JOIN encounter AS e ON e.node = p.node AND e.patient_id = p.patient_id "
    "JOIN lab_result AS l ON l.node = e.node AND l.patient_id = e.patient_id WHERE l.loinc_code = '4548-4' AND l.value >= 6.5 AND p.sex = 'female' AND e.period_start >= '2025-01-01'",
}
CONTEXT = QueryContext(principal=Principal(name="benchmark", role="demo"))


@dataclass(frozen=True, slots=True)
class PlanningTime:
    """Milliseconds. `cold`: the first plan of a new engine. `stages`: medians of the repeated runs."""

    nodes: int
    statement: str
    fragments: int
    cold: float
    least: float
    median: float
    most: float
    stages: dict[str, float]


def planning_times(nodes: int, repeats: int) -> Iterator[PlanningTime]:
    for title, sql in STATEMENTS.items():
        with replicated_region(nodes) as engine:
            yield _measure(engine, nodes, title, sql, repeats)


def _measure(engine: Engine, nodes: int, title: str, sql: str, repeats: int) -> PlanningTime:
    cold, _ = _timed(engine, sql)
    runs = [_timed(engine, sql) for _ in range(repeats)]
    wall = [milliseconds for milliseconds, _ in runs]
    stages = {stage: statistics.median(timings[stage] for _, timings in runs) for stage in runs[0][1]}
    fragments = len(engine.plan(sql, CONTEXT).fragments)
    return PlanningTime(nodes, title, fragments, cold, min(wall), statistics.median(wall), max(wall), stages)


def _timed(engine: Engine, sql: str) -> tuple[float, dict[str, float]]:
    started = time.perf_counter()
    plan = engine.plan(sql, CONTEXT)
    return (time.perf_counter() - started) * 1000, dict(plan.timings)
