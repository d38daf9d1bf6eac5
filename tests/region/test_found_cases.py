"""Statements that once gave a wrong answer, each as small as it could be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.errors import GatewayError
from tests.region.generator import Statement
from tests.region.harness import ask, disagreement
from tests.region.oracle import Oracle

if TYPE_CHECKING:
    from gateway.engine import Engine

DIRECTED = {
    "key and time from": "SELECT vital_sign_id FROM vital_sign WHERE patient_id = '24511861' AND effective_at >= '2024-01-01'",
    "key and time before": "SELECT vital_sign_id FROM vital_sign WHERE patient_id = '24511861' AND effective_at < '2024-01-01'",
    "key and an instant within a day": "SELECT vital_sign_id FROM vital_sign WHERE patient_id = '24511861' AND effective_at > '2021-01-02 14:46:03+00'",
    "two keys and time": "SELECT encounter_id FROM encounter WHERE patient_id IN ('24511861', '19043833') AND period_start >= '2022-06-01' AND period_start < '2024-06-01'",
    "key or time": "SELECT encounter_id FROM encounter WHERE patient_id = '24511861' OR period_start >= '2026-10-01'",
    "New Year's Eve of hospital B in local time": "SELECT vital_sign_id, effective_at FROM vital_sign WHERE node = 'hosp_b' AND effective_at >= '2024-12-31 18:00:00-05' AND effective_at < '2025-01-01 00:00:00-05'",
    "New Year's Eve of every year": "SELECT vital_sign_id FROM vital_sign WHERE node = 'hosp_b' AND extract(month FROM effective_at) = 1 AND extract(day FROM effective_at) = 1 AND effective_at >= '2021-01-01'",
    "a year in UTC": "SELECT lab_result_id FROM lab_result WHERE node = 'hosp_b' AND effective_at >= '2025-01-01' AND effective_at < '2026-01-01'",
    "the first ambiguous hour": "SELECT lab_result_id, effective_at FROM lab_result WHERE node = 'hosp_b' AND effective_at >= '2024-11-03 05:00:00+00' AND effective_at < '2024-11-03 06:00:00+00'",
    "the second ambiguous hour": "SELECT lab_result_id, effective_at FROM lab_result WHERE node = 'hosp_b' AND effective_at >= '2024-11-03 06:00:00+00' AND effective_at < '2024-11-03 07:00:00+00'",
    "admissions in any ambiguous hour": "SELECT encounter_id FROM encounter WHERE node = 'hosp_b' AND extract(month FROM period_start) = 11 AND extract(hour FROM period_start) IN (5, 6)",
    "discharge at one instant": "SELECT encounter_id FROM encounter WHERE period_end = '2021-01-01 06:53:09+00'",
    "fever in Fahrenheit and Celsius": "SELECT vital_sign_id, value FROM vital_sign WHERE loinc_code = '8310-5' AND value >= 38",
    "no fever": "SELECT vital_sign_id, value FROM vital_sign WHERE loinc_code = '8310-5' AND NOT (value >= 38)",
    "a converted value by equality": "SELECT vital_sign_id FROM vital_sign WHERE node = 'hosp_b' AND value = (SELECT max(value) FROM vital_sign WHERE node = 'hosp_b' AND loinc_code = '29463-7')",
    "every value but one": "SELECT count(*) AS n FROM vital_sign WHERE value <> 37.0",
    "a lab value below its limit of detection": "SELECT lab_result_id, value, value_operator FROM lab_result WHERE value_operator = '<'",
    "no operator": "SELECT count(*) AS n FROM lab_result WHERE value_operator IS NULL",
    "absent column": "SELECT count(*) AS n FROM vital_sign WHERE value_operator IS NOT DISTINCT FROM NULL AND encounter_id IS NULL",
    "one identifier put together": "SELECT * FROM vital_sign WHERE vital_sign_id = '24511861-TZ-1609563321000'",
    "an identifier cut short": "SELECT * FROM vital_sign WHERE vital_sign_id = '24511861-TZ'",
    "identifiers by prefix": "SELECT vital_sign_id FROM vital_sign WHERE vital_sign_id LIKE '24511861-%'",
    "an empty text": "SELECT count(*) AS n FROM patient WHERE postal_code = ''",
    "not an empty text": "SELECT count(*) AS n FROM patient WHERE postal_code <> ''",
    "a number with a leading zero": "SELECT count(*) AS n FROM patient WHERE postal_code LIKE '0%'",
    "identifiers that are numbers are texts": "SELECT encounter_id FROM encounter WHERE encounter_id IN ('100', '0100', '100 ', ' 100', '1e2')",
    "range over identifiers as texts": "SELECT count(*) AS n FROM encounter WHERE encounter_id >= '1' AND encounter_id < '2'",
    "case of a unique identifier": "SELECT patient_id FROM patient WHERE patient_id IN ('0115BE18-88B3-2CB3-1CC9-8BFC05E4CA7A', '0115be18-88b3-2cb3-1cc9-8bfc05e4ca7a')",
    "sex from three spellings": "SELECT node, count(*) AS n FROM patient WHERE sex = 'male' GROUP BY node",
    "sex not in a list with NULL": "SELECT patient_id FROM patient WHERE sex NOT IN ('male', NULL)",
    "a code mapped from many": "SELECT node, count(*) AS n FROM lab_result WHERE loinc_code = '4548-4' GROUP BY node",
    "an unmapped code is NULL": "SELECT node, count(*) AS n FROM condition WHERE code IS NULL GROUP BY node",
    "cost with a thousands separator": "SELECT encounter_id, total_cost FROM encounter WHERE total_cost >= 1234.50 AND total_cost < 1300",
    "cost by equality": "SELECT encounter_id FROM encounter WHERE total_cost = 694820.26",
    "the dead": "SELECT patient_id, death_date FROM patient WHERE death_date >= '2021-01-01' AND death_date <= '2024-12-31'",
    "the living": "SELECT count(*) AS n FROM patient WHERE death_date IS NULL",
    "born on a swapped day": "SELECT patient_id FROM patient WHERE birth_date BETWEEN '1960-01-01' AND '1960-12-31'",
    "limit under an exact filter": "SELECT count(*) AS n FROM (SELECT patient_id FROM patient WHERE node = 'hosp_b' AND sex = 'male' LIMIT 20) AS d",
    "limit under a filter that stays": "SELECT count(*) AS n FROM (SELECT vital_sign_id FROM vital_sign WHERE loinc_code = '8310-5' AND value >= 38 LIMIT 20) AS d",
    "limit over copies": "SELECT count(*) AS n FROM (SELECT DISTINCT vital_sign_id FROM (SELECT vital_sign_id FROM vital_sign WHERE node = 'hosp_b' LIMIT 7000) AS d) AS e",
    "limit over corrections": "SELECT count(*) AS n FROM (SELECT vital_sign_id FROM vital_sign WHERE node = 'hosp_c' LIMIT 4800) AS d",
}


@pytest.mark.parametrize("name", DIRECTED)
def test_directed(region_engine: Engine, oracle: Oracle, name: str) -> None:
    assert disagreement(region_engine, oracle, Statement(DIRECTED[name], "directed"), ("on", "off", "filter", "project", "limit")) is None


FOUND: dict[str, str] = {
    "BETWEEN SYMMETRIC over a subquery named its stream twice": """
        SELECT patient_id FROM patient WHERE node = 'hosp_a'
        AND (SELECT count(*) FROM immunization WHERE node = 'hosp_b') BETWEEN SYMMETRIC 5000 AND 1""",
    "a WITH query used once, inside one that is used twice, was a stream that is read twice": """
        WITH x AS (SELECT * FROM patient WHERE node = 'hosp_c'), y AS (SELECT patient_id, sex, city FROM x)
        SELECT a.patient_id, b.patient_id AS other FROM y AS a JOIN y AS b ON a.patient_id = b.patient_id""",
    "a condition followed an equality out of an outer join's nullable side, to another preserved table": """
        SELECT d.condition_id, g.patient_id, b.sex FROM condition AS d CROSS JOIN patient AS g
        LEFT JOIN patient AS b ON g.patient_id = b.patient_id AND d.patient_id = b.patient_id
        WHERE d.patient_id = 'P941423142' AND g.birth_date > '2020-01-01'""",
    "the merge joined two large tables on the hospital alone, and did not end": """
        SELECT t0.lab_result_id FROM (SELECT * FROM lab_result WHERE value = 2.8) AS t0
        JOIN lab_result AS t1 ON t0.patient_id = t1.patient_id AND t0.node = t1.node
        JOIN encounter AS t2 ON t0.encounter_id = t2.encounter_id AND t0.node = t2.node
        WHERE t0.patient_id IN ('71518035', 'P526227530', '93282757')""",
    "a WITH query of the name of a stream was read in the table's place": """
        WITH r0 AS (SELECT 'x' AS node, 'Worcester' AS city) SELECT p.node, p.city, r.node AS other
        FROM r0 AS r CROSS JOIN patient AS p WHERE p.city = 'Worcester'""",
    "a WITH query of the name of a stream in capitals was too": """
        WITH "R0" AS (SELECT 'x' AS node, 'Worcester' AS city) SELECT p.node, p.city, r.node AS other
        FROM "R0" AS r CROSS JOIN patient AS p WHERE p.city = 'Worcester'""",
}
"""What random statements found: name of the fault to the least statement that shows it."""


@pytest.mark.parametrize("name", FOUND)
def test_found(region_engine: Engine, oracle: Oracle, name: str) -> None:
    assert disagreement(region_engine, oracle, Statement(FOUND[name], "found", tolerance=1e-9)) is None


REFUSED = {
    "new names for the columns of a WITH query moved a condition to another column": (
        "WITH c AS (SELECT sex, city FROM patient) SELECT * FROM c AS d (city, sex) WHERE city = 'male'",
        "B106",
    ),
    "new names for the columns of a view were dropped": (
        "SELECT * FROM notifiable_case AS n (patient_id, node) WHERE n.node = 'hosp_c'",
        "B106",
    ),
    "aliases that differ in case only were one in the merge": (
        """SELECT p.sex FROM patient AS p WHERE EXISTS (SELECT 1 FROM condition AS "P" WHERE p.patient_id = "P".patient_id AND p.node = 'hosp_a')""",
        "B106",
    ),
    "columns that differ in case only were one in the merge": (
        'SELECT d."Sex" AS x, d.sex AS y FROM (SELECT sex, city AS "Sex" FROM patient) AS d',
        "B106",
    ),
    "a star over a name that is there twice lost columns": (
        "SELECT * FROM (SELECT node AS a, sex AS a, city AS b FROM patient) AS d",
        "B103",
    ),
    "a star over a WITH query with a name twice was a bug (X101)": (
        "WITH d AS (SELECT node AS a, sex AS a FROM patient) SELECT * FROM d",
        "B103",
    ),
    "PERCENT was read as a number of rows": ("SELECT node FROM patient FETCH FIRST 5 PERCENT ROWS ONLY", "P104"),
    "WITH TIES was dropped": ("SELECT node FROM patient ORDER BY node FETCH FIRST 5 ROWS WITH TIES", "P104"),
    "an infinite constant became a name": ("SELECT count(*) AS n FROM vital_sign WHERE value < 'Infinity'", "B105"),
    "a format of which a part is not known was printed as it stands": (
        "SELECT to_char(birth_date, 'YYYY Mon Q') AS v FROM patient",
        "B104",
    ),
}
"""What once gave a wrong answer and is refused now: name of the fault to the statement and the code."""


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_answered_rightly_is_refused(region_engine: Engine, name: str) -> None:
    sql, code = REFUSED[name]
    with pytest.raises(GatewayError) as caught:
        ask(region_engine, sql)
    assert caught.value.code == code


def test_a_stream_has_its_own_name_where_a_with_query_has_it_too(region_engine: Engine) -> None:
    sql = "WITH r0 AS (SELECT 'x' AS node, 'nowhere' AS city) SELECT count(*) AS n FROM r0 AS r CROSS JOIN patient AS p"
    assert ask(region_engine, sql).rows.to_pylist() == [{"n": 905}]
