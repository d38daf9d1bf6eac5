"""Reads all texts of a binding into typed trees and collects what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from catalog.errors import CatalogError, Place, Problem, near_names
from catalog.mapping.build import as_declared
from catalog.mapping.constants import read_constant
from catalog.mapping.errors import ExpressionError
from catalog.mapping.lookups import LookupSlice
from catalog.mapping.nullability import kept_not_null, null_reason
from catalog.mapping.parser import parse_expression
from catalog.mapping.partitions import PartitionRule, partition_rules
from catalog.mapping.scope import RawScope, Scope, VirtualScope
from catalog.mapping.tree import Call, Literal, Node, walk
from catalog.model import Column, Lookup, LookupUse, TableBinding, VirtualTable
from catalog.relations import relation_tables
from catalog.types import TEXT

FLAGS = "quality_flags"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """The parts of a binding as trees. `columns` has every virtual column, `node` too; each as its declared type."""

    columns: Mapping[str, Node]
    where: Node | None
    keep: Node | None
    checks: Mapping[str, Node]
    lookups: Mapping[str, LookupSlice]
    partitions: tuple[PartitionRule, ...]


def read_binding(binding: TableBinding, table: VirtualTable, lookups: Mapping[str, Lookup]) -> Trees:
    """Raises CatalogError with every problem of the binding's texts."""
    reader = _Reader(binding, table, lookups)
    trees = reader.read()
    if reader.problems:
        raise CatalogError(tuple(reader.problems))
    return trees


@dataclass
class _Reader:
    binding: TableBinding
    table: VirtualTable
    lookups: Mapping[str, Lookup]
    problems: list[Problem] = field(default_factory=list)
    slices: dict[str, LookupSlice] = field(default_factory=dict)
    known: dict[str, Lookup] = field(default_factory=dict)

    def read(self) -> Trees:
        binding = self.binding
        for use in binding.lookups:
            self._read_lookup(use)
        where = self._condition(binding.where, self._raw_scope(), "where")
        columns = {"node": Literal(binding.node, TEXT)} | {
            name: self._read_column(column) for name, column in self.table.columns.items() if name != "node"
        }
        virtual = VirtualScope({name: column.type for name, column in self.table.columns.items() if name != FLAGS} | {"node": TEXT})
        keep = self._condition(binding.keep, virtual, "keep")
        checks = {check.name: self._condition(check.test, virtual, f"checks.{check.name}.test", check.place) for check in binding.checks}
        self._check_nulls(columns, keep)
        nodes = [*columns.values(), *([where] if where else [])]
        return Trees(
            columns=columns,
            where=where,
            keep=keep,
            checks={name: test for name, test in checks.items() if test is not None},
            lookups=self.slices,
            partitions=self._partitions(nodes),
        )

    # ------------------------------------------------------------------------------------------- problems

    def _place(self, path: str) -> Place:
        """Where the value stands, or what is around it."""
        while path:
            if path in self.binding.places:
                return self.binding.places[path]
            path = path.rpartition(".")[0]
        return self.binding.place

    def _report(self, code: str, place: Place, fact: str, hint: str = "") -> None:
        self.problems.append(Problem(code, place, fact, hint))

    def _guarded(self, text: str, place: Place, read: Callable[[], Node]) -> Node | None:
        try:
            return read()
        except ExpressionError as error:
            if error.position is not None and place.column and "\n" not in text.strip():
                place = Place(place.file, place.line, place.column + error.position)
            self._report(error.code, place, error.fact, error.hint)
            return None

    # ---------------------------------------------------------------------------------------------- parts

    def _raw_scope(self) -> RawScope:
        return RawScope(self.binding.relation, ignore_case=self.binding.case_insensitive, lookups=self.known)

    def _read_lookup(self, use: LookupUse) -> None:
        lookup = self.lookups.get(use.lookup)
        if lookup is None:
            self._report("C205", use.place, f"unknown lookup {use.lookup}", near_names(use.lookup, self.lookups))
            return
        keys: list[tuple[str, Node]] = []
        for name, text in use.key.items():
            place = self._place(f"lookups.{use.alias}.key.{name}")
            key = self._guarded(text, place, lambda text=text: parse_expression(text, self._raw_scope()))  # type: ignore[misc]
            if name not in lookup.key:
                self._report("C205", place, f"the lookup {lookup.name} has no key {name}", near_names(name, lookup.key))
            elif key is not None and not key.type.is_text:
                self._report("C207", place, f"a lookup compares texts, and the key {name} is {key.type}", "cast it with ::varchar")
            elif key is not None:
                keys.append((name, key))
        if not use.key:
            self._report("C205", use.place, f"the lookup {use.alias} looks nothing up", "give it a key")
        missing = [name for name in lookup.key if name not in use.key and name not in use.where]
        if missing:
            self._report("C205", use.place, f"the lookup {lookup.name} needs its key {', '.join(missing)}", "in where or key")
        self.known[use.alias] = lookup
        if len(keys) == len(use.key) and not missing:
            self.slices[use.alias] = LookupSlice(use, lookup, tuple(keys))

    def _condition(self, text: str | None, scope: Scope, path: str, place: Place | None = None) -> Node | None:
        if text is None:
            return None
        at = place or self._place(path)
        node = self._guarded(text, at, lambda: parse_expression(text, scope))
        if node is not None and node.type.name != "boolean":
            self._report("C207", at, f"{path.partition('.')[0]} is a condition, not {node.type}", "compare it with something")
            return None
        return node

    def _read_column(self, column: Column) -> Node:
        name, binding = column.name, self.binding
        nothing = Literal(None, column.type)
        if name in binding.columns:
            text, place = binding.columns[name], self._place(f"columns.{name}")
            scope = self._raw_scope()
            node = self._guarded(text, place, lambda: as_declared(parse_expression(text, scope), column.type))
            if node is not None:
                self._check_values(node, column, place)
            return node or nothing
        if name in binding.constants:
            return self._read_constant(binding.constants[name], column)
        if name not in binding.absent and name != FLAGS:
            hint = "add it to columns, constants or absent"
            self._report("C209", self._place("columns"), f"the column {name} of {self.table.name} has no expression", hint)
        elif not column.nullable:
            self._report("C210", self._place("absent"), f"the column {name} is never NULL, so it cannot be absent", "give it an expression")
        return nothing

    def _read_constant(self, value: object, column: Column) -> Node:
        place = self._place(f"constants.{column.name}")
        try:
            read = read_constant(value, column.type)
        except ValueError as error:
            self._report("C212", place, f"the constant of {column.name} {error}")
            return Literal(None, column.type)
        if column.values and read is not None and read not in column.values:
            self._report("C211", place, f"{read} is not among the values of {column.name}", near_names(read, column.values))
        return Literal(read, column.type)

    def _check_values(self, node: Node, column: Column, place: Place) -> None:
        if not column.values:
            return
        texts = [part for call in walk(node) if isinstance(call, Call) and call.function == "recode" for part in call.arguments[2::2]]
        texts += [node] if isinstance(node, Literal) else []
        for text in texts:
            if isinstance(text, Literal) and text.value is not None and text.value not in column.values:
                self._report("C211", place, f"{text.value} is not among the values of {column.name}", near_names(text.value, column.values))

    def _check_nulls(self, columns: Mapping[str, Node], keep: Node | None) -> None:
        demanded = kept_not_null(keep)
        for name, column in self.table.columns.items():
            if column.nullable or name in demanded or name not in self.binding.columns:
                continue
            reason = null_reason(columns[name], self.slices)
            if reason is not None and not any(problem.place == self._place(f"columns.{name}") for problem in self.problems):
                hint = f"keep: {name} is not null leaves such rows out"
                self._report("C210", self._place(f"columns.{name}"), f"the column {name} is never NULL, but {reason}", hint)

    def _partitions(self, nodes: list[Node]) -> tuple[PartitionRule, ...]:
        try:
            return tuple(partition_rules(self.binding.relation, self.binding.zone, nodes))
        except ExpressionError as error:
            place = next((table.place for table in relation_tables(self.binding.relation)), self.binding.place)
            self._report(error.code, place, f"a partition's expression: {error.fact}", error.hint)
            return ()
