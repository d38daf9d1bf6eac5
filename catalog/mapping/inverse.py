"""Walks an expression from the outside in and asks each function what must hold of its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.conditions import Always, Condition, Never, Term, Test, Unknown, all_of, any_of, inexact
from catalog.mapping.functions import FUNCTIONS
from catalog.mapping.functions.base import Verdicts, literal
from catalog.mapping.lookups import MAX_KEYS, LookupSlice
from catalog.mapping.tree import Call, Literal, LookupValue, Node, Raw, Virtual
from catalog.model import Units
from catalog.values import NOT_NULL, ValueSet, text_successor


@dataclass(frozen=True)
class Inverter:
    """Inverts the expressions of one binding. `columns`: the expression of each virtual column."""

    zone: str
    units: Units
    lookups: Mapping[str, LookupSlice]
    columns: Mapping[str, Node]

    def preimage(self, node: Node, wanted: ValueSet) -> Condition:
        """Which raw rows can make `node` a member of `wanted`."""
        if wanted.is_all:
            return Always()
        if wanted.is_empty:
            return Never()
        match node:
            case Literal(value=value):
                return Always() if wanted.contains(value) else Never()
            case Raw(name=name, nullable=nullable):
                return raw_test(name, nullable, wanted)
            case LookupValue():
                return self._lookup(node, wanted)
            case Virtual(name=name):
                return self.preimage(self.columns[name], wanted)
            case Call():
                return self._call(node, wanted)

    def not_null(self, node: Node) -> Condition:
        return inexact(self.preimage(node, NOT_NULL))

    def possible(self, node: Node) -> frozenset[str] | None:
        match node:
            case Literal(value=value):
                return frozenset() if value is None else frozenset([value])
            case LookupValue(alias=alias, column=column):
                return frozenset(value for value in self.lookups[alias].keys_by_value(column) if value is not None)
            case Call(function="recode", arguments=arguments):
                return frozenset(literal(text) for text in arguments[2::2])
            case Call(function="nullif_any", arguments=(first, *_)):
                return self.possible(first)
            case Call(function="coalesce", arguments=arguments):
                found = [self.possible(argument) for argument in arguments]
                return None if None in found else frozenset().union(*(part for part in found if part is not None))
            case _:
                return None

    def _call(self, call: Call, wanted: ValueSet) -> Condition:
        function = FUNCTIONS[call.function]
        letter = _letter(function.verdicts_of(call), wanted)
        if letter == "-":
            return Unknown()
        found = None if letter == "N" else function.preimage(call, wanted, self)
        if found is not None:
            return inexact(found) if letter == "S" else found
        if wanted.null or not function.strict:
            return Unknown()
        return inexact(all_of(*(self.not_null(argument) for argument in function.not_null_arguments(call))))

    def _lookup(self, node: LookupValue, wanted: ValueSet) -> Condition:
        slice = self.lookups[node.alias]
        keys = slice.keys_of(node.column, wanted)
        unmatched = wanted.null and slice.use.missing != "drop"
        if len(slice.keys) == 1:
            return self._single_key(slice, [key for (key,) in keys], unmatched, wanted)
        if unmatched or len(keys) > MAX_KEYS:
            return Unknown() if wanted.null else inexact(all_of(*(self.not_null(key) for _, key in slice.keys)))
        return any_of(*(self._row(slice, key) for key in keys))

    def _single_key(self, slice: LookupSlice, keys: list[str | None], unmatched: bool, wanted: ValueSet) -> Condition:
        """`unmatched`: rows whose key is not in the lookup are wanted too."""
        (_, expression), found = slice.keys[0], ValueSet.of(*keys)
        if unmatched:
            others = ValueSet.of(*(key for (key,) in slice.all_keys())).complement()
            found = ValueSet((found | others).intervals, True)
        if max(len(found.intervals), 1) > MAX_KEYS:
            return Unknown() if wanted.null else self.not_null(expression)
        return self.preimage(expression, found)

    def _row(self, slice: LookupSlice, key: tuple[str | None, ...]) -> Condition:
        return all_of(*(self.preimage(expression, ValueSet.of(value)) for (_, expression), value in zip(slice.keys, key)))

    def is_mapped(self, slice: LookupSlice) -> Condition:
        """The key is one of the lookup's: what `missing: drop` keeps."""
        keys = slice.all_keys()
        if len(keys) > MAX_KEYS:
            return inexact(all_of(*(self.not_null(expression) for _, expression in slice.keys)))
        if len(slice.keys) == 1:
            return self.preimage(slice.keys[0][1], ValueSet.of(*(key for (key,) in keys)))
        return any_of(*(self._row(slice, key) for key in keys))


def raw_test(name: str, nullable: bool, wanted: ValueSet) -> Condition:
    """A test of a raw column; one that is never NULL is not asked whether it is."""
    if not nullable:
        if wanted.is_not_null:
            return Always()
        if wanted.is_null_only:
            return Never()
        wanted = wanted.without_null()
    return Test(Term(name), wanted)


def _letter(verdicts: Verdicts, wanted: ValueSet) -> str:
    """What the contract promises for this kind of set: the weakest of its parts."""
    letters = [verdicts.null] if wanted.null else []
    if wanted.intervals:
        letters.append(_kind_letter(verdicts, wanted.without_null() if wanted.null else wanted))
    return min(letters, key="-NSE".index)


def _kind_letter(verdicts: Verdicts, wanted: ValueSet) -> str:
    if wanted.is_not_null:
        return verdicts.not_null
    if wanted.points() is not None:
        return verdicts.equal
    if wanted.excluded() is not None:
        return verdicts.unequal
    if _is_prefix(wanted):
        return verdicts.like
    return verdicts.range


def _is_prefix(wanted: ValueSet) -> bool:
    if len(wanted.intervals) != 1:
        return False
    (interval,) = wanted.intervals
    if not isinstance(interval.low, str) or not interval.low_closed or interval.high_closed:
        return False
    return bool(interval.high == text_successor(interval.low))
