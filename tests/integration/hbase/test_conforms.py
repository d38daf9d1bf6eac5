"""The HBase adapter keeps the contract over a real HBase, with tables of several regions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.hbase import open_source
from adapters.interface import Adapter
from adapters.testing.conformance import ConformanceSuite, Tables
from tests.adapters.hbase.layouts import source_of
from tests.adapters.hbase.relational import KINDS, MARK, RelationalView, cells_of, layout_of
from tests.integration.hbase.stored import stored
from tests.servers.hbase import HBaseServer


class TestHBaseOverThrift(ConformanceSuite):
    kinds = KINDS
    _server: HBaseServer

    @pytest.fixture(autouse=True)
    def _running(self, hbase_server: HBaseServer) -> None:
        self._server = hbase_server

    def open_adapter(self, tables: Tables, folder: Path) -> Adapter:
        layouts = {}
        for name, (table, rows) in tables.items():
            layout = layout_of(table)
            cells = [cell for row in rows.to_pylist() for cell in cells_of(table, row)]
            families = [cell.family for cell in layout.cells if cell.name in rows.column_names or cell.name == MARK.name]
            layouts[name] = replace(layout, name=stored(self._server, name, cells, families, splits=[b"1", b"3"]))
        return RelationalView(open_source(source_of(*layouts.values(), url=self._server.url)), layouts)
