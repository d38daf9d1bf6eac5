"""Leaves: the references to virtual tables in a bound statement, the columns each needs, and how often each may be scanned."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from catalog.model import CatalogSnapshot, VirtualTable
from catalog.predicates import Predicate

_ORDERED_FROM = 3


@dataclass(frozen=True, slots=True)
class LeafConjunct:
    """A condition that every row of the reference must meet to matter. `derived`: it follows from an equality with another table.
    `hidden`: it comes from the role's policy of a view, and EXPLAIN does not show it."""

    text: str
    predicate: Predicate
    derived: bool = False
    hidden: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Leaf:
    """One reference to a virtual table: `node` is its place in the tree, `view` the view it comes from, if any."""

    name: str
    node: exp.Table
    table: VirtualTable
    view: str | None
    columns: list[str] = field(default_factory=list)
    conjuncts: list[LeafConjunct] = field(default_factory=list)
    spool: bool = False


def find_leaves(tree: exp.Expr, snapshot: CatalogSnapshot) -> list[Leaf]:
    """Every reference, named r0, r1, ... in the order of the text, with the columns that the statement uses of it."""
    leaves: list[Leaf] = []
    prefix = _free_prefix(tree)
    for table in tree.find_all(exp.Table, bfs=False):
        if table.db == snapshot.schema and isinstance(table.this, exp.Identifier):
            leaves.append(Leaf(name=f"{prefix}{len(leaves)}", node=table, table=snapshot.tables[table.name], view=table.meta.get("view")))
    scopes = list(traverse_scope(tree))
    _fill_columns(leaves, scopes)
    _mark_rescans(leaves, tree, scopes)
    return leaves


def _free_prefix(tree: exp.Expr) -> str:
    """What the names of references start with: no query in WITH may be found under such a name. DuckDB sees no case."""
    taken = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    prefix = "r"
    while any(re.fullmatch(rf"{prefix}\d+", name) for name in taken):
        prefix += "_"
    return prefix


def narrow(tree: exp.Expr) -> None:
    """Drops output columns of plain derived tables (views above all) that nothing outside them uses."""
    for scope in reversed(list(traverse_scope(tree))):
        for name, (_, source) in scope.selected_sources.items():
            if isinstance(source, Scope) and source.is_derived_table and _is_plain(source.expression):
                used = {column.name for column in scope.columns if column.table == name}
                kept = [p for p in source.expression.expressions if p.alias_or_name in used]
                source.expression.set("expressions", kept or source.expression.expressions[:1])
                source.clear_cache()


def _is_plain(query: exp.Expr) -> bool:
    if not isinstance(query, exp.Select) or any(
        query.args.get(key) for key in ("distinct", "group", "having", "order", "limit", "offset", "windows")
    ):
        return False
    return not any(projection.find(exp.AggFunc, exp.Window) for projection in query.expressions)


def _fill_columns(leaves: list[Leaf], scopes: list[Scope]) -> None:
    used: dict[int, set[str]] = {id(leaf.node): set() for leaf in leaves}
    for scope in scopes:
        for column in scope.columns:
            source = _source_of(column, scope)
            if isinstance(source, exp.Table) and id(source) in used:
                used[id(source)].add(column.name)
    for leaf in leaves:
        names = used[id(leaf.node)]
        leaf.columns = [name for name in leaf.table.columns if name in names] or ["node"]


def _source_of(column: exp.Column, scope: Scope) -> exp.Expr | Scope | None:
    current: Scope | None = scope
    while current is not None:
        if column.table in current.sources:
            return current.sources[column.table]
        current = current.parent
    return None


def _mark_rescans(leaves: list[Leaf], tree: exp.Expr, scopes: list[Scope]) -> None:
    """A stream is consumed by one scan. What may be scanned again: tables of a CTE that is named more than once or recursive,
    and everything in a statement with a correlated subquery or a lateral join (the merge engine may read either side again).

    From three references on, all become tables too: the merge engine orders joins by the number of rows, takes every stream
    for one row, and then joins two large tables on the hospital alone before it looks at the third, small one."""
    correlated = any(scope.is_correlated_subquery for scope in scopes) or tree.find(exp.Lateral) is not None
    ordered = len(leaves) >= _ORDERED_FROM
    uses = cte_uses(tree)
    for leaf in leaves:
        leaf.spool = correlated or ordered or _in_rescanned_cte(leaf.node, uses, set())


def cte_uses(tree: exp.Expr) -> dict[str, list[exp.Table]]:
    """The places of a bound statement that name a WITH query, by its name: tables of the catalog have a schema by then."""
    uses: dict[str, list[exp.Table]] = {}
    for table in tree.find_all(exp.Table):
        if not table.db:
            uses.setdefault(table.name, []).append(table)
    return uses


def is_recursive(cte: exp.CTE) -> bool:
    """Whether the WITH that defines it is a WITH RECURSIVE."""
    return isinstance(cte.parent, exp.With) and bool(cte.parent.args.get("recursive"))


def _in_rescanned_cte(node: exp.Expr, uses: dict[str, list[exp.Table]], seen: set[int]) -> bool:
    """Whether the node stands in a WITH query that is read more than once, or is used inside one that is."""
    cte = node.find_ancestor(exp.CTE)
    while cte is not None:
        if id(cte) not in seen:
            seen.add(id(cte))
            named = uses.get(cte.alias, [])
            if is_recursive(cte) or len(named) > 1 or any(_in_rescanned_cte(use, uses, seen) for use in named):
                return True
        cte = cte.find_ancestor(exp.CTE)
    return False
