"""convert_unit: a number in the wanted unit, by the catalog's conversions and spellings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache

from sqlglot import exp

from catalog.conditions import Condition, all_of, any_of
from catalog.mapping import sql
from catalog.mapping.functions.base import NUMBERS, TEXTS, Forward, Inverse, MappingFunction, Parameter, verdicts
from catalog.mapping.functions.monotone import Inverted, invert_bounds, relative_slack
from catalog.mapping.tree import Call, Node
from catalog.model import Units
from catalog.types import DOUBLE, Type
from catalog.values import ValueSet

Factor = tuple[float, float, float]
"""(add, multiply, divide): value = (x + add) * multiply / divide."""

SAME: Factor = (0.0, 1.0, 1.0)
Factors = Mapping[tuple[str, str, str | None], Factor]
"""By (unit as the hospital writes it, wanted unit, analyte; None: any)."""


def factors_of(units: Units) -> Factors:
    """Every conversion, also from each spelling of its unit; a spelling of the wanted unit converts as the same."""
    return _factors(units.conversions, tuple(units.spellings.items()))


@lru_cache(maxsize=8)
def _factors(conversions: tuple[object, ...], spellings: tuple[tuple[str, str], ...]) -> Factors:
    found: dict[tuple[str, str, str | None], Factor] = {}
    for spelling, unit in spellings:
        found[spelling, unit, None] = SAME
    written: dict[tuple[str, str, str | None], Factor] = {}
    for c in Units(conversions=conversions).conversions:  # type: ignore[arg-type]
        written[c.source_unit, c.unit, c.loinc] = (c.add, c.multiply, c.divide)
    for (source, unit, loinc), factor in written.items():
        for spelling, meant in spellings:
            if meant == source:
                found[spelling, unit, loinc] = factor
    return found | written


class ConvertUnit(MappingFunction):
    """convert_unit(x, from, to [, loinc]): the same unit stays, a known one is converted, anything else is NULL.

    A conversion for the analyte wins over one for any analyte.
    """

    name = "convert_unit"
    copies = 4
    parameters = (Parameter("number", NUMBERS), Parameter("from", TEXTS), Parameter("to", TEXTS), Parameter("loinc", TEXTS))
    required = 3
    returns = DOUBLE
    fails = True
    verdicts = verdicts("S S S - - N")

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        number = arguments[0] if call.arguments[0].type == DOUBLE else sql.cast(arguments[0], DOUBLE)
        add, multiply, divide = context.conversion(call)
        shifted = exp.Paren(this=exp.Add(this=sql.wrapped(number.copy()), expression=add))
        converted = exp.Div(this=exp.Mul(this=shifted, expression=multiply), expression=divide)
        return sql.when((sql.equal(arguments[1], arguments[2]), number), otherwise=converted)

    def not_null_arguments(self, call: Call) -> tuple[Node, ...]:
        return call.arguments[:1]

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        number, source, target, *loinc = call.arguments
        targets = context.possible(target)
        arms: dict[tuple[ValueSet, str], _Arm] = {}
        for (spelling, unit, analyte), factor in _used_factors(context.units, targets, with_analytes=bool(loinc)):
            bounds = _bounds(wanted, factor, number.type)
            if bounds is None:
                return None
            arms.setdefault((bounds, unit), _Arm()).add(spelling, analyte)
        found = [] if targets is not None else [context.preimage(number, wanted)]
        for (bounds, unit), arm in arms.items():
            parts = [
                context.preimage(number, bounds),
                context.preimage(source, ValueSet.of(*arm.spellings)),
                context.preimage(target, ValueSet.of(unit)),
            ]
            if loinc and arm.analytes is not None:
                parts.append(context.preimage(loinc[0], ValueSet.of(*arm.analytes)))
            found.append(all_of(*parts))
        return any_of(*found)


class _Arm:
    """What leads to one unit with the same bounds. Its parts are tested apart from each other, which only lets more rows pass."""

    def __init__(self) -> None:
        self.spellings: set[str] = set()
        self.analytes: set[str] | None = set()

    def add(self, spelling: str, analyte: str | None) -> None:
        self.spellings.add(spelling)
        if analyte is None:
            self.analytes = None
        elif self.analytes is not None:
            self.analytes.add(analyte)


def _used_factors(
    units: Units, targets: frozenset[str] | None, *, with_analytes: bool
) -> Iterator[tuple[tuple[str, str, str | None], Factor]]:
    """What can happen: the same unit on both sides, and the conversions to a unit that can be wanted."""
    for unit in targets or ():
        yield (unit, unit, None), SAME
    for key, factor in factors_of(units).items():
        if (targets is None or key[1] in targets) and (key[2] is None or with_analytes):
            yield key, factor


def _bounds(wanted: ValueSet, factor: Factor, type: Type) -> ValueSet | None:
    """Back through / divide, * multiply, + add, one after the other: between them a number may overflow, as it does forward."""
    add, multiply, divide = (Fraction(part) for part in factor)
    steps: list[tuple[Inverted, bool]] = []
    if divide != 1:
        steps.append((lambda v: (v * divide, relative_slack(v * divide, divide)), divide < 0))
    if multiply != 1:
        steps.append((lambda v: (v / multiply, relative_slack(v / multiply, 1 / multiply)), multiply < 0))
    if add != 0:
        steps.append((lambda v: (v - add, relative_slack(v, add)), False))
    if type != DOUBLE:
        steps.append((lambda v: (v, relative_slack(v)), False))
    found: ValueSet | None = wanted
    for index, (inverted, falling) in enumerate(steps):
        argument = type if index == len(steps) - 1 else DOUBLE
        found = None if found is None else invert_bounds(found, inverted, argument, falling=falling)
    return found
