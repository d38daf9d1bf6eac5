"""convert_unit: a number in the wanted unit, by the catalog's conversions and spellings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache

from sqlglot import exp

from catalog.conditions import Condition, all_of, any_of
from catalog.mapping import sql
from catalog.mapping.functions.base import NUMBERS, TEXTS, Forward, Inverse, MappingFunction, Parameter, verdicts
from catalog.mapping.functions.monotone import Inverted, invert_bounds, relative_slack
from catalog.mapping.tree import Call, Node
from catalog.model import Units
from catalog.types import DOUBLE
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

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        number, source, target = call.arguments[:3]
        loinc = call.arguments[3] if len(call.arguments) > 3 else None
        targets = context.possible(target)
        arms: list[Condition] = []
        if targets is None:
            arms.append(context.preimage(number, wanted))
        for (factor, unit, analyte), spellings in _grouped(context.units, targets, with_analytes=loinc is not None).items():
            bounds = wanted if factor == SAME else invert_bounds(wanted, _inverted(factor), number.type, falling=factor[1] / factor[2] < 0)
            if bounds is None:
                return None
            parts = [
                context.preimage(number, bounds),
                context.preimage(source, ValueSet.of(*spellings)),
                context.preimage(target, ValueSet.of(unit)),
            ]
            if loinc is not None and analyte is not None:
                parts.append(context.preimage(loinc, ValueSet.of(analyte)))
            arms.append(all_of(*parts))
        return any_of(*arms)


def _grouped(units: Units, targets: frozenset[str] | None, *, with_analytes: bool) -> dict[tuple[Factor, str, str | None], list[str]]:
    """The units from which a factor leads to a wanted unit, for an analyte or for any."""
    found: dict[tuple[Factor, str, str | None], list[str]] = {(SAME, unit, None): [unit] for unit in sorted(targets or ())}
    for (source, unit, analyte), factor in factors_of(units).items():
        if (targets is None or unit in targets) and (analyte is None or with_analytes):
            spellings = found.setdefault((factor, unit, analyte), [])
            if source not in spellings:
                spellings.append(source)
    return found


def _inverted(factor: Factor) -> Inverted:
    add, multiply, divide = (Fraction(part) for part in factor)

    def inverted(value: Fraction) -> tuple[Fraction, Fraction]:
        scaled = value * divide / multiply
        return scaled - add, relative_slack(scaled, add, divide / multiply)

    return inverted


def conversion_targets(call: Call) -> Node:
    return call.arguments[2]
