"""The planner: parse, bind, guard, expand, prune, push down, cut. It reads as the line in the design; it does no I/O."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from sqlglot import exp

from adapters.interface import SourceProfile
from catalog.errors import Problem
from catalog.model import CatalogSnapshot
from gateway.context import QueryContext
from gateway.planner.cut import Cut, ProjectionKey, ReadyProjection, render
from gateway.planner.guard import LeafGuard, check_statement, leaf_guard
from gateway.planner.inner import to_inner
from gateway.planner.leaf_filters import assign_conjuncts
from gateway.planner.leaves import Leaf, find_leaves, narrow
from gateway.planner.limit import pushable_limit
from gateway.planner.names import resolve
from gateway.planner.parse import parse
from gateway.planner.plan import Fragment, Plan, PrunedBinding, Reference
from gateway.planner.policy_check import policy_problems
from gateway.planner.shared_cache import SharedCache
from gateway.planner.soundness import has_top_n, soundness
from gateway.planner.statement_rules import check_rules
from gateway.planner.switches import Switches, read_switches
from gateway.planner.visibility import VisibleCatalog, visible_catalog

Clock = Callable[[], float]
ProfileOf = Callable[[str, str], SourceProfile]


class Planner:
    """Plans statements over one snapshot. `profile_of` (node, source) gives the pure half of a source's adapter."""

    def __init__(self, snapshot: CatalogSnapshot, profile_of: ProfileOf) -> None:
        self.snapshot, self.profile_of = snapshot, profile_of
        self._visible: SharedCache[str, VisibleCatalog] = SharedCache(256)
        self._ready: SharedCache[ProjectionKey, ReadyProjection] = SharedCache(8192)
        self._guards: SharedCache[tuple[str, str, bool], LeafGuard] = SharedCache(4096)

    def plan(self, sql: str, context: QueryContext, clock: Clock = lambda: 0.0) -> Plan:
        """The plan of one statement for one caller. Raises GatewayError. `clock` (seconds) only fills Plan.timings."""
        marks = [("start", clock())]
        switches = read_switches(context.pushdown)
        visible = self._visible_to(context.principal.role)
        tree = parse(sql)
        marks.append(("parse", clock()))
        tree = resolve(tree, sql, visible)
        check_rules(tree, sql)
        tree = to_inner(tree, sql)
        marks.append(("bind", clock()))
        check_statement(tree, visible)
        narrow(tree)
        leaves = find_leaves(tree, self.snapshot)
        assign_conjuncts(tree, leaves)
        marks.append(("guard", clock()))
        limit = pushable_limit(tree, leaves)
        references = tuple(self._reference(leaf, tree, visible, switches, limit) for leaf in leaves)
        marks.append(("cut", clock()))
        inner, merge = render(tree), _merge_sql(tree, leaves)
        marks.append(("render", clock()))
        return Plan(
            sql=sql,
            inner=inner,
            merge=merge,
            references=references,
            revision=self.snapshot.revision,
            role=context.principal.role,
            pushdown=context.pushdown,
            columns=tuple(tree.named_selects) if isinstance(tree, exp.Query) else (),
            top_n=has_top_n(tree),
            max_rows=visible.policy.max_rows,
            timings={name: (at - before) * 1000 for (_, before), (name, at) in pairwise(marks)},
        )

    def check(self) -> tuple[Problem, ...]:
        """What is wrong with the catalog's views and policies: what the loader cannot see without binding SQL."""
        return policy_problems(self.snapshot)

    def _visible_to(self, role: str) -> VisibleCatalog:
        return self._visible.get(role, lambda: visible_catalog(self.snapshot, role))

    def _guard(self, leaf: Leaf, visible: VisibleCatalog) -> LeafGuard:
        in_view = leaf.view is not None
        return self._guards.get((visible.policy.role, leaf.table.name, in_view), lambda: leaf_guard(visible, leaf.table, in_view=in_view))

    def _reference(self, leaf: Leaf, tree: exp.Expr, visible: VisibleCatalog, switches: Switches, limit: int | None) -> Reference:
        guard = self._guard(leaf, visible)
        in_filtered_view = leaf.view is not None and any(rule.filter is not None for rule in visible.policy.tables.values())
        hides_rows = guard.condition is not None or in_filtered_view
        cut = Cut(leaf=leaf, guard=guard, switches=switches, limit=limit, ready=self._ready, hides_rows=hides_rows)
        fragments: list[Fragment] = []
        pruned: list[PrunedBinding] = []
        for binding in self.snapshot.bindings_by_table[leaf.table.name]:
            compiled = self.snapshot.compiled[f"{binding.node}/{binding.name}"]
            outcome = cut.fragment(compiled, self.profile_of(binding.node, binding.source), len(fragments))
            if isinstance(outcome, Fragment):
                fragments.append(outcome)
            else:
                pruned.append(outcome)
        sound = soundness(leaf, tree)
        return Reference(
            name=leaf.name,
            table=leaf.table.name,
            alias=leaf.node.alias_or_name,
            columns=tuple((name, leaf.table.columns[name].type.duckdb) for name in leaf.columns),
            fragments=tuple(fragments),
            pruned=tuple(pruned),
            spool=leaf.spool,
            unsound=sound.reason,
            aggregated=sound.aggregated,
        )


def _merge_sql(tree: exp.Expr, leaves: list[Leaf]) -> str:
    """The statement over the references' streams. The tree is spent: its tables are renamed in place."""
    for leaf in leaves:
        alias = leaf.node.alias_or_name
        leaf.node.set("db", None)
        leaf.node.set("this", exp.to_identifier(leaf.name, quoted=True))
        leaf.node.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    return render(tree)
