"""compile_binding: one binding, parsed and typed, as the planner uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache

from catalog.binding import Projection
from catalog.conditions import Condition, Unknown, all_of, any_of
from catalog.mapping.barrier import below, determined_columns
from catalog.mapping.forward import Writer
from catalog.mapping.inverse import Inverter
from catalog.mapping.partitions import with_partitions
from catalog.mapping.projection import Projector
from catalog.mapping.reading import FLAGS, Trees, read_binding
from catalog.mapping.tree import Node
from catalog.model import Lookup, TableBinding, Units, VirtualTable
from catalog.predicates import Atom, Conjunction, Disjunction, Opaque, Predicate
from catalog.values import ValueSet

_KEPT = 512
"""How many projections and inverted predicates of one binding are kept."""


def compile_binding(binding: TableBinding, table: VirtualTable, lookups: Mapping[str, Lookup], units: Units) -> MappedBinding:
    """The binding, ready for the planner. Raises CatalogError with every problem of its expressions."""
    return MappedBinding(binding, table, read_binding(binding, table, lookups), units)


class MappedBinding:
    """A catalog.binding.CompiledBinding. What it returns is kept and shared: treat syntax trees as frozen."""

    def __init__(self, binding: TableBinding, table: VirtualTable, trees: Trees, units: Units) -> None:
        self._binding, self._trees = binding, trees
        flags = table.columns.get(FLAGS)
        writer = Writer(binding.zone, units, trees.lookups)
        projector = Projector(binding, trees, writer, flags.type if flags is not None else None)
        self._flagged = flags is not None  # its value depends on the checks, not on an expression
        self._inverter = Inverter(binding.zone, units, trees.lookups, trees.columns)
        self._project = lru_cache(maxsize=_KEPT)(projector.project)
        self._invert = lru_cache(maxsize=_KEPT)(self._inverted)

    @property
    def binding(self) -> TableBinding:
        return self._binding

    @property
    def columns(self) -> Mapping[str, Node]:
        """The typed expression of every virtual column."""
        return self._trees.columns

    def project(self, columns: Sequence[str]) -> Projection:
        return self._project(tuple(columns))

    def invert(self, predicate: Predicate) -> Condition:
        return self._invert(predicate)

    def _inverted(self, predicate: Predicate) -> Condition:
        return self._passed(self._preimage(predicate))

    def _preimage(self, predicate: Predicate) -> Condition:
        match predicate:
            case Atom(column=column, wanted=wanted):
                return self._atom(column, wanted)
            case Conjunction():
                atoms, others = _intersected(predicate)
                return all_of(*(self._atom(c, wanted) for c, wanted in atoms.items()), *(self._preimage(other) for other in others))
            case Disjunction(arms=arms):
                return any_of(*(self._preimage(arm) for arm in arms))
            case Opaque():
                return Unknown()

    def _atom(self, column: str, wanted: ValueSet) -> Condition:
        if column == FLAGS and self._flagged:
            return Unknown()
        return self._inverter.preimage(self._trees.columns[column], wanted)

    def _passed(self, condition: Condition) -> Condition:
        """What of a condition over the binding's rows may go to the source, with its partition tests."""
        if self._determined is not None:
            condition = below(condition, self._determined)
        return with_partitions(condition, self._trees.partitions)

    @cached_property
    def _determined(self) -> frozenset[str] | None:
        latest_by = self._binding.latest_by
        return None if latest_by is None else determined_columns(self._binding.relation, latest_by)

    def own_conditions(self) -> tuple[tuple[str, Condition], ...]:
        return self._own_conditions

    @cached_property
    def _own_conditions(self) -> tuple[tuple[str, Condition], ...]:
        found: list[tuple[str, Condition]] = []
        true = ValueSet.of(True)
        if self._trees.where is not None:  # comes before latest_by, so nothing of it is held back
            where = with_partitions(self._inverter.preimage(self._trees.where, true), self._trees.partitions)
            found.append((self._binding.where or "", where))
        for alias, slice in self._trees.lookups.items():
            if slice.use.missing == "drop":
                found.append((f"lookup {alias} has the code", self._passed(self._inverter.is_mapped(slice))))
        if self._trees.keep is not None:
            found.append((self._binding.keep or "", self._passed(self._inverter.preimage(self._trees.keep, true))))
        return tuple(found)

    @property
    def drops_rows_at_gateway(self) -> bool:
        binding = self._binding
        if binding.dedupe or binding.latest_by is not None:
            return True
        return "drop" in binding.on_error.values() or any(check.severity == "drop" for check in binding.checks)


def _intersected(conjunction: Conjunction) -> tuple[dict[str, ValueSet], list[Predicate]]:
    """The atoms of a conjunction, one for each column, and what is left."""
    atoms: dict[str, ValueSet] = {}
    others: list[Predicate] = []
    stack: list[Predicate] = list(reversed(conjunction.parts))
    while stack:
        part = stack.pop()
        match part:
            case Atom(column=column, wanted=wanted):
                atoms[column] = atoms[column] & wanted if column in atoms else wanted
            case Conjunction(parts=parts):
                stack += reversed(parts)
            case _:
                others.append(part)
    return atoms, others
