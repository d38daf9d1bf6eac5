"""Result: the rows of an answer as Arrow batches, and what each source had to do with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

Status = Literal["ok", "pruned", "stale", "failed", "skipped"]
OnUnavailable = Literal["fail", "partial", "unsound"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOutcome:
    """One planned source of an answer. `rows` and `bytes` were fetched from it (raw Arrow), `seconds` from start to its last row.

    `reason` says why it was pruned, failed or skipped; `code` is the error's public code, if it failed.
    """

    node: str
    source: str
    status: Status
    rows: int = 0
    bytes: int = 0
    seconds: float = 0.0
    as_of: str | None = None
    reason: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FragmentReport:
    """What one fragment really did, for EXPLAIN ANALYZE: rows and bytes fetched, rows after projection, statements sent."""

    id: str
    node: str
    source: str
    rows: int
    bytes: int
    delivered: int
    seconds: float
    statements: tuple[str, ...] = ()
    touched: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True, kw_only=True)
class Result:
    """An answer that is still being made. Iterate `batches` once, to its end, or `close`.

    `outcomes`, `labels` and `reports` are whole once the batches are read. Labels: `partial`, `top_n_incomplete`, `lower_bound`, `unsound`.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    revision: str
    close: Callable[[], None]
    outcomes: list[NodeOutcome] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    reports: list[FragmentReport] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every planned source is in the answer. Meaningful once the batches are read."""
        return all(outcome.status in ("ok", "pruned") for outcome in self.outcomes)
