"""Filter above the mapping = filter pushed down, for the bindings of the example region over their real rows."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from catalog.conditions import holds, is_exact
from catalog.mapping import MappedBinding
from catalog.predicates import Atom, Conjunction, Disjunction, Predicate
from catalog.values import ValueSet
from tests.catalog.mapping.random_values import random_set
from tests.catalog.mapping.running import project, rows_of
from tests.catalog.mapping.test_expected_rows import BINDINGS

SAMPLE, PREDICATES = 300, 9


def true(predicate: Predicate, row: dict[str, Any]) -> bool:
    match predicate:
        case Atom(column=column, wanted=wanted):
            return wanted.contains(row[column])
        case Conjunction(parts=parts):
            return all(true(part, row) for part in parts)
        case Disjunction(arms=arms):
            return any(true(arm, row) for arm in arms)
    raise AssertionError(predicate)


def random_predicate(random: Random, rows: list[dict[str, Any]], depth: int = 2) -> Predicate:
    if depth and random.random() < 0.5:
        parts = tuple(random_predicate(random, rows, depth - 1) for _ in range(random.randrange(1, 4)))
        return Conjunction(parts) if random.random() < 0.6 else Disjunction(parts)
    column = random.choice(list(rows[0]))
    pool = [row[column] for row in random.sample(rows, min(len(rows), 8)) if row[column] is not None]
    return Atom(column, random_set(random, pool))


def person_and_time(random: Random, rows: list[dict[str, Any]]) -> Predicate:
    """What applications ask: one person, from a time on. Random predicates hardly ever meet it."""
    row = random.choice(rows)
    times = [name for name, value in row.items() if isinstance(value, datetime)]
    parts: list[Predicate] = [Atom("patient_id", ValueSet.of(row["patient_id"]))]
    parts += [Atom(name, ValueSet.range(row[name], None, low_closed=random.random() < 0.7)) for name in times[:1]]
    key = next(iter(row)) if len(parts) == 1 else random.choice(list(row))
    return Conjunction((*parts, Atom(key, ValueSet(ValueSet.of(row[key]).intervals if row[key] is not None else (), row[key] is None))))


class Sampled:
    """Some raw rows of a binding, and what they become."""

    def __init__(self, compiled: MappedBinding, connection: Any, columns: list[str]) -> None:
        self.compiled, self.connection, self.columns = compiled, connection, columns
        connection.execute(
            f"create or replace table sampled as select * from raw_rows using sample reservoir({SAMPLE} rows) repeatable (7)"
        )
        connection.execute("alter table sampled add column _number bigint; update sampled set _number = rowid")
        self.raw = [_utc(row) for row in connection.sql("select * from sampled").to_arrow_table().to_pylist()]
        self.virtual = self.project("sampled")

    def project(self, source: str) -> list[dict[str, Any]]:
        return [_utc(row) for row in rows_of(project(self.connection, self.compiled, self.columns, source))]

    def read_where(self, predicate: Predicate) -> tuple[list[dict[str, Any]], int]:
        """What comes of the raw rows that the source would send, and how many those are."""
        conditions = [self.compiled.invert(predicate), *(condition for _, condition in self.compiled.own_conditions())]
        numbers = [row["_number"] for row in self.raw if all(holds(condition, row) for condition in conditions)]
        shown = ", ".join(map(str, numbers)) or "-1"
        return self.project(f"(select * from sampled where _number in ({shown}))"), len(numbers)


def _utc(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo is not None else _plain(value)
        for name, value in row.items()
    }


def _plain(value: Any) -> Any:
    return tuple(map(str, value)) if isinstance(value, list) else value


def _sorted(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(repr(row) for row in rows)


@pytest.fixture(scope="module")
def samples(compiled, raw_databases, snapshot):
    return {
        (node, table): Sampled(compiled[node, table], raw_databases[node, table], list(snapshot.tables[table].columns))
        for node, table in BINDINGS
    }


@pytest.mark.parametrize(("node", "table"), BINDINGS)
def test_pushed_filters_lose_and_invent_no_row(node, table, samples):
    sampled = samples[node, table]
    random = Random(f"{node} {table}")
    for number in range(PREDICATES):
        make = person_and_time if number % 3 == 0 else random_predicate
        predicate = make(random, sampled.virtual)
        pushed, sent = sampled.read_where(predicate)
        wanted = [row for row in sampled.virtual if true(predicate, row)]
        assert _sorted([row for row in pushed if true(predicate, row)]) == _sorted(wanted), predicate
        conditions = [sampled.compiled.invert(predicate), *(condition for _, condition in sampled.compiled.own_conditions())]
        if all(is_exact(condition) for condition in conditions) and not sampled.compiled.drops_rows_at_gateway:
            assert (sent, len(pushed)) == (len(wanted), len(wanted)), predicate
