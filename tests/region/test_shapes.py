"""Shapes of statements that read a table more than once, or in an unusual place; each against the expected rows."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.limits import Limits
from tests.faults import faulty
from tests.region.comparison import difference
from tests.region.generator import Statement
from tests.region.harness import ask, context, disagreement
from tests.region.oracle import Oracle
from tests.region.region import open_region

if TYPE_CHECKING:
    from gateway.engine import Engine

SHAPES = {
    "a self-join": """
        SELECT a.patient_id, a.value AS systolic, b.value AS diastolic, a.effective_at
        FROM vital_sign AS a JOIN vital_sign AS b ON a.node = b.node AND a.patient_id = b.patient_id AND a.effective_at = b.effective_at
        WHERE a.loinc_code = '8480-6' AND b.loinc_code = '8462-4' AND a.value > 150""",
    "a self-join with three references": """
        SELECT a.encounter_id AS first, b.encounter_id AS second, c.encounter_id AS third
        FROM encounter AS a JOIN encounter AS b ON a.node = b.node AND a.patient_id = b.patient_id AND a.period_end = b.period_start
        LEFT JOIN encounter AS c ON c.node = a.node AND c.patient_id = a.patient_id AND c.encounter_class = 'IMP' AND c.period_start > b.period_start""",
    "a self-join on itself, filters on one side only": """
        SELECT a.node, a.patient_id, b.node AS other FROM patient AS a JOIN patient AS b ON a.national_id = b.national_id AND a.node < b.node WHERE a.node = 'hosp_a'""",
    "a UNION over one table": """
        SELECT patient_id, 'high' AS level FROM vital_sign WHERE loinc_code = '8480-6' AND value >= 140
        UNION SELECT patient_id, 'low' FROM vital_sign WHERE loinc_code = '8480-6' AND value < 90""",
    "a UNION ALL over one table with overlapping filters": """
        SELECT vital_sign_id FROM vital_sign WHERE value > 100 UNION ALL SELECT vital_sign_id FROM vital_sign WHERE value > 150""",
    "an INTERSECT and EXCEPT over one table": """
        (SELECT patient_id FROM condition WHERE code LIKE 'J%' INTERSECT SELECT patient_id FROM condition WHERE code = 'Z34.90')
        EXCEPT SELECT patient_id FROM condition WHERE code = 'J20.9'""",
    "a CTE beside the table it is made of": """
        WITH sick AS (SELECT * FROM encounter WHERE encounter_class = 'IMP')
        SELECT e.encounter_id, s.encounter_id AS stay FROM encounter AS e JOIN sick AS s ON s.node = e.node AND s.patient_id = e.patient_id AND s.encounter_id <> e.encounter_id""",
    "a CTE that is used twice": """
        WITH v AS (SELECT node, patient_id, loinc_code, value, effective_at FROM vital_sign WHERE loinc_code IN ('8480-6', '8462-4'))
        SELECT a.patient_id, a.value, b.value AS other FROM v AS a JOIN v AS b ON a.node = b.node AND a.patient_id = b.patient_id AND a.effective_at = b.effective_at AND a.loinc_code < b.loinc_code WHERE a.value < 60""",
    "a CTE with the name of a table": "WITH condition AS (SELECT node, patient_id FROM encounter WHERE encounter_class = 'IMP') SELECT * FROM condition",
    "a CTE with the name of the table inside it": "WITH patient AS (SELECT node, patient_id FROM patient WHERE sex = 'male') SELECT count(*) AS n FROM patient",
    "a CTE nested in a CTE": """
        WITH a AS (WITH b AS (SELECT * FROM patient WHERE sex = 'female') SELECT node, patient_id FROM b) SELECT * FROM a WHERE node = 'hosp_c'""",
    "a CTE that is never used": "WITH unused AS (SELECT * FROM lab_result) SELECT count(*) AS n FROM patient",
    "a materialised CTE with a limit, filtered outside": """
        WITH latest AS (SELECT node, encounter_id, patient_id, encounter_class FROM encounter ORDER BY period_start DESC, encounter_id LIMIT 100)
        SELECT * FROM latest WHERE encounter_class = 'EMER'""",
    "a recursive CTE over a virtual table": """
        WITH RECURSIVE chain (node, patient_id, encounter_id, until, steps) AS (
            SELECT node, patient_id, encounter_id, period_end, 1 FROM encounter WHERE encounter_class = 'IMP' AND period_start < '2021-03-01'
            UNION ALL
            SELECT e.node, e.patient_id, e.encounter_id, e.period_end, c.steps + 1 FROM chain AS c
            JOIN encounter AS e ON e.node = c.node AND e.patient_id = c.patient_id AND e.period_start > c.until AND e.period_start <= c.until + interval '30 days'
            WHERE c.steps < 4)
        SELECT node, encounter_id, steps, count(*) AS ways FROM chain GROUP BY node, encounter_id, steps""",
    "a recursive CTE that only counts, beside a virtual table": """
        WITH RECURSIVE n (i) AS (SELECT 2021 UNION ALL SELECT i + 1 FROM n WHERE i < 2026)
        SELECT n.i, count(e.encounter_id) AS visits FROM n LEFT JOIN encounter AS e ON extract(year FROM e.period_start) = n.i GROUP BY n.i""",
    "a correlated scalar subquery": """
        SELECT p.node, p.patient_id, (SELECT max(e.period_start) FROM encounter AS e WHERE e.node = p.node AND e.patient_id = p.patient_id) AS latest
        FROM patient AS p WHERE p.city = 'WORCESTER'""",
    "a correlated subquery with a comparison": """
        SELECT v.node, v.vital_sign_id FROM vital_sign AS v WHERE v.loinc_code = '29463-7'
        AND v.value = (SELECT max(w.value) FROM vital_sign AS w WHERE w.node = v.node AND w.patient_id = v.patient_id AND w.loinc_code = v.loinc_code)""",
    "a correlated EXISTS under OR": """
        SELECT p.node, p.patient_id FROM patient AS p
        WHERE p.death_date IS NOT NULL OR EXISTS (SELECT 1 FROM notifiable_case AS n WHERE n.node = p.node AND n.patient_id = p.patient_id)""",
    "NOT IN over a column with NULL": "SELECT patient_id FROM patient WHERE national_id NOT IN (SELECT national_id FROM patient WHERE node = 'hosp_b')",
    "NOT IN over a column without NULL": "SELECT patient_id FROM patient WHERE national_id NOT IN (SELECT national_id FROM patient WHERE node = 'hosp_b' AND national_id IS NOT NULL)",
    "a lateral join": """
        SELECT p.node, p.patient_id, l.encounter_id FROM patient AS p
        CROSS JOIN LATERAL (SELECT e.encounter_id FROM encounter AS e WHERE e.node = p.node AND e.patient_id = p.patient_id ORDER BY e.period_start DESC, e.encounter_id LIMIT 1) AS l
        WHERE p.node = 'hosp_c'""",
    "the view": "SELECT * FROM notifiable_case",
    "the view with a filter that reaches the sources": "SELECT case_id FROM notifiable_case WHERE node = 'hosp_c' AND onset_date >= '2021-02-01'",
    "the view with a filter on a computed column": "SELECT node, onset_date FROM notifiable_case WHERE case_id LIKE 'ZY%' AND case_status = 'confirmed'",
    "the view with a constant that is never true": "SELECT * FROM notifiable_case WHERE case_status = 'suspected'",
    "the view twice": "SELECT a.case_id, b.case_id AS other FROM notifiable_case AS a JOIN notifiable_case AS b ON a.patient_id = b.patient_id",
    "the view on the nullable side": "SELECT p.patient_id, n.case_id, n.case_status FROM patient AS p LEFT JOIN notifiable_case AS n ON n.node = p.node AND n.patient_id = p.patient_id WHERE n.case_status IS NULL",
    "the view counted": "SELECT node, count(*) AS n, count(DISTINCT disease_code) AS diseases FROM notifiable_case GROUP BY node",
    "USING": "SELECT node, patient_id, sex, code FROM patient JOIN condition USING (node, patient_id) WHERE code = 'I10'",
    "a full join with USING": "SELECT patient_id, a.code, b.vaccine_code FROM (SELECT * FROM condition WHERE code = 'U07.1') AS a FULL JOIN (SELECT * FROM immunization WHERE occurrence_date < '2021-01-15') AS b USING (patient_id)",
    "a cross join": "SELECT a.node, b.node AS other, count(*) AS n FROM notifiable_case AS a CROSS JOIN notifiable_case AS b GROUP BY 1, 2",
    "a comma join with the condition in WHERE": "SELECT p.patient_id, c.code FROM patient p, condition c WHERE p.node = c.node AND p.patient_id = c.patient_id AND c.code = 'I10'",
    "an outer join whose ON filters the preserved side": "SELECT p.patient_id, c.code FROM patient AS p LEFT JOIN condition AS c ON c.patient_id = p.patient_id AND c.node = p.node AND p.sex = 'female'",
    "an outer join whose ON filters the nullable side": "SELECT p.patient_id, c.code FROM patient AS p LEFT JOIN condition AS c ON c.patient_id = p.patient_id AND c.node = p.node AND c.code = 'I10'",
    "an outer join whose WHERE filters the nullable side": "SELECT p.patient_id, c.code FROM patient AS p LEFT JOIN condition AS c ON c.patient_id = p.patient_id AND c.node = p.node WHERE c.code = 'I10'",
    "an outer join whose WHERE asks for NULL": "SELECT p.patient_id FROM patient AS p LEFT JOIN condition AS c ON c.patient_id = p.patient_id AND c.node = p.node AND c.code = 'I10' WHERE c.code IS NULL AND p.node = 'hosp_b'",
    "an outer join whose WHERE has IS NOT DISTINCT FROM": "SELECT p.patient_id, c.code FROM patient AS p LEFT JOIN condition AS c ON c.patient_id = p.patient_id AND c.node = p.node WHERE c.code IS DISTINCT FROM 'I10'",
    "a right join": "SELECT p.sex, i.immunization_id FROM (SELECT * FROM patient WHERE city = 'WORCESTER') AS p RIGHT JOIN immunization AS i ON i.node = p.node AND i.patient_id = p.patient_id WHERE i.vaccine_code = '140'",
    "two outer joins, the second on the first's nullable side": """
        SELECT p.patient_id, e.encounter_id, c.code FROM patient AS p LEFT JOIN encounter AS e ON e.node = p.node AND e.patient_id = p.patient_id AND e.encounter_class = 'IMP'
        LEFT JOIN condition AS c ON c.node = e.node AND c.encounter_id = e.encounter_id WHERE p.node = 'hosp_a'""",
    "an inner join after an outer join": """
        SELECT p.patient_id, e.encounter_id, c.code FROM patient AS p LEFT JOIN encounter AS e ON e.node = p.node AND e.patient_id = p.patient_id
        JOIN condition AS c ON c.node = e.node AND c.encounter_id = e.encounter_id AND e.encounter_class = 'IMP'""",
    "a filter on a derived table with a limit": "SELECT * FROM (SELECT node, patient_id, city FROM patient ORDER BY node, patient_id LIMIT 50) AS d WHERE d.city = 'Worcester'",
    "a filter on a derived table with a group": "SELECT * FROM (SELECT node, sex, count(*) AS n FROM patient GROUP BY node, sex) AS d WHERE d.node = 'hosp_b' AND d.n > 1",
    "a filter on a derived table with DISTINCT": "SELECT * FROM (SELECT DISTINCT node, city FROM patient) AS d WHERE d.node <> 'hosp_a'",
    "a filter on a derived table with a window": "SELECT * FROM (SELECT node, patient_id, rank() OVER (PARTITION BY node ORDER BY birth_date) AS n FROM patient) AS d WHERE d.node = 'hosp_b' AND d.n = 1",
    "a filter on a union": "SELECT * FROM (SELECT node, code FROM condition UNION ALL SELECT node, code FROM medication) AS u WHERE u.node = 'hosp_a' AND u.code = 'I10'",
    "HAVING on a group key": "SELECT node, count(*) AS n FROM encounter GROUP BY node HAVING node = 'hosp_b'",
    "no FROM at all": "SELECT 1 AS one, 'x' AS x",
    "VALUES joined with a table": "SELECT v.code, count(c.condition_id) AS n FROM (VALUES ('I10'), ('E11.9'), ('none')) AS v (code) LEFT JOIN condition AS c ON c.code = v.code GROUP BY v.code",
    "a constant that leaves no hospital": "SELECT * FROM patient WHERE node = 'hosp_z'",
    "WHERE false": "SELECT * FROM patient WHERE false",
    "WHERE NULL": "SELECT * FROM patient WHERE NULL",
    "two constants for one column": "SELECT * FROM patient WHERE node = 'hosp_a' AND node = 'hosp_b'",
    "LIMIT 0": "SELECT * FROM vital_sign LIMIT 0",
    "grouping sets": "SELECT node, sex, count(*) AS n FROM patient GROUP BY GROUPING SETS ((node), (sex), ())",
    "rollup": "SELECT node, encounter_class, count(*) AS n, sum(total_cost) AS cost FROM encounter GROUP BY ROLLUP (node, encounter_class)",
    "string aggregation in order": "SELECT patient_id, string_agg(code, ',' ORDER BY code, condition_id) AS codes FROM condition WHERE node = 'hosp_a' GROUP BY patient_id",
    "an ordered set aggregate": "SELECT node, percentile_cont(0.5) WITHIN GROUP (ORDER BY value) AS median FROM vital_sign WHERE loinc_code = '8480-6' GROUP BY node",
    "the columns of one alias": "SELECT p.* FROM patient AS p JOIN notifiable_case AS n ON n.node = p.node AND n.patient_id = p.patient_id",
    "quoted names and an alias that is a keyword": 'SELECT "p"."city" AS "order" FROM "health"."patient" AS "p"',
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_gives_the_expected_rows(region_engine: Engine, oracle: Oracle, name: str) -> None:
    assert disagreement(region_engine, oracle, Statement(SHAPES[name], "shape", tolerance=1e-9)) is None


@pytest.mark.parametrize("name", [name for name in SHAPES if not any(word in name for word in ("quoted", "no FROM", "limit"))])
def test_a_shape_means_what_plain_duckdb_takes_it_for(region_engine: Engine, oracle: Oracle, name: str) -> None:
    """The statements above are written so that DuckDB reads them as PostgreSQL does: bind may not have changed them."""
    assert (
        difference(
            ask(region_engine, SHAPES[name]).rows,
            oracle.rows(SHAPES[name].replace("'2021-03-01'", "TIMESTAMPTZ '2021-03-01'")),
            tolerance=1e-9,
        )
        is None
    )


def test_a_join_of_two_tables_of_a_one_slot_source_both_larger_than_the_queue_ends_in_time(oracle: Oracle) -> None:
    sql = """SELECT count(*) AS n, count(DISTINCT v.vital_sign_id) AS vitals, count(DISTINCT l.lab_result_id) AS labs
             FROM vital_sign AS v JOIN lab_result AS l ON l.node = v.node AND l.encounter_id = v.encounter_id WHERE v.node = 'hosp_b'"""
    small = Limits(queue_bytes=32 << 10, spill_bytes=64 << 20)
    started = time.monotonic()
    with open_region(wrap=faulty.faulty("hosp_b", faulty.works, slots=1), limits=small) as engine:
        for pushdown in ("on", "off"):
            assert difference(ask(engine, sql, context(pushdown, deadline=25)).rows, oracle.rows(sql)) is None
    assert time.monotonic() - started < 25


def test_a_table_joined_with_itself_four_times_in_a_one_slot_source_ends_in_time(oracle: Oracle) -> None:
    sql = " UNION ALL ".join(f"SELECT {i} AS part, count(*) AS n FROM vital_sign WHERE node = 'hosp_b' AND value > {i}" for i in range(4))
    with open_region(wrap=faulty.faulty("hosp_b", faulty.works, slots=1), limits=Limits(queue_bytes=32 << 10)) as engine:
        assert difference(ask(engine, sql, context(deadline=25)).rows, oracle.rows(sql)) is None


def test_an_answer_that_is_left_unread_frees_the_engine(region_engine: Engine) -> None:
    for _ in range(20):
        result = region_engine.run("SELECT * FROM vital_sign", context())
        next(iter(result.batches))
        result.close()
    assert ask(region_engine, "SELECT count(*) AS n FROM patient").rows.to_pylist() == [{"n": 905}]


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("SELECT * FROM vital_sign WHERE node = 'hosp_a'", ["hosp_a", "hosp_b", "hosp_c", "vital_sign"]),
        ("SELECT value FROM vital_sign WHERE patient_id = '24511861' AND effective_at >= '2024-01-01'", ["24511861", "hosp_a"]),
        ("SELECT value FROM vital_sign WHERE loinc_code = '8310-5' AND value >= 38", ["V1005", "100.39999"]),
        ("SELECT * FROM notifiable_case WHERE node = 'hosp_b'", ["condition", "U07.1", "hosp_b"]),
        ("SELECT * FROM patient WHERE lower(city) = 'worcester'", ["lower", "patient"]),
    ],
)
def test_explain_says_what_is_sent_and_what_stays(region_engine: Engine, sql: str, shown: list[str]) -> None:
    explanation = region_engine.explain(sql, context())
    missing = [word for word in shown if word.lower() not in explanation.text.lower()]
    assert not missing, f"{missing} not in:\n{explanation.text}"
    assert explanation.document


def test_the_same_text_over_the_same_catalog_gives_the_same_plan(region_engine: Engine) -> None:
    for sql in SHAPES.values():
        first, second = region_engine.plan(sql, context()), region_engine.plan(sql, context())
        assert replace(first, timings={}) == replace(second, timings={})
