"""Random statements over the virtual tables, in PostgreSQL's SQL, with bounded results and costs.

One generator for Hypothesis and for plain random runs: both hand it a `random.Random`, and the same draws give the same SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.region.expressions import Expressions, Field
from tests.region.vocabulary import VirtualColumn, Vocabulary, quoted

FACTS = ("encounter", "vital_sign", "lab_result", "condition", "medication", "immunization")
ANY_TABLE = ("patient", *FACTS, *FACTS, "notifiable_case")
KEYS = {
    "patient": "patient_id",
    "encounter": "encounter_id",
    "vital_sign": "vital_sign_id",
    "lab_result": "lab_result_id",
    "condition": "condition_id",
    "medication": "medication_id",
    "immunization": "immunization_id",
    "notifiable_case": "case_id",
}
JOIN_KINDS = ("JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, its family, and how to compare its answers. `ordered`: its ORDER BY is total."""

    sql: str
    family: str
    ordered: bool = False
    tolerance: float = 1e-12


@dataclass(frozen=True, slots=True)
class Place:
    """One item of FROM: its SQL, its alias, and the columns it offers."""

    sql: str
    alias: str
    fields: Sequence[Field]

    def field(self, name: str) -> Field | None:
        return next((field for field in self.fields if field.sql == f"{self.alias}.{name}"), None)


class Generator:
    """Draws one statement per instance."""

    def __init__(self, random: Random, vocabulary: Vocabulary) -> None:
        self.random, self.vocabulary, self.aliases = random, vocabulary, 0
        self.expressions = Expressions(random, vocabulary)
        self.chance = self.expressions.chance

    def statement(self) -> Statement:
        families: list[tuple[int, Callable[[], Statement]]] = [
            (30, self.filter),
            (10, self.directed),
            (20, self.join),
            (12, self.aggregate),
            (14, self.subquery),
            (5, self.set_operation),
            (5, self.common_table),
            (4, self.window),
        ]
        drawn = self.random.randint(1, sum(weight for weight, _ in families))
        for weight, family in families:
            if drawn <= weight:
                return family()
            drawn -= weight
        raise AssertionError("weights do not add up")

    # ------------------------------------------------------------------------------------------ one table

    def filter(self) -> Statement:
        place = self.place(self.random.choice(ANY_TABLE))
        where = self.expressions.predicate(place.fields, self.random.randint(0, 3))
        return self.select("filter", [place], place.sql, where)

    def directed(self) -> Statement:
        """Key and range together, and other pairs that independent draws miss."""
        focus = self.expressions.focus
        focus.loyalty = 95
        place = self.place(self.random.choice(sorted({column.table for column in focus.values})))
        names = {field.column.name: field for field in place.fields}
        first = [
            names[name]
            for name in ("patient_id", "encounter_id", KEYS[place.fields[0].column.table], "loinc_code", "code", "national_id", "node")
            if name in names
        ]
        second = [field for field in place.fields if field.kind != "text"] or list(place.fields)
        parts = [self.equality(self.random.choice(first)) for _ in range(self.random.randint(1, 2))]
        parts += [self.expressions.atom([self.random.choice(second)]) for _ in range(self.random.randint(1, 2))]
        joiner = " AND " if self.chance(85) else " OR "
        return self.select("directed", [place], place.sql, joiner.join(parts))

    def equality(self, field: Field) -> str:
        values = [self.expressions.constant(field) for _ in range(self.random.choice((1, 1, 1, 2, 3)))]
        return f"{field.sql} = {values[0]}" if len(values) == 1 else f"{field.sql} IN ({', '.join(values)})"

    def select(self, family: str, places: Sequence[Place], source: str, where: str) -> Statement:
        """A SELECT of some columns and expressions, ordered and limited or whole."""
        fields = [field for place in places for field in place.fields]
        items = self.items(fields)
        distinct = "DISTINCT " if self.chance(10) else ""
        where = f" WHERE {where}" if where else ""
        limit = f" ORDER BY {self.total_order(len(items))} {self.limit()}" if self.chance(30) or len(places) > 1 else ""
        return Statement(f"SELECT {distinct}{', '.join(items)} FROM {source}{where}{limit}", family, ordered=bool(limit))

    def items(self, fields: Sequence[Field]) -> list[str]:
        drawn = [self.random.choice(fields) for _ in range(self.random.randint(1, 4))]
        texts = [self.expressions.expression(field) if self.chance(20) else field.sql for field in drawn]
        return [f"{text} AS c{index}" for index, text in enumerate(texts)]

    def total_order(self, columns: int) -> str:
        """Every output column once: rows that tie are then equal."""
        positions = list(range(1, columns + 1))
        self.random.shuffle(positions)
        return ", ".join(f"{position}{self.random.choice(('', '', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST'))}" for position in positions)

    def limit(self) -> str:
        limit = f"LIMIT {self.random.choice((0, 1, 3, 10, 50, 200))}"
        return limit + (f" OFFSET {self.random.choice((1, 2, 20))}" if self.chance(20) else "")

    def place(self, table: str) -> Place:
        """The table under a new alias; sometimes as a derived table with a filter, a DISTINCT, or ordered and limited."""
        alias = f"t{self.aliases}"
        self.aliases += 1
        fields = [Field(f"{alias}.{column.name}", column) for column in self.vocabulary.tables[table]]
        if self.chance(88):
            return Place(f"{table} AS {alias}" if self.chance(70) else f"health.{table} {alias}", alias, fields)
        inner = [Field(f"s.{column.name}", column) for column in self.vocabulary.tables[table]]
        where = self.expressions.predicate(inner, 1)
        shape = self.random.choice(("", "DISTINCT ", f" ORDER BY s.node, s.{KEYS[table]} LIMIT 40"))
        distinct, limit = (shape, "") if shape.startswith("D") else ("", shape)
        names = ", ".join(field.sql for field in inner)
        return Place(f"(SELECT {distinct}{names} FROM {table} AS s WHERE {where}{limit}) AS {alias}", alias, fields)

    def selective(self, place: Place) -> str:
        """A condition that leaves the rows of a few patients, visits or days."""
        column = next((f for name in ("patient_id", "encounter_id") if (f := place.field(name))), place.fields[0])
        exact = [quoted(str(self.expressions.focus.value(column.column))) for _ in range(self.random.randint(1, 3))]
        return f"{column.sql} IN ({', '.join(exact)})"

    # ------------------------------------------------------------------------------------------ joins

    def join(self) -> Statement:
        places = [self.place(self.random.choice(ANY_TABLE)) for _ in range(2 if self.chance(60) else 3)]
        source, kinds = self.joined(places)
        where = [self.expressions.predicate([f for p in places for f in p.fields], 2)] if self.chance(70) else []
        if len(places) > 2 or "CROSS JOIN" in kinds:
            where.append(self.selective(self.random.choice(places) if self.chance(30) and "CROSS JOIN" not in kinds else places[0]))
        elif self.chance(30):
            where.append(self.selective(self.random.choice(places)))
        return self.select("join", places, source, " AND ".join(where))

    def joined(self, places: Sequence[Place]) -> tuple[str, list[str]]:
        source = places[0].sql
        kinds: list[str] = []
        for index, place in enumerate(places[1:], start=1):
            kind = self.random.choice(JOIN_KINDS)
            if index == 1 and self.chance(16):
                kind = "CROSS JOIN"
                source = f"{source} CROSS JOIN {self.few_rows(place)}"
            else:
                earlier = list(places[:index])
                self.random.shuffle(earlier)
                conditions = [
                    self.condition(left, place) for left in earlier[: 2 if self.chance(80 if kinds[-1:] == ["CROSS JOIN"] else 35) else 1]
                ]
                source = f"{source} {kind} {place.sql} ON {' AND '.join(conditions)}"
            kinds.append(kind)
        return source, kinds

    def few_rows(self, place: Place) -> str:
        table = place.fields[0].column.table
        if self.chance(50):
            return f"(SELECT * FROM {table} AS s ORDER BY s.node, s.{KEYS[table]} LIMIT 7) AS {place.alias}"
        inner = Place("", "s", [Field(f"s.{field.column.name}", field.column) for field in place.fields])
        return f"(SELECT {', '.join(field.sql for field in inner.fields)} FROM {table} AS s WHERE {self.selective(inner)}) AS {place.alias}"

    def condition(self, left: Place, right: Place) -> str:
        """Equality on a shared key, often with more: a filter on one side, or a comparison between the sides."""
        shared = [name for name in ("patient_id", "encounter_id") if left.field(name) and right.field(name)]
        name = self.random.choice(shared or ["node"])
        parts = [f"{left.alias}.{name} = {right.alias}.{name}"]
        if self.chance(75):
            parts.append(f"{left.alias}.node = {right.alias}.node")
        if not shared:
            parts.append(self.selective(right))
        if self.chance(30):
            parts.append(self.expressions.predicate(right.fields if self.chance(50) else left.fields, 1))
        if self.chance(15):
            parts.append(self.across(left, right))
        return " AND ".join(parts)

    def across(self, left: Place, right: Place) -> str:
        pairs = [(a, b) for a in left.fields for b in right.fields if a.kind == b.kind and a.kind != "text"]
        if not pairs:
            return f"{left.fields[0].sql} <> {right.fields[0].sql}"
        a, b = self.random.choice(pairs)
        return f"{a.sql} {self.random.choice(('<', '<=', '>', '=', '<>'))} {b.sql}"

    # ------------------------------------------------------------------------------------------ aggregates

    def aggregate(self) -> Statement:
        places = [self.place(self.random.choice(ANY_TABLE))]
        if self.chance(30):
            places.append(self.place(self.random.choice(("patient", "encounter", "condition"))))
        source, _ = self.joined(places)
        fields = [field for place in places for field in place.fields]
        where = f" WHERE {self.expressions.predicate(fields, 2)}" if self.chance(70) else ""
        groups = [self.group_key(fields) for _ in range(self.random.randint(0, 2))]
        groups = list(dict.fromkeys(groups))
        calls = [self.aggregate_call(fields) for _ in range(self.random.randint(1, 3))]
        items = [f"{text} AS c{index}" for index, text in enumerate([*groups, *calls])]
        tail = f" GROUP BY {', '.join(groups)}" if groups else ""
        if self.chance(25):
            tail += f" HAVING {self.random.choice(('count(*) > 1', 'count(*) <= 3', f'min({self.random.choice(fields).sql}) IS NOT NULL'))}"
        ordered = bool(groups) and self.chance(50)
        if ordered:
            tail += f" ORDER BY {self.total_order(len(groups))} {self.limit()}"
        return Statement(f"SELECT {', '.join(items)} FROM {source}{where}{tail}", "aggregate", ordered, 1e-9)

    def group_key(self, fields: Sequence[Field]) -> str:
        field = self.random.choice(fields)
        if field.kind == "timestamp" and self.chance(70):
            return f"date_trunc('{self.random.choice(('month', 'year', 'day'))}', {field.sql})"
        if field.kind == "text" and self.chance(20):
            return f"left({field.sql}, 1)"
        return field.sql

    def aggregate_call(self, fields: Sequence[Field]) -> str:
        field = self.random.choice(fields)
        calls = ["count(*)", "count({})", "count(DISTINCT {})", "min({})", "max({})"]
        if field.kind in ("double", "decimal"):
            calls += ["sum({})", "avg({})", "sum(DISTINCT {})"]
        call = self.random.choice(calls).format(field.sql)
        return f"{call} FILTER (WHERE {self.expressions.atom(fields)})" if self.chance(15) else call

    # ------------------------------------------------------------------------------------------ subqueries

    def subquery(self) -> Statement:
        outer = self.place(self.random.choice(ANY_TABLE))
        inner = self.place(self.random.choice(ANY_TABLE))
        if self.chance(17):
            return self.derived_aggregate(outer, inner)
        conditions = (self.in_subquery, self.exists, self.scalar, self.correlated_scalar, self.quantified)
        parts = [self.random.choice(conditions)(outer, inner)]
        if self.chance(60):
            parts.append(self.expressions.predicate(outer.fields, 1))
        return self.select("subquery", [outer], outer.sql, (" AND " if self.chance(75) else " OR ").join(parts))

    def inner_where(self, inner: Place, *more: str) -> str:
        parts = [*more, *([self.expressions.predicate(inner.fields, 1)] if self.chance(75) else [])]
        return f" WHERE {' AND '.join(parts)}" if parts else ""

    def pair(self, outer: Place, inner: Place) -> tuple[Field, Field]:
        """Two fields of one kind, shared names preferred."""
        shared = [(a, b) for a in outer.fields for b in inner.fields if a.column.name == b.column.name]
        close = [(a, b) for a in outer.fields for b in inner.fields if a.kind == b.kind]
        return self.random.choice(shared if shared and self.chance(80) else close)

    def in_subquery(self, outer: Place, inner: Place) -> str:
        a, b = self.pair(outer, inner)
        negation = "NOT " if self.chance(45) else ""
        return f"{a.sql} {negation}IN (SELECT {b.sql} FROM {inner.sql}{self.inner_where(inner)})"

    def exists(self, outer: Place, inner: Place) -> str:
        negation = "NOT " if self.chance(50) else ""
        return f"{negation}EXISTS (SELECT 1 FROM {inner.sql}{self.inner_where(inner, self.condition(outer, inner))})"

    def scalar(self, outer: Place, inner: Place) -> str:
        a, b = self.pair(outer, inner)
        call = self.random.choice(("min", "max"))
        return f"{a.sql} {self.random.choice(('=', '<', '>=', '<>'))} (SELECT {call}({b.sql}) FROM {inner.sql}{self.inner_where(inner)})"

    def correlated_scalar(self, outer: Place, inner: Place) -> str:
        call = self.random.choice(("count(*)", f"count({self.random.choice(inner.fields).sql})"))
        shared = [name for name in ("patient_id", "encounter_id", "node") if outer.field(name) and inner.field(name)]
        link = [f"{inner.alias}.{name} = {outer.alias}.{name}" for name in shared[: self.random.randint(1, 2)]]
        return f"(SELECT {call} FROM {inner.sql}{self.inner_where(inner, *link)}) {self.random.choice(('>', '=', '<='))} {self.random.choice((0, 1, 5))}"

    def quantified(self, outer: Place, inner: Place) -> str:
        a, b = self.pair(outer, inner)
        operator = self.random.choice(("= ANY", "<> ALL", "> ALL", "<= ANY"))
        return f"{a.sql} {operator} (SELECT {b.sql} FROM {inner.sql} WHERE {self.selective(inner)})"

    def derived_aggregate(self, outer: Place, inner: Place) -> Statement:
        """A join with a derived table that counts: no filter may cross its grouping wrongly."""
        key = "patient_id"
        latest = self.random.choice(inner.fields)
        derived = f"(SELECT {inner.alias}.node AS node, {inner.alias}.{key} AS {key}, count(*) AS n, max({latest.sql}) AS latest FROM {inner.sql}{self.inner_where(inner)} GROUP BY 1, 2)"
        kind = self.random.choice(JOIN_KINDS)
        fields = [
            Field("d.node", self.vocabulary.column("patient", "node")),
            Field("d.patient_id", self.vocabulary.column("patient", key)),
            Field("d.latest", latest.column),
        ]
        source = f"{outer.sql} {kind} {derived} AS d ON d.{key} = {outer.alias}.{key} AND d.node = {outer.alias}.node"
        where = self.expressions.predicate([*outer.fields, *fields, *fields], 1)
        return self.select("derived", [Place("", "d", [*outer.fields, *fields])], source, where)

    # ------------------------------------------------------------------------------------------ the rest

    def branch(self, kinds: Sequence[str], table: str | None = None) -> str:
        """A SELECT whose columns have these kinds."""
        tables = [t for t in ANY_TABLE if all(any(c.kind == kind for c in self.vocabulary.tables[t]) for kind in kinds)]
        place = self.place(table or self.random.choice(tables))
        items = [self.random.choice([field for field in place.fields if field.kind == kind]).sql for kind in kinds]
        named = ", ".join(f"{item} AS c{index}" for index, item in enumerate(items))
        return f"SELECT {named} FROM {place.sql} WHERE {self.expressions.predicate(place.fields, 1)}"

    def set_operation(self) -> Statement:
        table = self.random.choice(ANY_TABLE) if self.chance(40) else None
        kinds = ["text"] * self.random.randint(1, 3)
        operator = self.random.choice(("UNION", "UNION ALL", "INTERSECT", "EXCEPT"))
        sql = f"{self.branch(kinds, table)} {operator} {self.branch(kinds, table)}"
        return Statement(f"{sql} ORDER BY {self.total_order(len(kinds))} {self.limit()}", "set operation", True)

    def common_table(self) -> Statement:
        """A common table expression used once, or twice, or beside the table it is made of."""
        table = self.random.choice(FACTS)
        inner = [Field(f"s.{column.name}", column) for column in self.vocabulary.tables[table]]
        common = f"WITH w AS (SELECT * FROM {table} AS s WHERE {self.expressions.predicate(inner, 1)})"
        a, b = self.named(table, "a"), self.named(table, "b")
        if self.chance(35):
            return self.prefixed(common, self.select("common table", [a], "w AS a", self.expressions.predicate(a.fields, 1)))
        other = "w" if self.chance(50) else table
        source = f"w AS a {self.random.choice(JOIN_KINDS)} {other} AS b ON {self.condition(a, b)} AND {self.selective(a)} AND {self.selective(b)}"
        return self.prefixed(common, self.select("common table", [a, b], source, self.expressions.predicate([*a.fields, *b.fields], 1)))

    def named(self, table: str, alias: str) -> Place:
        return Place("", alias, [Field(f"{alias}.{column.name}", column) for column in self.vocabulary.tables[table]])

    def prefixed(self, prefix: str, statement: Statement) -> Statement:
        return Statement(f"{prefix} {statement.sql}", statement.family, statement.ordered, statement.tolerance)

    def window(self) -> Statement:
        place = self.place(self.random.choice(ANY_TABLE))
        key = f"{place.alias}.{KEYS[place.fields[0].column.table]}"
        value, partition = self.random.choice(place.fields).sql, self.random.choice(place.fields).sql
        order = f"{value}, {place.alias}.node, {key}"
        calls = [
            f"row_number() OVER (PARTITION BY {partition} ORDER BY {order})",
            f"rank() OVER (PARTITION BY {partition} ORDER BY {value} DESC)",
            f"count(*) OVER (PARTITION BY {partition})",
            f"lag({value}) OVER (PARTITION BY {partition} ORDER BY {order})",
            f"max({value}) OVER (PARTITION BY {partition})",
        ]
        inner = f"SELECT {place.alias}.node AS node, {key} AS key, {self.random.choice(calls)} AS w FROM {place.sql}"
        if self.chance(60):
            inner += f" WHERE {self.expressions.predicate(place.fields, 1)}"
        outer = [Field("q.node", self.column(place, "node")), Field("q.key", self.column(place, KEYS[place.fields[0].column.table]))]
        return Statement(
            f"SELECT q.node, q.key, q.w FROM ({inner}) AS q WHERE {self.expressions.predicate(outer, 1)} ORDER BY 1, 2, 3 LIMIT 200",
            "window",
            True,
        )

    def column(self, place: Place, name: str) -> VirtualColumn:
        return self.vocabulary.column(place.fields[0].column.table, name)


def statement(random: Random, vocabulary: Vocabulary) -> Statement:
    return Generator(random, vocabulary).statement()
