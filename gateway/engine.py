"""The engine: plan, run, explain. The only way in for every front door and job, so that nobody goes around the guard."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adapters.interface import Adapter, Capabilities, Exactness, Scan, SourceError, SourceProfile, Verdict
from catalog.conditions import Unknown
from catalog.errors import Problem
from catalog.model import CatalogSnapshot
from gateway.context import QueryContext
from gateway.limits import Limits
from gateway.planner.explain import explain_document, explain_text
from gateway.planner.plan import Plan
from gateway.planner.planner import Planner
from gateway.result import Result
from gateway.runtime.run import Runtime

AdapterOf = Callable[[str, str], Adapter]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A plan for people (`text`) and for programs (`document`, JSON-able)."""

    text: str
    document: dict[str, Any]


class Engine:
    """One catalog revision and its sources. `adapters` (node, source) opens or returns a source's adapter; it may raise SourceError."""

    def __init__(self, snapshot: CatalogSnapshot, adapters: AdapterOf, limits: Limits, token_key: bytes) -> None:
        self.snapshot, self.limits = snapshot, limits
        self._adapters = adapters
        self._planner = Planner(snapshot, self._profile)
        self._runtime = Runtime(adapters, limits, token_key)

    def plan(self, sql: str, context: QueryContext) -> Plan:
        """Raises GatewayError. Touches no source beyond opening its adapter."""
        return self._planner.plan(sql, context, time.perf_counter)

    def run(self, sql: str, context: QueryContext) -> Result:
        """The answer, still being made: read its batches to the end or close it. Raises GatewayError."""
        return self._runtime.run(self.plan(sql, context), context)

    def explain(self, sql: str, context: QueryContext) -> Explanation:
        plan = self.plan(sql, context)
        return Explanation(text=explain_text(plan, self._profile), document=explain_document(plan, self._profile))

    def check_catalog(self) -> tuple[Problem, ...]:
        """What is wrong with views and policies: the loader's checks end where SQL must be bound."""
        return self._planner.check()

    def close(self) -> None:
        self._runtime.close()

    def _profile(self, node: str, source: str) -> SourceProfile:
        try:
            return self._adapters(node, source)
        except SourceError:
            return _Unopened()


class _Unopened:
    """The profile of a source whose adapter could not be opened: nothing is pushed, and the read will report why."""

    capabilities = Capabilities()

    def classify(self, scan: Scan) -> list[Verdict]:
        return [Verdict(Exactness.REFUSE, Unknown(), "the source could not be opened") for _ in scan.conditions]

    def explain(self, _scan: Scan, /) -> str:
        return "nothing: the source could not be opened"
