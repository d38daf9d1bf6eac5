"""A conjunct and its predicate accept the same rows: the predicate is held against DuckDB's own evaluation."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.predicates import Atom, Conjunction, Disjunction, Opaque, Predicate
from catalog.types import parse_type
from gateway.planner.inner import to_inner
from gateway.planner.names import resolve
from gateway.planner.parse import parse
from gateway.planner.predicates import to_predicate
from gateway.planner.visibility import visible_catalog

from .small_region import snapshot

VISIBLE = visible_catalog(snapshot(), "demo")
TYPES = {
    "sex": "text",
    "birth_date": "date",
    "active": "boolean",
    "value": "double",
    "effective_at": "timestamp",
    "total_cost": "decimal(19,4)",
    "beds": "integer",
}
OWNER = {
    "sex": "patient",
    "birth_date": "patient",
    "active": "patient",
    "value": "vital_sign",
    "effective_at": "vital_sign",
    "total_cost": "encounter",
    "beds": "encounter",
}
VALUES: dict[str, list[Any]] = {
    "sex": ["", "a", "A", "ab", "a%", "a_b", "b", "é", "😀", None],
    "birth_date": [date(1979, 12, 31), date(1980, 1, 1), date(2024, 2, 29), None],
    "active": [True, False, None],
    "value": [-1.5, 0.0, 36.6, 140.0, 140.1, float("nan"), float("inf"), None],
    "effective_at": [
        datetime(2023, 12, 31, 23, 59, 59, 999999, UTC),
        datetime(2024, 1, 1, tzinfo=UTC),
        datetime(2024, 6, 1, 12, tzinfo=UTC),
        None,
    ],
    "total_cost": [Decimal("-0.0001"), Decimal("0.0000"), Decimal("1.2345"), Decimal("129.1600"), None],
    "beds": [-1, 0, 1, 2, 5, None],
}
CONSTANTS = {
    "sex": ["''", "'a'", "'A'", "'ab'", "'é'", "'a%'"],
    "birth_date": ["'1980-01-01'", "DATE '1979-12-31'", "'2024-2-29'"],
    "active": ["TRUE", "FALSE", "'t'"],
    "value": ["0", "140", "140.1", "-1.5", "36.6", "'140.1'", "1e2"],
    "effective_at": [
        "'2024-01-01'",
        "'2024-01-01 00:00:00+00'",
        "timestamptz '2024-06-01 14:00:00+02'",
        "DATE '2024-01-01'",
        "'2023-12-31 23:59:59.999999Z'",
    ],
    "total_cost": ["0", "1.2345", "1.23451", "129.16", "-0.0001", "'1.2345'"],
    "beds": ["0", "1", "1.5", "-1", "2.0", "'5'"],
}
LIKES = ["'a%'", "'a'", "'%'", "''", "'%b'", "'a_b'", "'a\\_b'", "'a\\%%'", "'a%b'"]


def _leaf(column: str) -> st.SearchStrategy[str]:
    constant = st.sampled_from(CONSTANTS[column])
    plain = st.builds(
        lambda op, c: f"{column} {op} {c}",
        st.sampled_from(["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"]),
        constant,
    )
    flipped = st.builds(lambda op, c: f"{c} {op} {column}", st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), constant)
    listed = st.builds(
        lambda no, items, null: f"{column} {no}IN ({', '.join([*items, *(['NULL'] if null else [])])})",
        st.sampled_from(["", "NOT "]),
        st.lists(constant, min_size=1, max_size=3),
        st.booleans(),
    )
    between = st.builds(lambda no, a, b: f"{column} {no}BETWEEN {a} AND {b}", st.sampled_from(["", "NOT "]), constant, constant)
    nulls = st.sampled_from([f"{column} IS NULL", f"{column} IS NOT NULL", f"{column} = NULL", f"{column} IS DISTINCT FROM NULL"])
    found = [plain, flipped, listed, between, nulls]
    if column == "sex":
        found.append(st.builds(lambda no, p: f"{column} {no}LIKE {p}", st.sampled_from(["", "NOT "]), st.sampled_from(LIKES)))
        found.append(st.sampled_from(["sex LIKE 'a!%%' ESCAPE '!'", "sex NOT LIKE 'a!_b' ESCAPE '!'"]))
    if column == "active":
        found += [st.sampled_from(["active", "NOT active", "active IS TRUE", "active IS NOT TRUE", "active IS FALSE"])]
    return st.one_of(found)


def _tree(column: str) -> st.SearchStrategy[str]:
    return st.recursive(
        _leaf(column),
        lambda inner: st.one_of(
            st.builds("({} AND {})".format, inner, inner),
            st.builds("({} OR {})".format, inner, inner),
            st.builds("NOT ({})".format, inner),
        ),
        max_leaves=5,
    )


CONDITIONS = st.sampled_from(list(TYPES)).flatmap(lambda column: st.tuples(st.just(column), _tree(column)))


def holds(predicate: Predicate, value: Any) -> bool:
    match predicate:
        case Atom(wanted=wanted):
            return wanted.contains(value)
        case Conjunction(parts=parts):
            return all(holds(part, value) for part in parts)
        case Disjunction(arms=arms):
            return any(holds(arm, value) for arm in arms)
        case Opaque():
            return True


def has_opaque(predicate: Predicate) -> bool:
    match predicate:
        case Opaque():
            return True
        case Conjunction(parts=inner) | Disjunction(arms=inner):
            return any(map(has_opaque, inner))
        case _:
            return False


def _bound(column: str, condition: str):
    sql = f"select {column} from {OWNER[column]} where {condition}"
    return to_inner(resolve(parse(sql), sql, VISIBLE), sql)


def _arrow(column: str) -> pa.Table:
    kinds = {
        "text": pa.string(),
        "date": pa.date32(),
        "boolean": pa.bool_(),
        "double": pa.float64(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "integer": pa.int64(),
    }
    type_ = kinds.get(TYPES[column], pa.decimal128(19, 4))
    return pa.table({column: pa.array(VALUES[column], type=type_), "i": pa.array(range(len(VALUES[column])))})


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        for column in TYPES:
            con.register(f"t_{column}", _arrow(column))
        yield con


@settings(max_examples=400, deadline=None)
@given(CONDITIONS)
def test_a_predicate_accepts_the_rows_for_which_the_condition_is_true(connection, case):
    column, condition = case
    where = _bound(column, condition).args["where"].this
    predicate = to_predicate(where, {column: parse_type(TYPES[column])})
    text = where.sql("duckdb").replace(f"{OWNER[column]}.", "")
    rows = {i for (i,) in connection.execute(f"select i from t_{column} where {text}").fetchall()}
    kept = {i for i, value in enumerate(VALUES[column]) if holds(predicate, value)}
    if has_opaque(predicate):
        assert rows <= kept, text
    else:
        assert rows == kept, text


@pytest.mark.parametrize(
    "condition", ["sex = 'a'", "sex LIKE 'a%'", "value > 5", "birth_date < '2000-01-01'", "beds IN (1, 2)", "total_cost >= 1.5", "active"]
)
def test_what_a_value_set_can_say_is_not_opaque(condition):
    column = condition.split()[0]
    where = _bound(column, condition).args["where"].this
    assert not has_opaque(to_predicate(where, {column: parse_type(TYPES[column])}))


def test_expressions_over_a_column_are_opaque_with_a_reason():
    where = _bound("value", "value + 1 > 5").args["where"].this
    predicate = to_predicate(where, {"value": parse_type("double")})
    assert isinstance(predicate, Opaque)
    assert "computes" in predicate.reason
