"""Predicate: a condition over virtual columns, after the planner has read the user's SQL and before it is inverted."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.values import ValueSet


@dataclass(frozen=True, slots=True)
class Atom:
    """The value of a virtual column is in `wanted` (whose NULL member decides rows where the column is NULL)."""

    column: str
    wanted: ValueSet


@dataclass(frozen=True, slots=True)
class Conjunction:
    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Disjunction:
    arms: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Opaque:
    """Something no value set can say (two columns, an expression). `text` is its SQL, `reason` why it stays."""

    text: str
    reason: str


Predicate = Atom | Conjunction | Disjunction | Opaque
"""Speaks of rows for which the user's condition is TRUE; negation has already been moved into the value sets."""
