"""Which conjuncts may be applied to a reference below everything else: WHERE and ON conditions of one table, through outer joins
only where that changes nothing, through derived tables, and along equalities of a join."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from catalog.predicates import Atom, Conjunction, Disjunction, Opaque, Predicate
from catalog.types import Type
from gateway.planner.constants import NOT_CONSTANT, constant_value
from gateway.planner.leaves import Leaf, LeafConjunct, cte_uses, is_recursive
from gateway.planner.predicates import to_predicate
from gateway.planner.view_guard import POLICY

_WHERE = 1_000_000


@dataclass(frozen=True, slots=True)
class _Conjunct:
    """`level`: the join whose ON it stands in (1 is the first), or _WHERE. `derived`: it follows from an equality."""

    node: exp.Expr
    level: int
    derived: bool = False


def assign_conjuncts(tree: exp.Expr, leaves: list[Leaf]) -> None:
    """Fills Leaf.conjuncts. The statement itself is left as it is: the merge applies every condition again."""
    by_node = {id(leaf.node): leaf for leaf in leaves}
    extras: dict[int, list[exp.Expr]] = {}
    scopes = list(traverse_scope(tree))
    single_use = _single_use_ctes(tree)
    for scope in reversed(scopes):
        if isinstance(scope.expression, exp.Select):
            _Select(scope, by_node, extras, single_use).assign()
        elif isinstance(scope.expression, exp.SetOperation):
            _through_set_operation(scope, extras)


def split_and(node: exp.Expr | None) -> Iterator[exp.Expr]:
    """The conjuncts of a condition, without brackets around them."""
    stack = [node] if node is not None else []
    while stack:
        current = stack.pop()
        while isinstance(current, exp.Paren):
            current = current.this
        if isinstance(current, exp.And):
            stack.extend((current.expression, current.this))
        else:
            yield current


def accepts_null(predicate: Predicate) -> bool:
    """Whether the predicate might be TRUE where all its columns are NULL."""
    match predicate:
        case Atom(wanted=wanted):
            return wanted.null
        case Conjunction(parts=parts):
            return all(accepts_null(part) for part in parts)
        case Disjunction(arms=arms):
            return any(accepts_null(arm) for arm in arms)
        case Opaque():
            return True


class _Select:
    """One SELECT: its tables in order, and the side and kind of each join."""

    def __init__(self, scope: Scope, leaves: dict[int, Leaf], extras: dict[int, list[exp.Expr]], single_use: set[str]) -> None:
        self.scope, self.leaves, self.extras, self.single_use = scope, leaves, extras, single_use
        select = scope.expression
        self.joins: list[exp.Join] = list(select.args.get("joins") or ())
        self.order = {name: index for index, name in enumerate(self._tables(select))}
        where = select.args.get("where")
        own = [_Conjunct(node, _WHERE) for node in split_and(where.this if where else None)]
        own += [_Conjunct(node, _WHERE) for node in extras.get(id(scope), ())]
        for level, join in enumerate(self.joins, start=1):
            own += [_Conjunct(node, level) for node in split_and(join.args.get("on"))]
        self.conjuncts = own

    def _tables(self, select: exp.Expr) -> list[str]:
        from_ = select.args.get("from_")
        first = [from_.this.alias_or_name] if from_ else []
        return first + [join.this.alias_or_name for join in self.joins]

    def assign(self) -> None:
        usable = [c for c in self.conjuncts if c.node.find(exp.Select, exp.AggFunc, exp.Window) is None]
        for conjunct in [*usable, *self._derived(usable)]:
            names = {column.table for column in conjunct.node.find_all(exp.Column)}
            if len(names) == 1:
                self._give(names.pop(), conjunct)
            elif not names and conjunct.level == _WHERE:
                for name in self.order:
                    self._give(name, conjunct)

    def _give(self, name: str, conjunct: _Conjunct) -> None:
        source = self.scope.sources.get(name)
        if source is None or name not in self.order:
            return
        if isinstance(source, exp.Table):
            leaf = self.leaves.get(id(source))
            if leaf is not None:
                predicate = to_predicate(conjunct.node, {c: spec.type for c, spec in leaf.table.columns.items()})
                if conjunct.derived or self._may_go_down(name, conjunct.level, predicate):
                    leaf.conjuncts.append(
                        LeafConjunct(shown_text(conjunct.node), predicate, conjunct.derived, POLICY in conjunct.node.meta)
                    )
        elif isinstance(source, Scope):
            predicate = to_predicate(conjunct.node, _AnyType())
            if conjunct.derived or self._may_go_down(name, conjunct.level, predicate):
                self._into_derived(source, conjunct.node)

    def _may_go_down(self, name: str, level: int, predicate: Predicate) -> bool:
        """Whether applying the conjunct below all joins leaves the statement's rows as they are (pushdown rule 11)."""
        index = self.order[name]
        if level == _WHERE:
            return not self._nullable(index, len(self.joins)) or not accepts_null(predicate)
        match self.joins[level - 1].side:
            case "":
                return index <= level and (index == level or not self._nullable(index, level - 1) or not accepts_null(predicate))
            case "LEFT":
                return index == level
            case "RIGHT":
                return index < level and (not self._nullable(index, level - 1) or not accepts_null(predicate))
            case _:
                return False

    def _nullable(self, index: int, joins: int) -> bool:
        """Whether the table's columns may be NULL-extended by the first `joins` joins."""
        own = 0 < index <= joins and self.joins[index - 1].side in ("LEFT", "FULL")
        return own or any(self.joins[later].side in ("RIGHT", "FULL") for later in range(index, joins))

    def _into_derived(self, source: Scope, node: exp.Expr) -> None:
        if source.is_cte and (source.expression.parent is None or source.expression.parent.alias not in self.single_use):
            return
        outputs = source.outer_columns or _outputs(source.expression)
        moved = _moved(node, source.expression, outputs)
        if moved is not None:
            self.extras.setdefault(id(source), []).append(moved)

    # Equalities between tables: a condition on one side of `a.x = b.y` holds for the other side too.

    def _derived(self, usable: list[_Conjunct]) -> list[_Conjunct]:
        pairs = [pair for c in usable if (pair := self._equality(c)) is not None]
        known = {_text(c.node) for c in usable}
        found: list[_Conjunct] = []
        pending = [c.node for c in usable if c.level == _WHERE]
        while pending and pairs:
            node = pending.pop()
            column = _only_column(node)
            type_ = self._type(column) if column is not None else None
            if column is None or type_ is None or accepts_null(to_predicate(node, {column.name: type_})):
                continue
            for left, right in [*pairs, *((b, a) for a, b in pairs)]:
                if (left.table, left.name) == (column.table, column.name) and self._type(right) == type_:
                    moved = _with_column(node, left, right)
                    if _text(moved) not in known:
                        known.add(_text(moved))
                        found.append(_Conjunct(moved, _WHERE, derived=True))
                        if not self._nullable(self.order[right.table], len(self.joins)):
                            pending.append(moved)  # of a table that an outer join fills with NULL it holds for matches only
        return found

    def _equality(self, conjunct: _Conjunct) -> tuple[exp.Column, exp.Column] | None:
        node = conjunct.node
        if not isinstance(node, exp.EQ) or not isinstance(node.this, exp.Column) or not isinstance(node.expression, exp.Column):
            return None
        indexes = (self.order.get(node.this.table), self.order.get(node.expression.table))
        if None in indexes or indexes[0] == indexes[1]:
            return None
        if conjunct.level != _WHERE and self.joins[conjunct.level - 1].side and conjunct.level not in indexes:
            return None  # an outer join's ON that does not name its own table does not bind the others
        return node.this, node.expression

    def _type(self, column: exp.Column) -> Type | None:
        source = self.scope.sources.get(column.table)
        leaf = self.leaves.get(id(source))
        if leaf is None:
            return None
        type_ = leaf.table.columns[column.name].type
        return None if type_.name == "double" else type_


class _AnyType(dict[str, Type]):
    """Types for the question whether NULL is accepted, which does not depend on them."""

    def __missing__(self, key: str) -> Type:
        return Type("text")


def _moved(node: exp.Expr, query: exp.Expr, outputs: list[str]) -> exp.Expr | None:
    """The condition over the inner side of a derived table, or None if it may not pass."""
    if isinstance(query, exp.SetOperation):
        if query.args.get("limit") or query.args.get("offset"):
            return None
        return _renamed(node, {name: exp.column(f"\0{index}") for index, name in enumerate(outputs)})
    if not isinstance(query, exp.Select) or any(query.args.get(key) for key in ("limit", "offset", "windows")):
        return None
    distinct = query.args.get("distinct")
    if (distinct is not None and distinct.args.get("on")) or any(p.find(exp.Window) for p in query.expressions):
        return None
    group = query.args.get("group")
    grouped = group is not None or any(p.find(exp.AggFunc) for p in query.expressions)
    if group is not None and any(group.args.get(key) for key in ("rollup", "cube", "grouping_sets")):
        return None
    keys = {_text(key) for key in group.expressions} if group is not None else set()
    places: dict[str, exp.Expr] = {}
    for name, projection in zip(outputs, query.expressions, strict=False):
        inner = projection.unalias()
        if (isinstance(inner, exp.Column) and inner.table and (not grouped or _text(inner) in keys)) or (
            isinstance(inner, exp.Literal) and not grouped
        ):
            places[name] = inner
    return _renamed(node, places)


def _through_set_operation(scope: Scope, extras: dict[int, list[exp.Expr]]) -> None:
    """Hands a condition on a UNION, INTERSECT or EXCEPT to both sides, by the position of its columns."""
    for node in extras.get(id(scope), ()):
        for side in scope.set_operation_scopes:
            query = side.expression
            outputs = [f"\0{index}" for index in range(len(_outputs(query)))]
            moved = _moved(node, query, outputs)
            if moved is not None:
                extras.setdefault(id(side), []).append(moved)


def _renamed(node: exp.Expr, places: dict[str, exp.Expr]) -> exp.Expr | None:
    """The condition with each column replaced by what stands behind its name; None if one has nothing behind it."""
    root = exp.Paren(this=node.copy())
    for column in list(root.find_all(exp.Column)):
        target = places.get(column.name)
        if target is None:
            return None
        column.replace(target.copy())
    inner: exp.Expr = root.this
    return inner


def _with_column(node: exp.Expr, old: exp.Column, new: exp.Column) -> exp.Expr:
    root = exp.Paren(this=node.copy())
    for column in list(root.find_all(exp.Column)):
        if (column.table, column.name) == (old.table, old.name):
            column.replace(new.copy())
    inner: exp.Expr = root.this
    return inner


def _outputs(query: exp.Expr) -> list[str]:
    return list(query.named_selects) if isinstance(query, exp.Query) else []


def _only_column(node: exp.Expr) -> exp.Column | None:
    columns = list(node.find_all(exp.Column))
    same = {(column.table, column.name) for column in columns}
    return columns[0] if len(same) == 1 else None


def _single_use_ctes(tree: exp.Expr) -> set[str]:
    """CTEs that are named once and are not recursive: a condition of that one place may go into them."""
    defined = Counter(cte.alias for cte in tree.find_all(exp.CTE))
    recursive = {cte.alias for cte in tree.find_all(exp.CTE) if is_recursive(cte)}
    uses = cte_uses(tree)
    return {name for name, count in defined.items() if count == 1 and len(uses.get(name, ())) == 1 and name not in recursive}


def shown_text(node: exp.Expr) -> str:
    """A condition as a person would write it: constants without the casts that bind added."""
    root = exp.Paren(this=node.copy())
    for cast in list(root.find_all(exp.Cast)):
        value = constant_value(cast)
        if value is NOT_CONSTANT or value is None:
            continue
        if isinstance(value, datetime):
            text = value.strftime("%Y-%m-%d %H:%M:%S.%f").rstrip("0").rstrip(".")
            cast.replace(exp.Literal.string(text.removesuffix(" 00:00:00")))
        elif isinstance(value, date):
            cast.replace(exp.Literal.string(value.isoformat()))
        elif isinstance(value, float):
            cast.replace(cast.this.copy())
    return _text(root.this)


def _text(node: exp.Expr) -> str:
    return str(node.sql("postgres", comments=False))
