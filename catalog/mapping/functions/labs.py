"""Laboratory values as text: '145.2 H', '<5', '阳性' taken apart into number, operator, flag and words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from sqlglot import exp

from catalog.conditions import Condition, Term, Test, all_of
from catalog.mapping import sql
from catalog.mapping.functions.base import TEXTS, Forward, Inverse, MappingFunction, Parameter, verdicts
from catalog.mapping.functions.numbers import raw_text_behind
from catalog.mapping.tree import Call
from catalog.types import DOUBLE
from catalog.values import NOT_NULL, NULL_ONLY, ValueSet

PATTERN = r"\s*(<=|>=|<|>|≤|≥|＜|＞)?\s*([-+]?[0-9]+(?:\.[0-9]+)?)\s*([A-Za-z*!↑↓+]{0,6})\s*"
"""Operator, number, flag: what a laboratory value may look like to be a number."""

_OPERATORS = {"≤": "<=", "≥": ">=", "＜": "<", "＞": ">"}


class LabPart(MappingFunction):
    parameters = (Parameter("text", TEXTS),)
    fails = False
    group: ClassVar[int]

    def part(self, text: exp.Expr) -> exp.Expr:
        """One group of the pattern; '' where the text is no laboratory number or has no such part."""
        return sql.function("regexp_extract", text, sql.text(f"^{PATTERN}$"), sql.integer(self.group))


class LabNumber(LabPart):
    """The number of a laboratory value: 145.2 for '145.2 H', 5 for '<5'; NULL for words, titres and crosses."""

    name = "lab_number"
    returns = DOUBLE
    fails = True
    verdicts = verdicts("S S S - - N")
    group = 2

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        return sql.try_cast(self.part(arguments[0]), DOUBLE)

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        """A text that is a number is that number; any other text may hold one."""
        column = raw_text_behind(call.arguments[0])
        if column is None:
            return None
        number = Test(Term(column.name, "number"), wanted | NULL_ONLY, exact=False)
        return all_of(number, Test(Term(column.name), NOT_NULL, exact=False))


class LabOperator(LabPart):
    """The operator of a laboratory value ('<' for '<5'), NULL if it has none."""

    name = "lab_operator"
    blanks = True
    group = 1

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        found = self.part(arguments[0])
        for written, usual in _OPERATORS.items():
            found = sql.function("replace", found, sql.text(written), sql.text(usual))
        return sql.function("nullif", found, sql.text(""))


class LabFlag(LabPart):
    """The flag of a laboratory value ('H' for '145.2 H'), NULL if it has none."""

    name = "lab_flag"
    blanks = True
    group = 3

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        return sql.function("nullif", self.part(arguments[0]), sql.text(""))


class LabText(LabPart):
    """The words of a laboratory value that is no number ('阳性', '1:160', '++'), NULL if it is one."""

    name = "lab_text"
    copies = 2
    blanks = True
    group = 0

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        matched = sql.function("regexp_full_match", arguments[0].copy(), sql.text(PATTERN))
        words = sql.function("nullif", sql.function("trim", arguments[0]), sql.text(""))
        return sql.when((exp.Not(this=matched), words))
