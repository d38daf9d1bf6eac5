"""The fake source keeps the contract in each way it can filter."""

from __future__ import annotations

from pathlib import Path

from adapters.interface import Adapter
from adapters.testing.conformance import ConformanceSuite, Tables
from adapters.testing.fake import Behaviour, FakeSource


class _FakeConformance(ConformanceSuite):
    behaviour = Behaviour()

    def open_adapter(self, tables: Tables, folder: Path) -> Adapter:
        return FakeSource({name: rows for name, (_, rows) in tables.items()}, self.behaviour)


class TestExactFake(_FakeConformance):
    behaviour = Behaviour(filters="exact", splits=3)


class TestFakeThatReturnsMore(_FakeConformance):
    behaviour = Behaviour(filters="more")


class TestFakeThatClaimsNothing(_FakeConformance):
    behaviour = Behaviour(filters="none", limit=False)
