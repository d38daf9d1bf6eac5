"""Codes: recode, values that mean NULL, ICD-10 with its dot."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from catalog.conditions import Condition
from catalog.mapping import sql
from catalog.mapping.constants import coerce
from catalog.mapping.functions.base import TEXTS, Forward, Inverse, MappingFunction, Parameter, literal, require, verdicts
from catalog.mapping.functions.injective import map_points
from catalog.mapping.functions.operators import EVERY, comparable
from catalog.mapping.tree import Call, Node
from catalog.types import TEXT, Type
from catalog.values import ValueSet


class Recode(MappingFunction):
    """recode(x, 'M', 'male', 'F', 'female'): a small code map; any other value is NULL."""

    name = "recode"
    parameters = (Parameter("value"), Parameter("code", literal=True), Parameter("text", literal=True))
    repeats = 2
    blanks = True
    verdicts = EVERY

    def arrange(self, arguments: tuple[Node, ...], type: Type | None) -> tuple[Node, ...] | Node:
        subject, rest = arguments[0], arguments[1:]
        codes = [comparable(subject, code)[1] for code in rest[::2]]
        texts = [coerce(text, TEXT) for text in rest[1::2]]
        values = [literal(code) for code in codes]
        require(len(set(values)) == len(values), "recode has a code twice")
        return (subject, *(node for pair in zip(codes, texts) for node in pair))

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        branches = [exp.If(this=code, true=text) for code, text in zip(arguments[1::2], arguments[2::2])]
        return exp.Case(this=arguments[0], ifs=branches)

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        codes = [literal(code) for code in call.arguments[1::2]]
        texts = [literal(text) for text in call.arguments[2::2]]
        found = ValueSet.of(*(code for code, text in zip(codes, texts) if wanted.contains(text)))
        if wanted.null:
            found = found | ValueSet.of(*codes).complement()
        return context.preimage(call.arguments[0], found)


class NullifAny(MappingFunction):
    """nullif_any(x, 'N/A', ''): NULL where the value is one of these."""

    name = "nullif_any"
    parameters = (Parameter("value"), Parameter("blank", literal=True))
    repeats = 1
    blanks = True
    verdicts = EVERY

    def arrange(self, arguments: tuple[Node, ...], type: Type | None) -> tuple[Node, ...] | Node:
        subject = arguments[0]
        return (subject, *(comparable(subject, blank)[1] for blank in arguments[1:]))

    def type_of(self, arguments: Sequence[Node]) -> Type:
        return arguments[0].type

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        kept = arguments[0]
        for blank in arguments[1:]:
            kept = sql.function("nullif", kept, blank)
        return kept

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        blanks = ValueSet.of(*(literal(blank) for blank in call.arguments[1:]))
        kept = wanted & blanks.complement()
        return context.preimage(call.arguments[0], kept | blanks if wanted.null else kept)


class Icd10Dot(MappingFunction):
    """ICD-10 with its dot: 'J0190' is 'J01.90'; three signs or fewer, or a dot in fourth place, stay as they are."""

    name = "icd10_dot"
    parameters = (Parameter("code", TEXTS),)
    verdicts = verdicts("E E N E E E")

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        return sql.function("regexp_replace", arguments[0], sql.text("(?s)^(.{3})([^.])"), sql.text(r"\1.\2"))

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        found = map_points(call.arguments[0], wanted, _undotted, context)
        if found is not None:
            return found
        (interval,) = wanted.intervals
        found_prefixes = _prefixes(interval.low)
        return context.preimage(call.arguments[0], ValueSet(found_prefixes.intervals, wanted.null))


def _undotted(code: str) -> list[str]:
    if len(code) <= 3:
        return [code]
    return [code, code[:3] + code[4:]] if code[3] == "." and code[4:5] not in ("", ".") else [code] if code[3] == "." else []


def _prefixes(prefix: str) -> ValueSet:
    """The codes whose dotted form begins with the prefix."""
    if len(prefix) <= 3:
        return ValueSet.prefix(prefix)
    if prefix[3] != ".":
        return ValueSet()
    already = ValueSet.prefix(prefix)
    if prefix[4:5] == ".":
        return already
    undotted = ValueSet.prefix(prefix[:3] + prefix[4:])
    if len(prefix) == 4:
        undotted = undotted & ValueSet.of(prefix[:3]).complement()
    return already | undotted
