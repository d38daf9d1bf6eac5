"""What a compiled binding offers the planner: forward projection and inversion of predicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlglot import exp

from catalog.conditions import Condition
from catalog.model import TableBinding
from catalog.predicates import Predicate
from catalog.types import Type


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupTable:
    """A small table the projection joins with. `name` is a digest of its content: equal names hold equal rows."""

    name: str
    columns: tuple[tuple[str, Type], ...]
    rows: tuple[tuple[object, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """The forward direction: virtual rows from raw rows, as one DuckDB SELECT over the table `raw`.

    `query` yields the asked virtual columns in the asked order, each cast to its declared type, with lookups, binding
    `where` (again), dedupe, latest_by, `keep` and checks applied. `raw_columns` are the raw columns it reads (delivered
    under the names of relation_columns). `tables` must exist before it runs. `row_wise`: each raw row stands alone, so it
    may run batch by batch (no dedupe, no latest_by).
    """

    raw_columns: tuple[str, ...]
    query: exp.Select
    tables: tuple[LookupTable, ...]
    row_wise: bool


class CompiledBinding(Protocol):
    """One binding, parsed and typed. Pure; made once per revision."""

    @property
    def binding(self) -> TableBinding: ...

    def project(self, columns: Sequence[str]) -> Projection:
        """The forward projection to these virtual columns (`node` included where asked)."""
        ...

    def invert(self, predicate: Predicate) -> Condition:
        """Which raw rows can make the predicate TRUE, with derived partition tests, and only what may pass below a latest_by."""
        ...

    def own_conditions(self) -> tuple[tuple[str, Condition], ...]:
        """The binding's `where`, `keep` and dropped lookups as (text, condition): pushed like the user's conjuncts."""
        ...

    @property
    def drops_rows_at_gateway(self) -> bool:
        """Whether dedupe, latest_by or a check drops rows after the source: no LIMIT goes below."""
        ...
