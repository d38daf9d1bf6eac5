"""expand, prune, push down and cut: one reference becomes one fragment per binding that can contribute, each with the least it must read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sqlglot import exp

from adapters.interface import Exactness, Scan, SourceProfile, Verdict
from catalog.binding import CompiledBinding, LookupTable
from catalog.conditions import Always, Condition, Never, Test, Unknown, all_of, is_exact, narrowed
from catalog.predicates import Atom, Conjunction, Opaque, Predicate
from catalog.relations import Relation, relation_columns
from gateway.planner.guard import LeafGuard
from gateway.planner.leaves import Leaf, LeafConjunct
from gateway.planner.plan import ConjunctDecision, Fragment, PrunedBinding
from gateway.planner.shared_cache import SharedCache
from gateway.planner.switches import Switches

Origin = Literal["query", "policy", "mapping"]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A conjunct on its way to one source."""

    text: str
    origin: Origin
    condition: Condition
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyProjection:
    """A projection under a policy, rendered. `guard` is kept so that its identity stays taken as long as the text is."""

    sql: str
    raw_columns: tuple[str, ...]
    all_raw_columns: tuple[str, ...]
    tables: tuple[LookupTable, ...]
    row_wise: bool
    guard: LeafGuard


ProjectionKey = tuple[str, str, tuple[str, ...], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What one reference needs of the sources, and whether the statement's LIMIT may go below (None: no limit).

    `hides_rows`: a policy's row filter stands over it, its own or a view's.
    """

    leaf: Leaf
    guard: LeafGuard
    switches: Switches
    limit: int | None
    ready: SharedCache[ProjectionKey, ReadyProjection]
    hides_rows: bool

    def fragment(self, compiled: CompiledBinding, profile: SourceProfile, index: int) -> Fragment | PrunedBinding:
        binding = compiled.binding
        asked = self._asked(compiled) if self.switches.filter else []
        why = _contradiction(asked) if self.switches.filter else None
        if why is not None:
            return PrunedBinding(node=binding.node, source=binding.source, binding=binding.name, reason=why)
        ready = self._ready(compiled)
        read = ready.raw_columns if self.switches.project else ready.all_raw_columns
        conditions = tuple(a.condition for a in asked)
        verdicts = profile.classify(Scan(relation=binding.relation, columns=read, conditions=conditions)) if conditions else ()
        pushed = tuple(v.pushed for v in verdicts if v.exactness is not Exactness.REFUSE and not isinstance(v.pushed, Unknown | Always))
        limit = self._limit(compiled, profile, asked, verdicts)
        scan = Scan(relation=binding.relation, columns=_ordered(read, binding.relation), conditions=pushed, limit=limit)
        return Fragment(
            id=f"{self.leaf.name}.{index}",
            node=binding.node,
            source=binding.source,
            binding=binding.name,
            scan=scan,
            projection=ready.sql,
            tables=ready.tables,
            row_wise=ready.row_wise,
            guarded=self.hides_rows,
            conjuncts=tuple(_decision(a, v) for a, v in zip(asked, verdicts, strict=True)) + self._masked_decisions(),
        )

    def _ready(self, compiled: CompiledBinding) -> ReadyProjection:
        """The guarded projection's text; made once for the same binding, columns and policy."""
        key = (compiled.binding.node, compiled.binding.name, tuple(self.leaf.columns), id(self.guard))
        return self.ready.get(key, lambda: self._make_ready(compiled))

    def _make_ready(self, compiled: CompiledBinding) -> ReadyProjection:
        table = self.leaf.table
        wanted = set(self.leaf.columns) | self.guard.filter_columns
        projection = compiled.project([name for name in table.columns if name in wanted])
        return ReadyProjection(
            sql=render(self.guard.apply(projection.query, table, self.leaf.columns)),
            raw_columns=projection.raw_columns,
            all_raw_columns=compiled.project(list(table.columns)).raw_columns,
            tables=projection.tables,
            row_wise=projection.row_wise,
            guard=self.guard,
        )

    def _asked(self, compiled: CompiledBinding) -> list[_Asked]:
        asked = [_Asked(text, "mapping", condition, "") for text, condition in compiled.own_conditions()]
        asked += [_Asked(text, "policy", compiled.invert(predicate), "") for text, predicate in self.guard.conjuncts]
        allowed = [c for c in self.leaf.conjuncts if self.guard.allows(c.predicate)]
        asked += [_Asked(c.text, "policy", compiled.invert(c.predicate), "") for c in allowed if c.hidden]
        for conjunct in grouped([c for c in allowed if not c.hidden]):
            condition = compiled.invert(conjunct.predicate)
            reason = _why_unknown(conjunct.predicate, compiled) if isinstance(condition, Unknown) else ""
            asked.append(_Asked(conjunct.text, "query", condition, reason))
        return _within_each_other(asked)

    def _masked_decisions(self) -> tuple[ConjunctDecision, ...]:
        reason = "the column is masked for this role, and the condition must see the mask"
        masked = [c for c in self.leaf.conjuncts if not c.hidden and not self.guard.allows(c.predicate)]
        return tuple(ConjunctDecision(text=c.text, origin="query", exactness=Exactness.REFUSE, pushed=None, reason=reason) for c in masked)

    def _limit(self, compiled: CompiledBinding, profile: SourceProfile, asked: Sequence[_Asked], verdicts: Sequence[Verdict]) -> int | None:
        """A LIMIT goes down only where the source drops and keeps just the rows that the statement does (pushdown rule 6)."""
        if self.limit is None or not self.switches.limit or not profile.capabilities.limit or compiled.drops_rows_at_gateway:
            return None
        if any(not self.guard.allows(c.predicate) for c in self.leaf.conjuncts):
            return None
        if not self.switches.filter and (self.leaf.conjuncts or self.guard.conjuncts or compiled.own_conditions()):
            return None
        exact = all(is_exact(a.condition) and v.exactness is Exactness.EXACT for a, v in zip(asked, verdicts, strict=True))
        return self.limit if exact else None


def grouped(conjuncts: Sequence[LeafConjunct]) -> list[LeafConjunct]:
    """Conjuncts that each speak of one same column become one, so that a range stays a range; the others stay alone."""
    by_column: dict[str, list[LeafConjunct]] = {}
    for conjunct in conjuncts:
        if isinstance(conjunct.predicate, Atom):
            by_column.setdefault(conjunct.predicate.column, []).append(conjunct)
    found: list[LeafConjunct] = []
    for conjunct in conjuncts:
        predicate = conjunct.predicate
        if not isinstance(predicate, Atom):
            found.append(conjunct)
            continue
        group = by_column.pop(predicate.column, None)
        if group is not None:
            atoms = tuple(c.predicate for c in group)
            text = " AND ".join(dict.fromkeys(c.text for c in group))
            found.append(LeafConjunct(text, atoms[0] if len(atoms) == 1 else Conjunction(atoms), all(c.derived for c in group)))
    return found


def render(query: exp.Expr) -> str:
    """Our own checked tree as DuckDB SQL; every name quoted."""
    return str(query.sql("duckdb", identify=True, comments=False))


def _ordered(read: Sequence[str], relation: Relation) -> tuple[str, ...]:
    wanted = set(read)
    return tuple(name for name in relation_columns(relation) if name in wanted)


def _within_each_other(asked: list[_Asked]) -> list[_Asked]:
    """Arms of one condition that contradict another condition are dropped: a row in them is in no answer.

    Conditions of a policy narrow none of the others: what a policy adds must not show in their text.
    """
    open_ones = [one.condition for one in asked if one.origin != "policy"]
    return [
        one
        if isinstance(one.condition, Test)
        else replace(one, condition=narrowed(one.condition, [c for c in open_ones if c is not one.condition]))
        for one in asked
    ]


def _contradiction(asked: Sequence[_Asked]) -> str | None:
    """Why no row of the binding can be in the answer, in words that show nothing of a policy; None if one can."""
    for one in asked:
        if isinstance(one.condition, Never):
            return f"no row here has {one.text}" if one.origin == "query" else "no row of it can be in the answer"
    if isinstance(all_of(*(one.condition for one in asked)), Never):
        if any(one.origin == "policy" for one in asked):
            return "no row of it can be in the answer"
        return f"no row here has {' and '.join(one.text for one in asked if one.origin == 'query')}"
    return None


def _decision(asked: _Asked, verdict: Verdict) -> ConjunctDecision:
    if isinstance(asked.condition, Always):
        return ConjunctDecision(text=asked.text, origin=asked.origin, exactness=Exactness.EXACT, pushed=None, reason="always true here")
    pushed = None if verdict.exactness is Exactness.REFUSE else verdict.pushed
    reason = asked.reason or verdict.reason
    return ConjunctDecision(text=asked.text, origin=asked.origin, exactness=verdict.exactness, pushed=pushed, reason=reason)


def _why_unknown(predicate: Predicate, compiled: CompiledBinding) -> str:
    match predicate:
        case Opaque(reason=reason):
            return reason
        case Atom(column=column):
            text = compiled.binding.columns.get(column, "")
            barrier = compiled.binding.latest_by is not None
            why = (
                "only the latest of several rows counts, and the condition could hide it"
                if barrier
                else "its mapping cannot be turned around for this condition"
            )
            return f"{column} is made here as {text}; {why}"
        case _:
            reasons = [_why_unknown(part, compiled) for part in getattr(predicate, "parts", getattr(predicate, "arms", ()))]
            return next((reason for reason in reasons if reason), "")
