"""Hospital A's cells through the layouts of the shipped mappings, against the expected rows; and what lookups touch."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from adapters.hbase import open_source
from adapters.interface import Adapter
from catalog.conditions import AllOf, AnyOf
from catalog.loader import load_catalog
from catalog.source_tables import HBaseTable
from tests.adapters.hbase.cells import equal, family, read, scan_of, within
from tests.adapters.hbase.layouts import OBS, PATIENT, REGION, VISIT, source_of

CELLS = f"cells:{REGION / 'local' / 'hospital_a_hbase'}"
PATIENT_OF_THE_DOCS = 24511861


def expected(table: str) -> list[dict[str, Any]]:
    """The rows of hospital A that a right mapping returns."""
    read_table = pq.read_table(REGION / "expected" / f"{table}.parquet")
    rows: list[dict[str, Any]] = read_table.filter(pc.equal(read_table["node"], "hosp_a")).to_pylist()
    return rows


def milliseconds(when: datetime) -> int:
    return round(when.timestamp() * 1000)


@pytest.fixture(scope="module", params=["shipped mappings", "built by hand"])
def opened(request: pytest.FixtureRequest) -> tuple[Adapter, dict[str, HBaseTable]]:
    """The adapter over hospital A, once with the layouts of mappings/ and once with those of this folder."""
    source = source_of(PATIENT, VISIT, OBS, url=CELLS)
    if request.param == "shipped mappings":
        snapshot = load_catalog(Path(__file__).parents[3] / "mappings")
        source = replace(snapshot.nodes["hosp_a"].sources["hbase"], url=CELLS)
    tables = {name: table for name, table in source.tables.items() if isinstance(table, HBaseTable)}
    return open_source(source), tables


Opened = tuple[Adapter, dict[str, HBaseTable]]


def test_every_patient_comes_back(opened: Opened) -> None:
    adapter, tables = opened
    rows = read(adapter, scan_of(tables["patient"])).rows
    wanted = {(r["patient_id"], f"{r['family_name']}^{r['given_name']}", r["postal_code"]) for r in expected("patient")}
    assert len(rows) == 299
    assert {(row["mrn"], row["name"], row["zip"] or None) for row in rows} == wanted
    assert sum(row["death"] is not None for row in rows) == sum(r["death_date"] is not None for r in expected("patient"))


def test_every_visit_comes_back(opened: Opened) -> None:
    adapter, tables = opened
    rows = read(adapter, scan_of(tables["visit"])).rows
    found = {(row["mrn"], row["visit_id"], row["adm_ms"], row["dis"], row["fee"], row["rsn"]) for row in rows}
    wanted = {
        (
            r["patient_id"],
            r["encounter_id"],
            milliseconds(r["period_start"]),
            milliseconds(r["period_end"]),
            round(r["total_cost"] * 100),
            r["reason_text"],
        )
        for r in expected("encounter")
    }
    assert (len(rows), found) == (2_940, wanted)
    assert all(row["adm"] == row["adm_ms"] for row in rows)


def test_every_reading_comes_back_in_its_latest_version(opened: Opened) -> None:
    adapter, tables = opened
    rows = read(adapter, scan_of(family(tables["obs"], "v"))).rows
    found = {(f"{r['mrn']:08}-{r['code']}-{r['day_ms'] + r['second'] * 1000}", r["val"]) for r in rows}
    wanted = {(r["vital_sign_id"], float(r["source_value"])) for r in expected("vital_sign")}
    assert (len(rows), found) == (5_329, wanted)


def test_every_laboratory_cell_comes_back(opened: Opened) -> None:
    adapter, tables = opened
    rows = read(adapter, scan_of(family(tables["obs"], "l"))).rows
    found = {(f"{r['mrn']:08}-{r['code']}-{r['day_ms'] + r['second'] * 1000}", float(r["val"].split("|")[0])) for r in rows}
    wanted = {(r["lab_result_id"], float(r["source_value"])) for r in expected("lab_result")}
    assert (len(rows), found) == (4_216, wanted)
    assert {"LDL-C", "HDL-C"} <= {row["code"] for row in rows}


def test_every_diagnosis_prescription_and_vaccination_comes_back(opened: Opened) -> None:
    adapter, tables = opened
    diagnoses = read(adapter, scan_of(family(tables["visit"], "dx"), columns=("visit_id", "seq", "dx"))).rows
    assert {(f"{r['visit_id']}-{r['seq']}", r["dx"].split("|")[0]) for r in diagnoses} == {
        (r["condition_id"], r["code"]) for r in expected("condition")
    }
    prescriptions = read(adapter, scan_of(family(tables["visit"], "rx"), columns=("visit_id", "seq"))).rows
    assert {f"{r['visit_id']}-{r['seq']}" for r in prescriptions} == {r["medication_id"] for r in expected("medication")}
    vaccinations = read(adapter, scan_of(family(tables["patient"], "i"), columns=("mrn", "cvx", "given"))).rows
    assert {(r["mrn"], r["cvx"], r["given"]) for r in vaccinations} == {
        (r["patient_id"], r["vaccine_code"], str(r["occurrence_date"]).replace("-", "")) for r in expected("immunization")
    }


# -------------------------------------------------------------------------------------------- what a lookup touches


def test_one_patients_readings_of_a_time_touch_one_range_and_just_their_rows(opened: Opened) -> None:
    adapter, tables = opened
    start = milliseconds(datetime(2024, 1, 1, tzinfo=UTC))
    day_before = start - 86_399_000  # the mapping's inverse of day_ms + second * 1000 >= start
    scan = scan_of(family(tables["obs"], "v"), equal("mrn", PATIENT_OF_THE_DOCS), within("day_ms", day_before, low_closed=True))
    answer = read(adapter, scan)
    wanted = [
        r
        for r in expected("vital_sign")
        if r["patient_id"] == str(PATIENT_OF_THE_DOCS) and r["effective_at"] >= datetime(2024, 1, 1, tzinfo=UTC)
    ]
    days = {r["effective_at"].date() for r in wanted}
    assert {f"{r['day_ms'] + r['second'] * 1000}" for r in answer.rows} == {r["vital_sign_id"].split("-")[2] for r in wanted}
    assert (answer.touched["ranges"], answer.touched["rows"], answer.splits) == (1, len(days), 1)
    assert answer.touched["cells"] == len(answer.rows) == len(wanted)


def test_one_reading_by_its_identifier_touches_one_row_and_one_cell(opened: Opened) -> None:
    adapter, tables = opened
    moment = 1_609_563_321_000
    day = moment - moment % 86_400_000
    tests = (equal("mrn", PATIENT_OF_THE_DOCS), equal("code", "TZ"), equal("day_ms", day), equal("second", (moment - day) // 1000))
    answer = read(adapter, scan_of(family(tables["obs"], "v"), *tests))
    assert [row["val"] for row in answer.rows] == [90.6]
    assert {name: answer.touched[name] for name in ("gets", "ranges", "rows", "cells")} == {"gets": 1, "ranges": 0, "rows": 1, "cells": 1}


def test_one_patient_is_one_get(opened: Opened) -> None:
    adapter, tables = opened
    answer = read(adapter, scan_of(tables["patient"], equal("mrn", str(PATIENT_OF_THE_DOCS))))
    assert (len(answer.rows), answer.touched["gets"], answer.touched["ranges"]) == (1, 1, 0)


def test_an_or_of_two_patients_touches_their_rows_only(opened: Opened) -> None:
    adapter, tables = opened
    visits = [r["patient_id"] for r in expected("encounter")]
    pair = (min(visits), max(visits))
    answer = read(adapter, scan_of(tables["visit"], AnyOf((equal("mrn", pair[0]), AllOf((equal("mrn", pair[1]),))))))
    assert answer.touched["rows"] == len(answer.rows) == sum(visit in pair for visit in visits)


def test_a_code_alone_reads_every_bucket_but_no_other_columns(opened: Opened) -> None:
    adapter, tables = opened
    answer = read(adapter, scan_of(family(tables["obs"], "v"), equal("code", "TZ")))
    weights = [r for r in expected("vital_sign") if r["loinc_code"] == "29463-7"]
    assert (len(answer.rows), answer.touched["cells"], answer.touched["ranges"]) == (len(weights), len(weights), 8)
    assert answer.splits == 4


def test_no_condition_reads_every_bucket_in_as_many_parts_as_there_are_slots(opened: Opened) -> None:
    adapter, tables = opened
    answer = read(adapter, scan_of(tables["visit"], columns=("visit_id",)))
    assert (answer.splits, answer.touched["ranges"], answer.touched["rows"]) == (adapter.capabilities.slots, 8, 2_940)


def test_a_limit_stops_the_read(opened: Opened) -> None:
    adapter, tables = opened
    answer = read(adapter, scan_of(tables["visit"], columns=("visit_id",), limit=5))
    assert (len(answer.rows), answer.touched["rows"]) == (5, 5)
    filtered = read(adapter, scan_of(tables["visit"], equal("cls", "3"), limit=5))
    assert len(filtered.rows) == 5
    assert filtered.touched["rows"] < 2_940
