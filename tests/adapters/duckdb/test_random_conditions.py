"""Random conditions of any depth over every type: DuckDB returns the rows for which they hold in plain Python."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.duckdb import DuckDbAdapter
from adapters.interface import Exactness, Scan
from adapters.testing.conformance import read_all
from adapters.testing.relations import Row, matching, relation_rows
from adapters.testing.sample import VALUES, sample_table
from adapters.testing.value_sets import ORDERED_KINDS, sets_of
from catalog.conditions import Condition, Term, Test, all_of, any_of, is_exact
from catalog.relations import TableRelation
from catalog.values import Interval, ValueSet
from tests.adapters.duckdb.files import opened, write_csv, write_parquet

KINDS = tuple(kind for kind in ORDERED_KINDS if kind != "bytes")
TABLE, ARROW = sample_table(KINDS, rows=97)
RELATION = TableRelation(table=TABLE)
ROWS = relation_rows(RELATION, {"sample": ARROW})


def value_sets(kind: str) -> st.SearchStrategy[ValueSet]:
    bound = st.none() | st.sampled_from([value for value in VALUES[kind] if value == value])
    intervals = st.lists(st.builds(Interval, bound, bound, st.booleans(), st.booleans()).filter(_is_well_formed), max_size=4)
    built = st.builds(lambda found, null: ValueSet.build(found, null=null), intervals, st.booleans())
    return st.sampled_from(sets_of(kind)) | built | built.map(ValueSet.complement)


def _is_well_formed(interval: Interval) -> bool:
    """An open end is never closed: so `values.py` builds them."""
    return not (interval.low is None and interval.low_closed) and not (interval.high is None and interval.high_closed)


TESTS = st.sampled_from(KINDS).flatmap(lambda kind: st.builds(Test, st.just(Term(f"{kind}_column")), value_sets(kind)))
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    TESTS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: all_of(*parts))
        | st.lists(inner, min_size=1, max_size=3).map(lambda arms: any_of(*arms))
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module", params=["parquet", "csv"])
def adapter(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDbAdapter]:
    folder = tmp_path_factory.mktemp("random")
    (write_parquet if request.param == "parquet" else write_csv)(folder, "sample", ARROW)
    made = opened(f"{request.param}:{folder}")
    yield made
    made.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CONDITIONS, min_size=1, max_size=3))
def test_the_rows_are_those_for_which_the_conditions_hold(adapter: DuckDbAdapter, conditions: list[Condition]) -> None:
    verdicts = adapter.classify(Scan(relation=RELATION, columns=("id",), conditions=tuple(conditions)))
    assert [verdict.exactness is Exactness.EXACT for verdict in verdicts] == [is_exact(condition) for condition in conditions]
    scan = Scan(relation=RELATION, columns=("id",), conditions=tuple(verdict.pushed for verdict in verdicts))
    found = sorted(value for batch in read_all(adapter, scan) for value in batch.column(0).to_pylist())
    assert found == _ids(matching(ROWS, tuple(conditions)))


def _ids(rows: list[Row]) -> list[int]:
    return sorted(row["id"] for row in rows)
