"""What a missing hospital would do to the answer: lose rows (sound), or make rows that are wrong (design.md 4)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from gateway.planner.leaves import Leaf, cte_uses


@dataclass(frozen=True, slots=True)
class Soundness:
    """`reason`: why the answer would be wrong without a node of this reference; None: it would only lose rows.
    `aggregated`: the only reason is that rows are counted, so that the answer is a lower bound."""

    reason: str | None
    aggregated: bool


def soundness(leaf: Leaf, tree: exp.Expr) -> Soundness:
    """Looks at everything between the reference and the top of the statement; a CTE counts at each place that names it."""
    reasons: list[tuple[str, bool]] = []
    _climb(leaf.node, tree, reasons, set())
    if not reasons:
        return Soundness(None, False)
    hard = [text for text, aggregate in reasons if not aggregate]
    return Soundness(hard[0] if hard else reasons[0][0], not hard)


def has_top_n(tree: exp.Expr) -> bool:
    """ORDER BY with LIMIT at the top: without a node each row is right, the selection may not be."""
    return bool(tree.args.get("order") and (tree.args.get("limit") or tree.args.get("offset")))


def _climb(node: exp.Expr, top: exp.Expr, reasons: list[tuple[str, bool]], seen: set[int]) -> None:
    child, parent = node, node.parent
    while parent is not None:
        if id(parent) in seen and isinstance(parent, exp.CTE):
            return
        _step(child, parent, top, reasons)
        if isinstance(parent, exp.CTE):
            seen.add(id(parent))
            for use in cte_uses(top).get(parent.alias, ()):
                _climb(use, top, reasons, seen)
            return
        child, parent = parent, parent.parent


def _step(child: exp.Expr, parent: exp.Expr, top: exp.Expr, reasons: list[tuple[str, bool]]) -> None:
    match parent:
        case exp.Join() if child is parent.this and parent.side in ("LEFT", "FULL"):
            reasons.append(("the table stands on the side of an outer join that is filled with NULL", False))
        case exp.Join() if child is not parent.this and parent.side:
            reasons.append(("a subquery decides in the ON of an outer join", False))
        case exp.Select():
            _select(child, parent, top, reasons)
        case exp.Except() if child is parent.expression:
            reasons.append(("EXCEPT takes rows away", False))
        case exp.SetOperation() if (
            parent is not top and (parent.args.get("limit") or parent.args.get("offset")) and parent.args.get("order")
        ):
            reasons.append(("an inner ORDER BY with LIMIT chooses among the rows", False))
        case exp.Exists() | exp.In() if child is not parent.this or isinstance(parent, exp.Exists):
            if not _is_positive(parent):
                reasons.append(("it asks what is not there (NOT EXISTS, NOT IN)", False))
        case exp.Any() if not _is_positive(parent.parent or parent):
            reasons.append(("it asks what is not there", False))
        case exp.All():
            reasons.append(("ALL asks about every row", False))
        case exp.Array() if isinstance(child, exp.Query):
            reasons.append(("an array is made of its rows", False))
        case exp.Subquery() if _is_value(parent):
            reasons.append(("a subquery is used as a value", False))


def _is_value(subquery: exp.Subquery) -> bool:
    around = subquery.parent
    if isinstance(around, exp.In):
        return around.this is subquery
    return not isinstance(around, exp.From | exp.Join | exp.Lateral | exp.SetOperation | exp.Any | exp.All | exp.CTE | exp.Subquery | None)


def _select(child: exp.Expr, select: exp.Select, top: exp.Expr, reasons: list[tuple[str, bool]]) -> None:
    if select.args.get("group") or select.args.get("having") or any(_own(select, p, exp.AggFunc) for p in select.expressions):
        reasons.append(("rows are counted or summed over it", select is top and _only_counts(select)))
    if (
        select.args.get("windows")
        or any(_own(select, p, exp.Window) for p in select.expressions)
        or (select.args.get("order") and _own(select, select.args["order"], exp.Window))
    ):
        reasons.append(("a window function looks at other rows", False))
    distinct = select.args.get("distinct")
    if distinct is not None and distinct.args.get("on"):
        reasons.append(("DISTINCT ON chooses one row of several", False))
    if select is not top and (select.args.get("limit") or select.args.get("offset")) and select.args.get("order"):
        reasons.append(("an inner ORDER BY with LIMIT chooses among the rows", False))
    joins = select.args.get("joins") or []
    index = next((i for i, join in enumerate(joins) if join is child), -1)
    if (child is select.args.get("from_") or index >= 0) and any(join.side in ("RIGHT", "FULL") for join in joins[index + 1 :]):
        reasons.append(("the table stands on the side of an outer join that is filled with NULL", False))


def _only_counts(select: exp.Select) -> bool:
    """Whether every output is a group's key or a bare count, so that rows that are missing can only make it smaller."""
    if select.args.get("having"):
        return False
    outputs = [projection.unalias() for projection in select.expressions]
    return all(isinstance(output, exp.Count) or output.find(exp.AggFunc) is None for output in outputs)


def _own(select: exp.Select, node: exp.Expr, kind: type[exp.Expr]) -> bool:
    """Whether the node holds such a function that belongs to this SELECT and not to a subquery in it. Window functions that
    are not aggregates over groups are found by their Window."""
    for found in node.find_all(kind):
        if found.find_ancestor(exp.Select) is not select:
            continue
        if kind is exp.AggFunc and isinstance(found.parent, exp.Window):
            continue
        return True
    return False


def _is_positive(node: exp.Expr) -> bool:
    """Whether a condition stands where TRUE can only add rows: under AND and OR up to WHERE, HAVING or an inner ON."""
    child, parent = node, node.parent
    while isinstance(parent, exp.And | exp.Or | exp.Paren):
        child, parent = parent, parent.parent
    if isinstance(parent, exp.Where):
        return True
    return isinstance(parent, exp.Join) and child is parent.args.get("on") and not parent.side
