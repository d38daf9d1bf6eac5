"""Five questions, and what of the hospitals' rows each needs: for the test and the benchmark of fetched against needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.region.harness import Answer, ask, context
from tests.region.oracle import Oracle

if TYPE_CHECKING:
    from gateway.engine import Engine


@dataclass(frozen=True, slots=True)
class Question:
    """`needed`: one query per reference over the expected rows that gives the contributing rows with the columns that the answer uses.

    `most`: how many times the needed rows may be fetched; `why`: what the rest is, where it is more than dirt.
    """

    title: str
    sql: str
    needed: tuple[str, ...]
    most: float
    why: str = ""


QUESTIONS = (
    Question(
        "one patient's vitals (hospital A)",
        "SELECT loinc_code, value, unit, effective_at FROM vital_sign WHERE patient_id = '24511861'",
        ("SELECT patient_id, loinc_code, value, unit, effective_at FROM vital_sign WHERE patient_id = '24511861'",),
        1.1,
    ),
    Question(
        "one patient's vitals (hospital C)",
        "SELECT loinc_code, value, unit, effective_at FROM vital_sign WHERE patient_id = '0115BE18-88B3-2CB3-1CC9-8BFC05E4CA7A'",
        (
            "SELECT patient_id, loinc_code, value, unit, effective_at FROM vital_sign WHERE patient_id = '0115BE18-88B3-2CB3-1CC9-8BFC05E4CA7A'",
        ),
        1.1,
    ),
    Question(
        "systolic over 140 in 2025",
        "SELECT node, patient_id, value, effective_at FROM vital_sign WHERE loinc_code = '8480-6' AND value > 140 "
        "AND effective_at >= '2025-01-01' AND effective_at < '2026-01-01'",
        (
            "SELECT node, patient_id, loinc_code, value, effective_at FROM vital_sign WHERE loinc_code = '8480-6' AND value > 140 "
            "AND effective_at >= '2025-01-01' AND effective_at < '2026-01-01'",
        ),
        4.0,
        "hospital C: corrections are chosen at the gateway, so the value may not go below",
    ),
    Question(
        "HbA1c of people with diabetes",
        "SELECT l.node, l.patient_id, l.value, l.effective_at FROM lab_result AS l WHERE l.loinc_code = '4548-4' AND EXISTS "
        "(SELECT 1 FROM condition AS c WHERE c.node = l.node AND c.patient_id = l.patient_id AND c.display = 'Diabetes')",
        (
            "SELECT l.node, l.patient_id, l.loinc_code, l.value, l.effective_at FROM lab_result AS l WHERE l.loinc_code = '4548-4' AND EXISTS "
            "(SELECT 1 FROM condition AS c WHERE c.node = l.node AND c.patient_id = l.patient_id AND c.display = 'Diabetes')",
            "SELECT node, patient_id, display FROM condition WHERE display = 'Diabetes'",
        ),
        150.0,
        "no key sets yet: every HbA1c is fetched; hospital A keeps a diagnosis as one text, so all of its are",
    ),
    Question(
        "counts by hospital and month",
        "SELECT node, date_trunc('month', period_start) AS month, count(*) AS n FROM encounter GROUP BY 1, 2",
        ("SELECT node, period_start FROM encounter",),
        1.05,
        "no partial aggregates yet: every row is fetched, of two columns",
    ),
    Question(
        "New Year's Eve rows of hospital B",
        "SELECT vital_sign_id, value, effective_at FROM vital_sign WHERE node = 'hosp_b' "
        "AND effective_at >= '2024-12-31 17:00:00-05' AND effective_at < '2025-01-01 00:00:00-05'",
        (
            "SELECT node, vital_sign_id, value, effective_at FROM vital_sign WHERE node = 'hosp_b' "
            "AND effective_at >= '2024-12-31 17:00:00-05' AND effective_at < '2025-01-01 00:00:00-05'",
        ),
        2.0,
    ),
)


@dataclass(frozen=True, slots=True)
class Measure:
    """Rows and Arrow bytes that came from the sources, and that the answer needs."""

    answer: Answer
    fetched_rows: int
    fetched_bytes: int
    needed_rows: int
    needed_bytes: int


def measure(engine: Engine, oracle: Oracle, question: Question, pushdown: str = "on") -> Measure:
    answer = ask(engine, question.sql, context(pushdown))
    needed = [oracle.rows(sql) for sql in question.needed]
    return Measure(
        answer,
        sum(outcome.rows for outcome in answer.outcomes),
        sum(outcome.bytes for outcome in answer.outcomes),
        sum(rows.num_rows for rows in needed),
        sum(rows.nbytes for rows in needed),
    )
