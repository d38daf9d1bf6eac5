"""Random statements: the engine with pushdown on and off, and the bound statement over the expected rows, agree.

A bounded number in CI; `python -m tests.region.many` runs as many as wanted. What failed once is in test_found_cases.py.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.region.comparison import difference
from tests.region.generator import statement
from tests.region.harness import context, disagreement, independent
from tests.region.oracle import Oracle
from tests.region.vocabulary import Vocabulary

if TYPE_CHECKING:
    from gateway.engine import Engine

EXAMPLES = settings(
    max_examples=250,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@pytest.mark.timeout(280)
@EXAMPLES
@given(random=st.randoms(use_true_random=False))
def test_the_answer_is_the_same_with_pushdown_on_and_off_and_that_of_the_expected_rows(
    region_engine: Engine, oracle: Oracle, vocabulary: Vocabulary, random: Random
) -> None:
    drawn = statement(random, vocabulary)
    assert disagreement(region_engine, oracle, drawn) is None, drawn.sql


@pytest.mark.parametrize("switch", ["filter", "project", "limit", "filter,project", "project,limit"])
def test_the_answer_is_the_same_with_some_rules_only(region_engine: Engine, oracle: Oracle, vocabulary: Vocabulary, switch: str) -> None:
    for seed in range(1_000_000, 1_000_012):
        drawn = statement(Random(seed), vocabulary)
        assert disagreement(region_engine, oracle, drawn, (switch,)) is None, drawn.sql


def test_bind_means_what_another_translation_of_postgresql_means(region_engine: Engine, oracle: Oracle, vocabulary: Vocabulary) -> None:
    for seed in range(2_000_000, 2_000_150):
        drawn = statement(Random(seed), vocabulary)
        inner = oracle.rows(region_engine.plan(drawn.sql, context()).inner)
        assert difference(inner, independent(oracle, drawn), ordered=drawn.ordered, tolerance=drawn.tolerance) is None, drawn.sql


def test_the_generator_itself_draws_valid_statements_of_every_family_with_and_without_rows(oracle: Oracle, vocabulary: Vocabulary) -> None:
    families, with_rows = set[str](), 0
    for seed in range(3_000_000, 3_000_300):
        drawn = statement(Random(seed), vocabulary)
        families.add(drawn.family)
        with_rows += independent(oracle, drawn).num_rows > 0
    assert families == {"filter", "directed", "join", "aggregate", "subquery", "derived", "set operation", "common table", "window"}
    assert 100 < with_rows < 290
