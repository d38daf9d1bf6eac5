"""What a statement gives, and a statement made ready to run."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from tests.servers.tds.scope import OutputColumn


@dataclass(frozen=True, slots=True)
class Rows:
    """A result set: its columns, and the cursor that gives their rows."""

    columns: tuple[OutputColumn, ...]
    cursor: duckdb.DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Changed:
    """A statement without rows. `count` None: it counts nothing."""

    count: int | None = None


Answer = Rows | Changed


@dataclass(frozen=True, slots=True)
class Ready:
    """A statement in DuckDB's words, kept for the next time the same text comes."""

    sql: str
    columns: tuple[OutputColumn, ...] | None
    used: frozenset[str]
    version: int


class Version:
    """Counts changes of tables in the whole server, so that no session keeps a statement over a table that changed."""

    def __init__(self) -> None:
        self.number = 0
