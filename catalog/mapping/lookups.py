"""A binding's lookup, cut to the rows it can use: the table to join with, and the way back from values to keys."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from catalog.binding import LookupTable
from catalog.mapping.tree import Node
from catalog.model import Lookup, LookupUse
from catalog.types import TEXT, Type
from catalog.values import ValueSet

MAX_KEYS = 1_000
"""More keys than this are not sent to a source."""


@dataclass(frozen=True)
class LookupSlice:
    """The rows of a lookup where its fixed key columns have the binding's constants. `keys`: (key column, expression)."""

    use: LookupUse
    lookup: Lookup
    keys: tuple[tuple[str, Node], ...]

    @cached_property
    def rows(self) -> tuple[tuple[str | None, ...], ...]:
        """The rows, as key columns that are not fixed and then values. A row with a NULL key matches nothing."""
        columns = self.lookup.key + self.lookup.values
        fixed = [(columns.index(name), value) for name, value in self.use.where.items()]
        shown = [columns.index(name) for name, _ in self.keys] + list(range(len(self.lookup.key), len(columns)))
        width = len(self.keys)
        found = (tuple(row[index] for index in shown) for row in self.lookup.rows if all(row[index] == value for index, value in fixed))
        return tuple(row for row in found if None not in row[:width])

    @cached_property
    def table(self) -> LookupTable:
        names = [f"key_{name}" for name, _ in self.keys] + list(self.lookup.values)
        return named_table("lookup", [(name, TEXT) for name in names], self.rows)

    @property
    def alias(self) -> str:
        return f"lookup_{self.use.alias}"

    def _value(self, column: str) -> int:
        return len(self.keys) + self.lookup.values.index(column)

    @cached_property
    def _by_value(self) -> dict[str, dict[str | None, list[tuple[str | None, ...]]]]:
        return {}

    def keys_by_value(self, column: str) -> dict[str | None, list[tuple[str | None, ...]]]:
        """From each value of a column to the keys that have it."""
        found = self._by_value.get(column)
        if found is None:
            found = {}
            for row in self.rows:
                found.setdefault(row[self._value(column)], []).append(row[: len(self.keys)])
            self._by_value[column] = found
        return found

    def keys_of(self, column: str, wanted: ValueSet) -> list[tuple[str | None, ...]]:
        """The keys whose value is in the wanted set."""
        by_value = self.keys_by_value(column)
        points = wanted.points()
        if points is None:
            values = [value for value in by_value if wanted.contains(value)]
        else:
            values = [value for value in (*points, *((None,) if wanted.null else ())) if value in by_value]
        return [key for value in values for key in by_value[value]]

    def all_keys(self) -> list[tuple[str | None, ...]]:
        return [row[: len(self.keys)] for row in self.rows]


def named_table(stem: str, columns: Sequence[tuple[str, Type]], rows: tuple[tuple[object, ...], ...]) -> LookupTable:
    """A table named by a digest of its content."""
    digest = hashlib.sha256(repr((list(columns), rows)).encode()).hexdigest()[:16]
    return LookupTable(name=f"{stem}_{digest}", columns=tuple(columns), rows=rows)
