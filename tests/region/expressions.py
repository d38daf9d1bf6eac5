"""Random predicates and expressions in PostgreSQL's SQL over the columns in scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from tests.region.vocabulary import Focus, VirtualColumn, Vocabulary, quoted

COMPARISONS = ("=", "=", "=", "<>", "<", "<=", ">", ">=")
INTEGER_FUNCTIONS = {
    "text": ("length({})", "length({}) + 1", "length({}) % 3"),
    "date": ("CAST(extract(year FROM {}) AS integer)",),
    "timestamp": ("CAST(extract(year FROM {}) AS integer)", "CAST(extract(month FROM {}) AS integer)"),
}
SAME_KIND = {
    "text": (
        "lower({})",
        "upper({})",
        "substring({} FROM 1 FOR 3)",
        "substr({}, 2, 2)",
        "coalesce({}, 'none')",
        "{} || 'x'",
        "trim({})",
        "replace({}, '0', 'o')",
        "left({}, 2)",
    ),
    "double": ("{} + 1", "{} * 2", "abs({})", "{} / 2", "coalesce({}, 0)", "- {}", "{} - 0.5", "floor({})"),
    "decimal": ("{} + 1", "{} * 2", "coalesce({}, 0)", "abs({})", "{} - 0.5"),
    "date": ("{} + 1", "{} - 30", "coalesce({}, DATE '2024-01-01')"),
    "timestamp": (
        "{} + interval '1 day'",
        "{} - interval '1 hour'",
        "date_trunc('month', {})",
        "coalesce({}, TIMESTAMPTZ '2024-01-01 00:00:00+00')",
    ),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A column in scope: how the statement names it, and where its constants come from."""

    sql: str
    column: VirtualColumn

    @property
    def kind(self) -> str:
        return self.column.kind


class Expressions:
    """Draws predicates and expressions. All chance comes from `random`: the same draws give the same SQL."""

    def __init__(self, random: Random, vocabulary: Vocabulary) -> None:
        self.random, self.focus = random, Focus(random, vocabulary)

    def chance(self, percent: int) -> bool:
        return self.random.randint(1, 100) <= percent

    def constant(self, field: Field) -> str:
        return self.focus.constant(field.column)

    def predicate(self, fields: Sequence[Field], depth: int = 2) -> str:
        """A boolean expression, nested at most `depth` deep."""
        kind = self.random.randint(0, 9) if depth else 9
        if kind <= 1:
            return f"({self.predicate(fields, depth - 1)} AND {self.predicate(fields, depth - 1)})"
        if kind <= 3:
            return f"({self.predicate(fields, depth - 1)} OR {self.predicate(fields, depth - 1)})"
        if kind == 4:
            return f"NOT ({self.predicate(fields, depth - 1)})"
        return self.atom(fields)

    def atom(self, fields: Sequence[Field]) -> str:
        field = self.random.choice(fields)
        match self.random.randint(0, 15):
            case 0:
                return f"{field.sql} IS {self._negation()}NULL"
            case 1:
                return f"{field.sql} IS {self._negation()}DISTINCT FROM {self._constant_or_null(field)}"
            case 2:
                return self._two_fields(fields, field)
            case 3:
                return self._over_expression(field)
            case 4:
                return f"{field.sql} {self._negation()}BETWEEN {' AND '.join(self.focus.bounds(field.column))}"
            case 5 | 6:
                return self._in_list(field)
            case 7 | 8 | 9 if field.kind == "text":
                return self._like(field)
            case 10:
                return self._range(field)
            case 11:
                return self._odd(field)
            case _:
                return f"{field.sql} {self.random.choice(COMPARISONS)} {self.constant(field)}"

    def expression(self, field: Field) -> str:
        """An expression over the field of any kind."""
        if field.kind in INTEGER_FUNCTIONS and self.chance(25):
            return self.random.choice(INTEGER_FUNCTIONS[field.kind]).format(field.sql)
        if self.chance(15):
            return f"CASE WHEN {self.atom([field])} THEN {field.sql} WHEN {field.sql} IS NULL THEN {self.constant_of_kind(field)} END"
        return self.random.choice(SAME_KIND[field.kind]).format(field.sql)

    def constant_of_kind(self, field: Field) -> str:
        """A constant that has the field's type by itself, not by what stands beside it."""
        casts = {"text": "text", "double": "double precision", "decimal": "numeric(19,4)", "date": "date", "timestamp": "timestamptz"}
        return f"CAST({self.constant(field)} AS {casts[field.kind]})"

    def _negation(self) -> str:
        return "NOT " if self.chance(50) else ""

    def _constant_or_null(self, field: Field) -> str:
        return "NULL" if self.chance(15) else self.constant(field)

    def _two_fields(self, fields: Sequence[Field], field: Field) -> str:
        other = self.random.choice([each for each in fields if each.kind == field.kind])
        operator = self.random.choice((*COMPARISONS, "IS DISTINCT FROM", "IS NOT DISTINCT FROM"))
        return f"{field.sql} {operator} {other.sql}"

    def _over_expression(self, field: Field) -> str:
        if field.kind in INTEGER_FUNCTIONS and self.chance(40):
            return f"{self.random.choice(INTEGER_FUNCTIONS[field.kind]).format(field.sql)} {self.random.choice(COMPARISONS)} {self.random.choice((0, 1, 2, 8, 9, 2021, 2024))}"
        return f"{self.random.choice(SAME_KIND[field.kind]).format(field.sql)} {self.random.choice(COMPARISONS)} {self.constant(field)}"

    def _in_list(self, field: Field) -> str:
        items = [self.constant(field) for _ in range(self.random.randint(1, 5))]
        if self.chance(20):
            items.append("NULL")
        return f"{field.sql} {self._negation()}IN ({', '.join(items)})"

    def _range(self, field: Field) -> str:
        """The shape of most real questions: one value known, another from here to there."""
        low, high = self.focus.bounds(field.column)
        return f"({field.sql} {self.random.choice(('>', '>='))} {low} AND {field.sql} {self.random.choice(('<', '<='))} {high})"

    def _like(self, field: Field) -> str:
        value = self.focus.text(field.column)
        cut = self.random.randint(0, len(value))
        match self.random.randint(0, 7):
            case 0:
                pattern, escape = f"%{value[cut : cut + 3]}%", ""
            case 1:
                pattern, escape = f"%{value[cut:]}", ""
            case 2:
                pattern, escape = f"{value[:cut]}_{value[cut + 1 :]}", ""
            case 3:
                pattern, escape = f"{value[:cut].replace('!', '!!')}!_%", " ESCAPE '!'"
            case 4:
                pattern, escape = value[:cut].replace("\\", "\\\\").replace("_", "\\_") + "%", ""
            case 5:
                pattern, escape = value, ""
            case _:
                pattern, escape = f"{value[:cut]}%", ""
        if pattern.endswith("\\") and (len(pattern) - len(pattern.rstrip("\\"))) % 2:
            pattern += "\\"
        return f"{field.sql} {self._negation()}LIKE {quoted(pattern)}{escape}"

    def _odd(self, field: Field) -> str:
        """Constants folded, tests of tests, comparisons with NULL."""
        return self.random.choice(
            (
                f"({field.sql} = {self.constant(field)}) IS NOT TRUE",
                f"({field.sql} < {self.constant(field)}) IS NULL",
                f"({field.sql} >= {self.constant(field)}) IS FALSE",
                f"{field.sql} = NULL",
                f"(1 = 1 OR {field.sql} = {self.constant(field)})",
                f"(1 = 0 OR {field.sql} = {self.constant(field)})",
                f"coalesce({field.sql} = {self.constant(field)}, false)",
                f"CASE WHEN {field.sql} IS NULL THEN true ELSE {field.sql} = {self.constant(field)} END",
                f"nullif({field.sql}, {self.constant(field)}) IS NULL",
                f"{self.constant(field)} = {field.sql}",
            )
        )
