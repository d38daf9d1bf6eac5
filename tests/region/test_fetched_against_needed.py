"""What the gateway fetches stays near what the answer needs; the benchmark prints the same figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.region.comparison import difference
from tests.region.fetched import QUESTIONS, Question, measure
from tests.region.harness import context
from tests.region.oracle import Oracle

if TYPE_CHECKING:
    from gateway.engine import Engine


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.title)
def test_few_more_rows_are_fetched_than_needed(region_engine: Engine, oracle: Oracle, question: Question) -> None:
    found = measure(region_engine, oracle, question)
    assert difference(found.answer.rows, oracle.rows(region_engine.plan(question.sql, context()).inner), tolerance=1e-9) is None
    assert found.needed_rows > 0
    assert found.fetched_rows <= question.most * found.needed_rows, f"{found.fetched_rows} rows fetched, {found.needed_rows} needed"


@pytest.mark.parametrize("question", [q for q in QUESTIONS if "counts" not in q.title], ids=lambda question: question.title)
def test_pushdown_fetches_a_small_part_of_what_comes_without_it(region_engine: Engine, oracle: Oracle, question: Question) -> None:
    with_it, without = measure(region_engine, oracle, question), measure(region_engine, oracle, question, "off")
    assert difference(with_it.answer.rows, without.answer.rows, tolerance=1e-9) is None
    assert with_it.fetched_rows * 8 < without.fetched_rows
    assert with_it.fetched_bytes * 8 < without.fetched_bytes


def test_only_the_columns_that_are_needed_are_fetched(region_engine: Engine, oracle: Oracle) -> None:
    counts = next(question for question in QUESTIONS if "counts" in question.title)
    assert measure(region_engine, oracle, counts).fetched_bytes * 3 < measure(region_engine, oracle, counts, "off").fetched_bytes
