"""Where the hospitals' forms lie in wait for each pushdown rule: LIMIT, corrections, copies, partitions by local year."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.region.generator import Statement
from tests.region.harness import ask, context, disagreement
from tests.region.oracle import Oracle, expected_folder

if TYPE_CHECKING:
    from gateway.engine import Engine

SWITCHES = ("on", "off", "filter,limit", "limit")
CONDITIONS = {
    "no condition": ("vital_sign", "true"),
    "copies in hospital B": ("vital_sign", "node = 'hosp_b'"),
    "copies among hospital B's labs": ("lab_result", "node = 'hosp_b'"),
    "corrections in hospital C": ("vital_sign", "node = 'hosp_c'"),
    "rows marked as deleted in hospital C": ("encounter", "node = 'hosp_c'"),
    "an exact condition": ("patient", "sex = 'male'"),
    "a converted value": ("vital_sign", "loinc_code = '8310-5' AND value >= 38"),
    "a value in a text": ("lab_result", "value_operator = '<'"),
    "a local time": ("encounter", "node = 'hosp_b' AND period_start < '2021-02-01'"),
    "an expression": ("patient", "lower(city) = 'worcester' AND length(phone) = 10"),
    "a condition on two columns": ("encounter", "period_end > period_start + interval '2 hours'"),
    "wide rows": ("immunization", "node = 'hosp_a' AND vaccine_code = '140'"),
    "a list in a row": ("medication", "node = 'hosp_b' AND end_at IS NULL"),
    "a view": ("notifiable_case", "case_id LIKE 'ZY%'"),
}
KEYS = {"immunization": "immunization_id", "medication": "medication_id", "patient": "patient_id", "encounter": "encounter_id"} | {
    "vital_sign": "vital_sign_id",
    "lab_result": "lab_result_id",
    "notifiable_case": "case_id",
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_limit_gives_as_many_right_rows_as_there_are(region_engine: Engine, oracle: Oracle, name: str) -> None:
    table, where = CONDITIONS[name]
    key = KEYS[table]
    expected = oracle.rows(f"SELECT node, {key} FROM {table} WHERE {where}")
    known = set(zip(expected.column("node").to_pylist(), expected.column(key).to_pylist()))
    assert len(known) == expected.num_rows > 0
    for limit in {1, 7, expected.num_rows - 1, expected.num_rows, expected.num_rows + 5} - {0}:
        for pushdown in SWITCHES:
            rows = ask(region_engine, f"SELECT node, {key} FROM {table} WHERE {where} LIMIT {limit}", context(pushdown)).rows
            found = list(zip(rows.column("node").to_pylist(), rows.column(key).to_pylist()))
            assert len(found) == min(limit, expected.num_rows), f"LIMIT {limit}, pushdown {pushdown}"
            assert len(set(found)) == len(found) and set(found) <= known


@pytest.mark.parametrize("offset", [0, 3, 500, 905, 2000])
def test_an_offset_skips_rows_of_the_answer_and_not_of_each_hospital(region_engine: Engine, offset: int) -> None:
    for pushdown in SWITCHES:
        rows = ask(region_engine, f"SELECT node, patient_id FROM patient LIMIT 300 OFFSET {offset}", context(pushdown)).rows
        assert rows.num_rows == max(0, min(300, 905 - offset))


@pytest.mark.parametrize("table", ["vital_sign", "lab_result"])
def test_a_row_that_was_corrected_or_deleted_is_never_found_by_its_own_identifier(
    region_engine: Engine, oracle: Oracle, table: str
) -> None:
    """The correction is another row: a condition on the old one may not hide it from the choice of the latest."""
    file = expected_folder().parent / "local" / "hospital_c_sqlserver" / "ObservationEav.csv"
    read = duckdb.connect().execute(f"SELECT ObsID::VARCHAR FROM read_csv('{file}', all_varchar = true, header = true)")
    all_ids = {row[0] for row in read.fetchall()}
    kept = {
        value
        for each in ("vital_sign", "lab_result")
        for value in oracle.rows(f"SELECT {each}_id AS id FROM {each} WHERE node = 'hosp_c'").column("id").to_pylist()
    }
    gone = sorted(all_ids - kept)
    assert len(gone) > 50
    for pushdown in ("on", "off"):
        ids = ", ".join(f"'{each}'" for each in gone)
        assert (
            ask(
                region_engine, f"SELECT {table}_id FROM {table} WHERE node = 'hosp_c' AND {table}_id IN ({ids})", context(pushdown)
            ).rows.num_rows
            == 0
        )


@pytest.mark.parametrize("table", ["vital_sign", "lab_result"])
@pytest.mark.parametrize("limit", [5, 20, 40, 75, 100, 125, 150, 200])
def test_a_corrected_value_counts_on_its_own_side_of_a_limit(region_engine: Engine, oracle: Oracle, table: str, limit: int) -> None:
    for operator in ("<", ">="):
        sql = f"SELECT loinc_code, count(*) AS n FROM {table} WHERE node = 'hosp_c' AND value {operator} {limit} GROUP BY loinc_code"
        assert disagreement(region_engine, oracle, Statement(sql, "trap"), ("on",)) is None


@pytest.mark.parametrize("year", range(2021, 2027))
@pytest.mark.parametrize(
    ("table", "column"),
    [("vital_sign", "effective_at"), ("lab_result", "effective_at"), ("encounter", "period_start"), ("encounter", "period_end")],
)
def test_the_turn_of_each_year_is_whole_though_partitions_are_local_years(
    region_engine: Engine, oracle: Oracle, table: str, column: str, year: int
) -> None:
    turns = [
        (f"{year}-01-01 00:00:00+00", f"{year}-01-01 05:00:00+00"),
        (f"{year - 1}-12-31 20:00:00+00", f"{year}-01-01 00:00:00+00"),
        (f"{year}-01-01 00:00:00+00", f"{year + 1}-01-01 00:00:00+00"),
    ]
    for low, high in turns:
        sql = f"SELECT {KEYS[table]}, {column} FROM {table} WHERE node = 'hosp_b' AND {column} >= '{low}' AND {column} < '{high}'"
        assert disagreement(region_engine, oracle, Statement(sql, "trap"), ("on",)) is None


def test_rows_at_the_turn_of_a_year_exist(oracle: Oracle) -> None:
    sql = "SELECT count(*) AS n FROM vital_sign WHERE node = 'hosp_b' AND extract(doy FROM effective_at) = 1 AND extract(hour FROM effective_at) < 5"
    assert oracle.rows(sql).to_pylist()[0]["n"] >= 10
