"""The limit rule: how many rows of the only table a statement needs, if its LIMIT has nothing between it and the table."""

from __future__ import annotations

from sqlglot import exp

from catalog.predicates import Conjunction, Disjunction, Opaque, Predicate
from gateway.planner.constants import constant_value
from gateway.planner.leaf_filters import split_and
from gateway.planner.leaves import Leaf

_BETWEEN = ("joins", "group", "having", "order", "distinct", "windows", "laterals", "with_")


def pushable_limit(tree: exp.Expr, leaves: list[Leaf]) -> int | None:
    """LIMIT plus OFFSET of `SELECT columns FROM one table WHERE conjuncts that value sets say whole LIMIT n`; else None."""
    if not isinstance(tree, exp.Select) or len(leaves) != 1 or any(tree.args.get(key) for key in _BETWEEN):
        return None
    from_ = tree.args.get("from_")
    if from_ is None or from_.this is not leaves[0].node or any(p.find(exp.AggFunc, exp.Window) for p in tree.expressions):
        return None
    count, offset = _number(tree.args.get("limit")), _number(tree.args.get("offset"))
    if count is None or (tree.args.get("offset") is not None and offset is None):
        return None
    where = tree.args.get("where")
    conjuncts = list(split_and(where.this)) if where else []
    if len(conjuncts) != len(leaves[0].conjuncts) or any(_has_opaque(c.predicate) for c in leaves[0].conjuncts):
        return None
    return count + (offset or 0)


def _number(node: exp.Expr | None) -> int | None:
    inner = node.args.get("expression") or node.args.get("count") if isinstance(node, exp.Limit | exp.Offset | exp.Fetch) else None
    value = constant_value(inner) if inner is not None else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _has_opaque(predicate: Predicate) -> bool:
    match predicate:
        case Opaque():
            return True
        case Conjunction(parts=inner) | Disjunction(arms=inner):
            return any(_has_opaque(part) for part in inner)
        case _:
            return False
