"""The Plan: what the planner hands to the runtime. Frozen; prints as EXPLAIN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from adapters.interface import Exactness, Scan
from catalog.binding import LookupTable
from catalog.conditions import Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class ConjunctDecision:
    """What became of one conjunct at one source. `text` is its SQL, `pushed` what the source applies (None: nothing).

    `hidden` True: it comes from the role's policy, and EXPLAIN for that role does not show it.
    """

    text: str
    origin: Literal["query", "policy", "mapping"]
    exactness: Exactness
    pushed: Condition | None
    reason: str

    @property
    def hidden(self) -> bool:
        return self.origin == "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunedBinding:
    """A binding that cannot contribute a row, and why."""

    node: str
    source: str
    binding: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """One read of one source for one reference: the scan sent, and the projection that makes virtual rows of its raw rows.

    `projection` is DuckDB SQL over the table `raw` (columns: scan.columns), ending in the role's row filter and masks; it
    yields Reference.columns in order. `row_wise`: it may run batch by batch. `guarded`: a policy
    hides rows of it from the role, so nobody is told what was sent, read or fetched, only what was delivered. `token_key`: it reads the table `token_key`
    (the pads of the role's keyed hash), which only the projection engine has.
    """

    id: str
    node: str
    source: str
    binding: str
    scan: Scan
    projection: str
    tables: tuple[LookupTable, ...]
    row_wise: bool
    conjuncts: tuple[ConjunctDecision, ...] = ()
    guarded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One reference to a virtual table in the merge query: an Arrow stream named `name`, the union of its fragments.

    `columns`: (name, DuckDB type). `spool`: it becomes a table first, because the merge may scan it more than once or needs its size to order joins.
    `unsound`: why a missing node would make the answer wrong; None if it would only lose rows.
    """

    name: str
    table: str
    alias: str
    columns: tuple[tuple[str, str], ...]
    fragments: tuple[Fragment, ...]
    pruned: tuple[PrunedBinding, ...] = ()
    spool: bool = False
    unsound: str | None = None
    aggregated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A statement, ready to run.

    `sql` is the user's text; `inner` the bound statement in DuckDB's dialect over the virtual tables (schema.table), the
    oracle of the property tests; `merge` the same over the references' names. `top_n`: ORDER BY with LIMIT at the top.
    `max_rows`: the role's cap, None is none. `timings`: stage of planning to milliseconds.
    """

    sql: str
    inner: str
    merge: str
    references: tuple[Reference, ...]
    revision: str
    role: str
    pushdown: str
    columns: tuple[str, ...]
    top_n: bool = False
    max_rows: int | None = None
    timings: Mapping[str, float] = field(default_factory=dict)

    @property
    def fragments(self) -> tuple[Fragment, ...]:
        return tuple(fragment for reference in self.references for fragment in reference.fragments)
