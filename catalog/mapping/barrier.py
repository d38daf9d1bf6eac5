"""The latest_by barrier: below it only tests pass that all rows of one group answer alike."""

from __future__ import annotations

from typing import assert_never

from catalog.conditions import AllOf, Always, AnyOf, Condition, Never, Test, Unknown, all_of, any_of
from catalog.mapping.relations import named_tables
from catalog.model import LatestBy
from catalog.relations import JoinRelation, Relation, relation_columns


def determined_columns(relation: Relation, latest_by: LatestBy) -> frozenset[str]:
    """The raw columns that are equal in all rows of a group.

    The group's key; columns joined with such a column; all columns of a table whose declared key is determined.
    """
    known = set(latest_by.key)
    while True:
        found = known | _joined(relation, known) | _by_table_key(relation, known)
        if found == known:
            return frozenset(known)
        known = found


def _joined(relation: Relation, known: set[str]) -> set[str]:
    """A joined row follows from the column it is joined by. The way back needs an inner join and equality that is exact:
    a source may compare texts without regard to case."""
    if not isinstance(relation, JoinRelation):
        return set()
    types = relation_columns(relation)
    found: set[str] = set()
    for join in relation.joins:
        if all(left in known for left, _ in join.on):
            found |= {right for _, right in join.on}
        if join.kind == "inner":
            found |= {left for left, right in join.on if right in known and not types[right].type.is_text}
    return found


def _by_table_key(relation: Relation, known: set[str]) -> set[str]:
    found: set[str] = set()
    for prefix, table in named_tables(relation):
        if table.key and all(prefix + name in known for name in table.key):
            found |= {prefix + column.name for column in table.columns}
    return found


def below(condition: Condition, determined: frozenset[str]) -> Condition:
    """What of the condition may pass below the barrier."""
    match condition:
        case Always() | Never() | Unknown():
            return condition
        case Test(term=term):
            return condition if term.column in determined else Unknown()
        case AllOf(parts=parts, exact=exact):
            kept = all_of(*(below(part, determined) for part in parts))
            return kept if exact else all_of(kept, Unknown())
        case AnyOf(arms=arms):
            return any_of(*(below(arm, determined) for arm in arms))
        case _:
            assert_never(condition)
