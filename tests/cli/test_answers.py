"""Questions to the example region, as a user asks them: forms, exit codes, roles, a missing hospital."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gateway.settings import region_folder
from tests.cli.conftest import CLONE, Run

HIVE_URL = "HOSPITAL_GATEWAY_SOURCES__HOSP_B__HIVE__URL"
PATIENTS = "select node, patient_id, birth_date from patient order by node, patient_id"


def expected_patients() -> list[tuple[str, str, str]]:
    table = pq.read_table(region_folder() / "data" / "three_hospitals" / "expected" / "patient.parquet")
    rows = zip(*(table.column(name).to_pylist() for name in ("node", "patient_id", "birth_date")), strict=True)
    return sorted((node, patient, str(birth)) for node, patient, birth in rows)


@pytest.fixture
def without_hosp_b(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(HIVE_URL, f"parquet:{tmp_path / 'absent'}")


def test_json_holds_every_row_and_what_it_covers(run: Run) -> None:
    done = run("query", PATIENTS, "--format", "json")
    assert done.code == 0, done.err
    document = done.document()
    assert [tuple(row) for row in document["rows"]] == expected_patients()
    assert document["columns"] == ["node", "patient_id", "birth_date"] and document["complete"] is True
    assert {source["node"]: source["status"] for source in document["sources"]} == {"hosp_a": "ok", "hosp_b": "ok", "hosp_c": "ok"}


def test_csv_holds_the_same_rows_with_pushdown_off(run: Run) -> None:
    done = run("query", PATIENTS, "--format", "csv", "--pushdown", "off")
    assert [tuple(row) for row in csv.reader(io.StringIO(done.out, newline=""))][1:] == expected_patients()


def test_a_table_says_below_on_stderr_what_it_covers(run: Run) -> None:
    done = run("query", "select node, count(*) as people from patient group by node order by node")
    assert done.code == 0
    assert [line.split() for line in done.out.splitlines()[2:]] == [["hosp_a", "299"], ["hosp_b", "265"], ["hosp_c", "341"]]
    assert "3 rows in" in done.err and "covers 3 of 3 hospitals: hosp_a ok 299 rows" in done.err


def test_the_statement_comes_from_stdin_or_a_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("q.sql").write_text("select 1 as one;", encoding="utf-8")
    assert run("query", "--file", "q.sql", "--json").document()["rows"] == [[1]]
    monkeypatch.setattr("sys.stdin", io.StringIO("select 2 as two"))
    assert run("query", "-", "--json").document()["rows"] == [[2]]


def test_a_mistake_is_exit_1_and_shown_in_the_users_line(run: Run) -> None:
    done = run("query", "select loinc_cod from vital_sign")
    assert done.code == 1 and done.out == ""
    assert done.err.startswith("error[B102]: ")
    assert "  --> statement:1:8\n" in done.err and "did you mean loinc_code?" in done.err
    assert "   | select loinc_cod from vital_sign\n   |        ^\n" in done.err


def test_a_restricted_role_is_denied_what_its_policy_does_not_name(run: Run) -> None:
    assert run("query", "select * from medication", "--role", "analyst").code == 5
    done = run("query", "select distinct city from patient", "--role", "analyst", "--format", "csv")
    assert (done.code, done.out) == (0, "city\r\nWorcester\r\n") or (done.code, done.out) == (0, "city\nWorcester\n")


def test_a_missing_hospital_fails_the_query(run: Run, without_hosp_b: None) -> None:
    done = run("query", "select patient_id from patient")
    assert done.code == 1 and done.err.startswith("error[S101]")


def test_a_partial_answer_is_exit_3_and_says_what_is_missing(run: Run, without_hosp_b: None) -> None:
    done = run("query", PATIENTS, "--partial", "--json")
    document = done.document()
    assert done.code == 3 and document["complete"] is False
    assert [tuple(row) for row in document["rows"]] == [row for row in expected_patients() if row[0] != "hosp_b"]
    assert [source["status"] for source in document["sources"] if source["node"] == "hosp_b"] == ["failed"]


def test_counting_over_a_missing_hospital_is_refused_unless_a_wrong_answer_is_accepted(run: Run, without_hosp_b: None) -> None:
    refused = run("query", "select count(*) as n from patient", "--partial")
    assert refused.code == 1 and refused.err.startswith("error[L101]")
    accepted = run("query", "select count(*) as n from patient", "--on-unavailable", "unsound")
    assert accepted.code == 3 and accepted.out.split()[-1] == "640"
    assert "INCOMPLETE: covers 2 of 3 hospitals" in accepted.err and "lower_bound" in accepted.err


def test_no_hospital_at_all_is_exit_4(run: Run, without_hosp_b: None) -> None:
    assert run("query", "select patient_id from patient where node = 'hosp_b'", "--partial").code == 4
    assert run("sources", "ping", "hosp_b").code == 4
    assert run("sources", "ping").code == 1


def test_an_unknown_pushdown_rule_is_wrong_usage(run: Run) -> None:
    assert run("query", "select 1", "--pushdown", "magic").code == 2


def test_head_of_a_long_answer_is_quiet_and_no_error() -> None:
    script = f"{sys.executable} -m gateway query 'select * from vital_sign' --format csv | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=CLONE, timeout=120, check=True)
    assert done.stdout.splitlines()[0].startswith("node,patient_id") and done.stdout.splitlines()[1] == "0"
    assert done.stderr == ""


def test_explain_shows_the_plan_and_with_analyze_what_was_fetched(run: Run) -> None:
    statement = "select value from vital_sign where patient_id = '24511861'"
    plan = run("explain", statement, "--json").document()
    assert plan["references"][0]["table"] == "vital_sign"
    analyzed = run("explain", statement, "--analyze", "--json").document()["analyze"]
    assert analyzed["rows"] > 0 and sum(fragment["rows"] for fragment in analyzed["fragments"]) >= analyzed["rows"]
    assert "vital_sign" in run("explain", statement).out


def test_query_with_explain_has_the_plan_beside_the_answer(run: Run) -> None:
    assert run("query", "select 1 as one", "--explain", "--json").document()["plan"]["sql"] == "select 1 as one"
    done = run("query", "select node from patient limit 1", "--explain", "--format", "csv")
    assert done.out.splitlines()[0] == "node" and "plan" in done.err


def test_the_demo_answers_over_three_hospitals_and_shows_how(process: Run) -> None:
    done = process("demo")
    assert done.code == 0, done.err
    assert "covers 3 of 3 hospitals" in done.out and "What was asked where" in done.out
    assert done.err == ""


def test_the_demo_is_that_of_the_example_whatever_configuration_is_in_force(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("gateway.toml").write_text('[catalog]\nurl = "elsewhere"\n', encoding="utf-8")
    monkeypatch.setenv("HOSPITAL_GATEWAY_CATALOG__URL", "nowhere")
    assert run("demo", "--json").document()["complete"] is True


def test_the_demo_counts_what_the_expected_rows_say(run: Run) -> None:
    import duckdb

    from gateway.commands.demo import STATEMENT

    expected = region_folder() / "data" / "three_hospitals" / "expected"
    with duckdb.connect() as connection:
        for table in ("vital_sign", "patient"):
            connection.execute(f"create view {table} as select * from '{expected / table}.parquet'")
        rows = connection.execute(STATEMENT).fetchall()
    answered = run("demo", "--json").document()["rows"]
    assert [(*row[:3], pytest.approx(row[3]), row[4]) for row in rows] == [tuple(row) for row in answered]
