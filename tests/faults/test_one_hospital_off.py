"""One hospital off, in every way and under every policy: a right answer about the others, or an error; never anything between."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import pyarrow as pa
import pytest

from adapters.interface import ReadContext
from gateway.engine import Engine
from gateway.errors import GatewayError
from tests.faults import faulty
from tests.faults.faulty import Fault, FaultySource
from tests.region.comparison import difference
from tests.region.harness import Answer, ask, context
from tests.region.oracle import Oracle
from tests.region.region import Sources, open_region

Batches = Iterator[pa.RecordBatch]
OFF = "hosp_b"
DEADLINE = 1.5
SLACK = 1.5

BREAKING: dict[str, tuple[Fault, set[str]]] = {
    "refused": (faulty.refused, {"S101"}),
    "wrong password": (faulty.wrong_password, {"S106"}),
    "hanging": (faulty.hanging, {"S103"}),
    "deaf to cancel": (faulty.deaf, {"S103"}),
    "hanging midway": (faulty.hanging_midway, {"S103"}),
    "too slow": (faulty.too_slow, {"S103"}),
    "reset midway": (faulty.reset_midway, {"S102"}),
    "a crash in the driver": (faulty.crashing, {"S105", "X101"}),
    "wrong types": (faulty.wrong_types, {"S120", "S121"}),
    "a column gone": (faulty.column_gone, {"S120"}),
}
SOUND = {
    "a filter": "SELECT node, patient_id, city FROM patient WHERE sex = 'female'",
    "all rows": "SELECT * FROM condition",
    "an inner join": "SELECT p.node, p.patient_id, e.encounter_id FROM patient AS p JOIN encounter AS e ON p.node = e.node AND p.patient_id = e.patient_id WHERE e.encounter_class = 'IMP'",
    "a semi-join": "SELECT node, patient_id FROM patient AS p WHERE EXISTS (SELECT 1 FROM condition AS c WHERE c.patient_id = p.patient_id AND c.code = 'E11.9')",
    "an IN": "SELECT node, patient_id FROM patient WHERE patient_id IN (SELECT patient_id FROM condition WHERE code LIKE 'E11%')",
    "a UNION ALL": "SELECT node, code FROM condition WHERE code = 'U07.1' UNION ALL SELECT node, code FROM medication WHERE code = '1000126'",
    "a UNION": "SELECT city FROM patient UNION SELECT postal_code FROM patient",
    "a DISTINCT": "SELECT DISTINCT node, sex FROM patient",
    "a sorted answer": "SELECT node, patient_id FROM patient ORDER BY 1, 2",
    "a CTE": "WITH c AS (SELECT * FROM condition WHERE code = 'U07.1') SELECT c.node, c.patient_id, p.sex FROM c JOIN patient AS p ON p.node = c.node AND p.patient_id = c.patient_id",
    "the preserved side of an outer join to whole hospitals": "SELECT p.node, p.patient_id, c.code FROM patient AS p LEFT JOIN condition AS c ON c.patient_id = p.patient_id AND c.node = p.node AND c.node = 'hosp_a'",
    "a view": "SELECT node, case_id, onset_date FROM notifiable_case",
}
UNSOUND = {
    "COUNT(*)": "SELECT count(*) AS n FROM patient",
    "a grouped count": "SELECT node, count(*) AS n FROM patient GROUP BY node",
    "an average": "SELECT avg(value) AS mean FROM vital_sign WHERE loinc_code = '8480-6'",
    "HAVING": "SELECT patient_id FROM encounter GROUP BY patient_id HAVING count(*) > 20",
    "GROUP BY alone": "SELECT city FROM patient GROUP BY city",
    "NOT EXISTS": "SELECT node, patient_id FROM patient AS p WHERE NOT EXISTS (SELECT 1 FROM condition AS c WHERE c.patient_id = p.patient_id AND c.node = p.node)",
    "NOT IN": "SELECT node, patient_id FROM patient WHERE patient_id NOT IN (SELECT patient_id FROM condition)",
    "NOT around IN": "SELECT node, patient_id FROM patient WHERE NOT (sex = 'male' AND patient_id IN (SELECT patient_id FROM condition))",
    "IN as a value": "SELECT node, patient_id, patient_id IN (SELECT patient_id FROM condition) AS ill FROM patient",
    "EXISTS inside CASE": "SELECT node, patient_id FROM patient AS p WHERE CASE WHEN EXISTS (SELECT 1 FROM condition AS c WHERE c.patient_id = p.patient_id) THEN false ELSE true END",
    "IN that must be false": "SELECT node, patient_id FROM patient WHERE (patient_id IN (SELECT patient_id FROM condition)) = false",
    "IN that is not true": "SELECT node, patient_id FROM patient WHERE (patient_id IN (SELECT patient_id FROM condition)) IS NOT TRUE",
    "COALESCE around a subquery": "SELECT node, patient_id FROM patient AS p WHERE coalesce((SELECT max(c.code) FROM condition AS c WHERE c.patient_id = p.patient_id), 'none') = 'none'",
    "a window": "SELECT node, patient_id, row_number() OVER (ORDER BY node, patient_id) AS n FROM patient",
    "a window in a derived table": "SELECT d.node, d.encounter_id FROM (SELECT node, encounter_id, row_number() OVER (PARTITION BY patient_id ORDER BY period_start DESC, encounter_id) AS n FROM encounter) AS d WHERE d.n = 1",
    "the nullable side of a left join": "SELECT p.node, p.patient_id, c.code FROM patient AS p LEFT JOIN condition AS c ON c.patient_id = p.patient_id AND c.node = p.node",
    "the nullable side of a right join": "SELECT c.node, c.condition_id, p.sex FROM patient AS p RIGHT JOIN condition AS c ON c.patient_id = p.patient_id AND c.node = p.node",
    "a full join": "SELECT c.condition_id, p.patient_id FROM patient AS p FULL JOIN condition AS c ON c.patient_id = p.patient_id AND c.node = p.node",
    "IS NULL after a left join": "SELECT p.node, p.patient_id FROM patient AS p LEFT JOIN condition AS c ON c.patient_id = p.patient_id AND c.node = p.node WHERE c.patient_id IS NULL",
    "EXCEPT": "SELECT patient_id FROM patient EXCEPT SELECT patient_id FROM condition",
    "a scalar subquery": "SELECT node, patient_id FROM patient WHERE birth_date = (SELECT max(birth_date) FROM patient)",
    "a scalar subquery in the list": "SELECT node, patient_id, (SELECT max(c.code) FROM condition AS c WHERE c.patient_id = p.patient_id) AS code FROM patient AS p",
    "ALL": "SELECT node, patient_id FROM patient WHERE birth_date >= ALL (SELECT birth_date FROM patient)",
    "the latest inside": "SELECT p.node, p.sex FROM patient AS p JOIN (SELECT node, patient_id FROM encounter ORDER BY period_start DESC, encounter_id LIMIT 5) AS e ON e.node = p.node AND e.patient_id = p.patient_id",
    "a count inside": "SELECT p.node, p.patient_id FROM patient AS p JOIN (SELECT node, patient_id, count(*) AS n FROM encounter GROUP BY node, patient_id) AS e ON e.node = p.node AND e.patient_id = p.patient_id WHERE e.n < 3",
    "a count in a CTE": "WITH c AS (SELECT node, count(*) AS n FROM patient GROUP BY node) SELECT node FROM c WHERE n > 10",
    "DISTINCT ON": "SELECT DISTINCT ON (patient_id) patient_id, encounter_id FROM encounter ORDER BY patient_id, period_start DESC, encounter_id",
    "NOT IN over a CTE": "WITH c AS (SELECT patient_id FROM condition) SELECT patient_id FROM patient WHERE patient_id NOT IN (SELECT patient_id FROM c)",
}


@contextmanager
def region_without(fault: Fault, made: list[FaultySource] | None = None, node: str = OFF) -> Iterator[Engine]:
    sources: list[FaultySource] = made if made is not None else []
    with open_region(wrap=faulty.faulty(node, fault, sources)) as engine:
        try:
            yield engine
        finally:
            for source in sources:
                source.released.set()


def timed(engine: Engine, sql: str, on_unavailable: str, deadline: float = DEADLINE) -> Answer:
    started = time.monotonic()
    try:
        return ask(engine, sql, context(on_unavailable=on_unavailable, deadline=deadline))  # type: ignore[arg-type]
    finally:
        assert time.monotonic() - started < deadline + SLACK, f"took {time.monotonic() - started:.2f} s"


def holds(answer: Answer, oracle: Oracle, engine: Engine, sql: str) -> None:
    """The one invariant: the rows are those of the hospitals that are reported ok, and the others are named."""
    others = oracle.only_nodes("hosp_a", "hosp_c")
    assert difference(answer.rows, others.rows(engine.plan(sql, context()).inner), tolerance=1e-9) is None
    assert not answer.complete
    failed = [outcome for outcome in answer.outcomes if outcome.status == "failed"]
    assert {outcome.node for outcome in failed} == {OFF}
    assert all(outcome.reason and outcome.code for outcome in failed)
    assert all(outcome.status in ("ok", "pruned") for outcome in answer.outcomes if outcome.node != OFF)


@pytest.mark.parametrize("name", BREAKING)
def test_fail_raises_the_reason_and_names_the_hospital_within_the_deadline(name: str) -> None:
    fault, codes = BREAKING[name]
    with region_without(fault) as engine:
        with pytest.raises(GatewayError) as caught:
            timed(engine, SOUND["all rows"], "fail")
        assert caught.value.code in codes, caught.value.code
        text = f"{caught.value.fact} {caught.value.detail} {caught.value.hint}"
        assert OFF in text and "secret" not in text and "Schmidt" not in text
        sane = "SELECT node, patient_id FROM patient WHERE node = 'hosp_a'"
        assert timed(engine, sane, "fail").rows.num_rows > 0


@pytest.mark.parametrize("name", BREAKING)
def test_partial_gives_the_other_hospitals_rows_within_the_deadline(name: str, oracle: Oracle) -> None:
    fault, codes = BREAKING[name]
    with region_without(fault) as engine:
        answer = timed(engine, SOUND["all rows"], "partial")
        holds(answer, oracle, engine, SOUND["all rows"])
        assert {outcome.code for outcome in answer.outcomes if outcome.status == "failed"} <= codes
        assert "partial" in answer.labels and "secret" not in str(answer.outcomes) and "Schmidt" not in str(answer.outcomes)


@pytest.mark.parametrize("name", BREAKING)
def test_an_unsound_count_over_the_rest_is_marked_as_such(name: str, oracle: Oracle) -> None:
    fault, _ = BREAKING[name]
    with region_without(fault) as engine:
        answer = timed(engine, UNSOUND["a grouped count"], "unsound")
        holds(answer, oracle, engine, UNSOUND["a grouped count"])
        assert set(answer.labels) & {"lower_bound", "unsound"}


@pytest.mark.parametrize("name", SOUND)
def test_partial_answers_what_a_missing_hospital_only_makes_smaller(name: str, oracle: Oracle) -> None:
    with region_without(faulty.refused) as engine:
        answer = timed(engine, SOUND[name], "partial", 20)
        holds(answer, oracle, engine, SOUND[name])
        assert "top_n_incomplete" not in answer.labels


@pytest.mark.parametrize("name", UNSOUND)
def test_partial_refuses_what_a_missing_hospital_would_make_wrong(name: str, oracle: Oracle) -> None:
    with region_without(faulty.refused) as engine:
        with pytest.raises(GatewayError) as caught:
            timed(engine, UNSOUND[name], "partial", 20)
        assert caught.value.code == "L101", f"{caught.value.code}: {caught.value.fact}"
        answer = timed(engine, UNSOUND[name], "unsound", 20)
        assert set(answer.labels) & {"lower_bound", "unsound"}
        assert (
            difference(answer.rows, oracle.only_nodes("hosp_a", "hosp_c").rows(engine.plan(UNSOUND[name], context()).inner), tolerance=1e-9)
            is None
        )


def test_the_first_rows_in_order_are_answered_and_marked(oracle: Oracle) -> None:
    sql = "SELECT node, encounter_id FROM encounter ORDER BY period_start DESC, encounter_id LIMIT 20"
    with region_without(faulty.refused) as engine:
        answer = timed(engine, sql, "partial", 20)
        holds(answer, oracle, engine, sql)
        assert "top_n_incomplete" in answer.labels


def test_a_limit_without_order_gives_rows_of_the_others(oracle: Oracle) -> None:
    with region_without(faulty.refused) as engine:
        answer = timed(engine, "SELECT node, patient_id FROM patient LIMIT 700", "partial", 20)
        others = oracle.only_nodes("hosp_a", "hosp_c").rows("SELECT node, patient_id FROM patient")
        assert answer.rows.num_rows == min(700, others.num_rows) and not answer.complete
        known = set(map(tuple, (row.values() for row in others.to_pylist())))
        assert {tuple(row.values()) for row in answer.rows.to_pylist()} <= known


def test_a_slow_hospital_in_time_is_waited_for(oracle: Oracle) -> None:
    with region_without(faulty.slow) as engine:
        answer = timed(engine, SOUND["all rows"], "partial", 20)
        assert answer.complete and "partial" not in answer.labels
        assert difference(answer.rows, oracle.rows(SOUND["all rows"])) is None


@pytest.mark.parametrize("on_unavailable", ["fail", "partial", "unsound"])
def test_a_hospital_that_a_condition_leaves_out_is_not_missed(on_unavailable: str, oracle: Oracle) -> None:
    sql = "SELECT node, count(*) AS n FROM patient WHERE node <> 'hosp_b' GROUP BY node"
    made: list[FaultySource] = []
    with region_without(faulty.refused, made) as engine:
        answer = timed(engine, sql, on_unavailable, 20)
        assert difference(answer.rows, oracle.rows(sql)) is None and answer.complete
        assert sum(source.reads for source in made) == 0


def test_a_hospital_that_is_back_is_used_again() -> None:
    made: list[FaultySource] = []
    with region_without(faulty.refused, made) as engine:
        assert not timed(engine, SOUND["all rows"], "partial", 20).complete
        made[0].fault = faulty.works
        deadline = time.monotonic() + 20
        while not timed(engine, SOUND["all rows"], "partial", 20).complete:
            assert time.monotonic() < deadline, "still left out"
            time.sleep(0.5)


def test_a_transient_failure_before_the_first_row_is_tried_again(oracle: Oracle) -> None:
    made: list[FaultySource] = []

    def once(batches: Batches, read: ReadContext, released: Event) -> Batches:
        if made[0].reads == 1:
            return faulty.refused(batches, read, released)
        return batches

    with region_without(once, made) as engine:
        answer = timed(engine, SOUND["all rows"], "fail", 20)
        assert answer.complete and difference(answer.rows, oracle.rows(SOUND["all rows"])) is None
        assert made[0].reads == 2


def test_a_wrong_password_is_not_tried_again() -> None:
    made: list[FaultySource] = []
    with region_without(faulty.wrong_password, made) as engine, pytest.raises(GatewayError):
        timed(engine, SOUND["all rows"], "fail", 20)
    assert made[0].reads == 1


def test_rows_read_before_a_reset_are_not_given_twice(oracle: Oracle) -> None:
    made: list[FaultySource] = []

    def first_time(batches: Batches, read: ReadContext, released: Event) -> Batches:
        return faulty.reset_midway(batches, read, released) if made[0].reads == 1 else batches

    with region_without(first_time, made) as engine:
        answer = timed(engine, SOUND["all rows"], "partial", 20)
        expected = oracle if answer.complete else oracle.only_nodes("hosp_a", "hosp_c")
        assert difference(answer.rows, expected.rows(SOUND["all rows"])) is None


def test_when_every_hospital_is_off_there_is_no_answer_even_in_part() -> None:
    def wrap(sources: Sources) -> Sources:
        for node in ("hosp_a", "hosp_b", "hosp_c"):
            sources = faulty.faulty(node, faulty.refused)(sources)
        return sources

    with open_region(wrap=wrap) as engine:
        try:
            answer = timed(engine, SOUND["all rows"], "partial", 20)
        except GatewayError as error:
            assert error.code.startswith("S")  # noqa: PT017  (an error is one of two right outcomes)
        else:
            assert answer.rows.num_rows == 0 and not answer.complete
            assert {outcome.status for outcome in answer.outcomes} == {"failed"}
