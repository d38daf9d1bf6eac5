"""The DuckDB adapter keeps the contract over each kind of file."""

from __future__ import annotations

from pathlib import Path

from adapters.interface import Adapter
from adapters.testing.conformance import ConformanceSuite, Tables
from adapters.testing.value_sets import ORDERED_KINDS
from tests.adapters.duckdb.files import opened, write_csv, write_database, write_parquet


class TestParquet(ConformanceSuite):
    def open_adapter(self, tables: Tables, folder: Path) -> Adapter:
        for name, (_, rows) in tables.items():
            write_parquet(folder, name, rows)
        return opened(f"parquet:{folder}")


class TestCsv(ConformanceSuite):
    kinds = tuple(kind for kind in ORDERED_KINDS if kind != "bytes")

    def open_adapter(self, tables: Tables, folder: Path) -> Adapter:
        for name, (_, rows) in tables.items():
            write_csv(folder, name, rows)
        return opened(f"csv:{folder}")


class TestDatabaseFile(ConformanceSuite):
    def open_adapter(self, tables: Tables, folder: Path) -> Adapter:
        write_database(folder / "clinic.duckdb", {name: rows for name, (_, rows) in tables.items()})
        return opened(f"duckdb:{folder / 'clinic.duckdb'}")
