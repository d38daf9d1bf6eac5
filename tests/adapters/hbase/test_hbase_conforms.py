"""The HBase adapter keeps the contract over a local cell store."""

from __future__ import annotations

from pathlib import Path

from adapters.hbase import open_source
from adapters.interface import Adapter
from adapters.testing.conformance import ConformanceSuite, Tables
from tests.adapters.hbase.cells import write_cells
from tests.adapters.hbase.layouts import source_of
from tests.adapters.hbase.relational import KINDS, RelationalView, cells_of, layout_of


class TestHBase(ConformanceSuite):
    kinds = KINDS

    def open_adapter(self, tables: Tables, folder: Path) -> Adapter:
        layouts = {name: layout_of(table) for name, (table, _) in tables.items()}
        for name, (table, rows) in tables.items():
            write_cells(folder, name, [cell for row in rows.to_pylist() for cell in cells_of(table, row)])
        return RelationalView(open_source(source_of(*layouts.values(), url=f"cells:{folder}")), layouts)
