"""What one query may use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one query. Bytes unless said otherwise.

    `deadline`: seconds, when the caller names none. `queue_bytes`: Arrow held in memory per reference before its readers
    wait or spill. `spill_bytes`: on disk, all fragments of a query together. `spool_bytes`: of references kept as tables
    in the merge. `merge_memory`: DuckDB's memory_limit of the merge. `temp_folder`: where private spill folders are made
    (None: the system's).
    """

    deadline: float = 30.0
    queue_bytes: int = 32 << 20
    spill_bytes: int = 4 << 30
    spool_bytes: int = 1 << 30
    merge_memory: int = 1 << 30
    merge_threads: int = 2
    rows: int | None = None
    temp_folder: Path | None = None
