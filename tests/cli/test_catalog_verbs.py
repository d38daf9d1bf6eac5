"""`catalog`, `sources`, `account` and `doctor` over the example region, and over folders made for the test."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from gateway.settings import region_folder
from tests.cli.conftest import CLONE, Run


@pytest.fixture
def region() -> Path:
    """A copy of the example region without its data, which a test may break."""
    folder = Path.cwd() / "region"
    shutil.copytree(region_folder(), folder, ignore=shutil.ignore_patterns("data", "gateway.toml"))
    return folder


def test_the_example_region_is_right(run: Run) -> None:
    done = run("catalog", "check")
    assert done.code == 0 and done.out.startswith("ok: 8 tables, 3 hospitals, 21 bindings")


def test_every_mistake_is_said_at_once_and_is_exit_1(run: Run, region: Path) -> None:
    vitals, patients = region / "nodes" / "hosp_b" / "vital_sign.yaml", region / "nodes" / "hosp_c" / "patient.yaml"
    vitals.write_text(vitals.read_text(encoding="utf-8").replace("loinc_code:", "loinc_cod:"), encoding="utf-8")
    patients.write_text(patients.read_text(encoding="utf-8").replace("source: mssql", "source: msql"), encoding="utf-8")
    done = run("catalog", "check", "--catalog", str(region))
    assert done.code == 1 and done.out == ""
    assert "nodes/hosp_b/vital_sign.yaml:" in done.err and "did you mean loinc_code?" in done.err
    assert "nodes/hosp_c/patient.yaml:" in done.err and "did you mean mssql?" in done.err
    document = run("catalog", "check", "--catalog", str(region), "--json").document()
    assert document["ok"] is False and {problem["place"].split(":")[0] for problem in document["problems"]} == {
        "nodes/hosp_b/vital_sign.yaml",
        "nodes/hosp_c/patient.yaml",
    }


def test_a_query_over_broken_mappings_is_exit_2(run: Run, region: Path) -> None:
    (region / "tables" / "patient.yaml").write_text("table: [", encoding="utf-8")
    done = run("query", "select 1", "--catalog", str(region), "--role", "demo")
    assert done.code == 2 and done.err.startswith("error[C101]")


def test_a_policy_whose_filter_does_not_bind_is_a_mistake(run: Run, region: Path) -> None:
    policy = region / "policies" / "analyst.yaml"
    policy.write_text(policy.read_text(encoding="utf-8").replace("city =", "citi ="), encoding="utf-8")
    done = run("catalog", "check", "--catalog", str(region))
    assert done.code == 1 and "policies/analyst.yaml" in done.err


def test_a_folder_without_mappings_is_exit_2(run: Run) -> None:
    done = run("catalog", "check", "--catalog", str(Path.cwd()))
    assert done.code == 2 and done.err.startswith("error[C301]")


def test_a_sample_reads_every_binding_and_says_what_became_null(run: Run) -> None:
    samples = run("catalog", "check", "--sample", "--json").document()["samples"]
    assert len(samples) == 21 and all(0 < sample["raw_rows"] <= 100 and "failure" not in sample for sample in samples)
    national_id = next(sample for sample in samples if sample["binding"] == "hosp_b/patient")["columns"]["national_id"]
    assert 0 < national_id["made_by_mapping"] <= national_id["nulls"], "hospital B writes N/A, which the mapping makes NULL"


def test_a_sample_of_a_source_that_fails_is_exit_1_and_names_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSPITAL_GATEWAY_SOURCES__HOSP_B__HIVE__URL", "parquet:/absent")
    done = run("catalog", "check", "--sample")
    assert done.code == 1
    assert "hosp_b/patient: failed: " in done.out and "hosp_a/patient: 100 raw rows" in done.out


def test_watch_checks_again_when_a_file_changes(region: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(CLONE), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "gateway", "catalog", "check", "--watch", "--catalog", str(region)]
    with open("out.txt", "w", encoding="utf-8") as out:
        watching = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)
    try:
        assert _appears("ok: 8 tables")
        (region / "tables" / "patient.yaml").write_text("table: [", encoding="utf-8")
        assert _appears("error[C101]")
    finally:
        watching.send_signal(signal.SIGINT)
        code = watching.wait(timeout=30)
    assert code == 130


def _appears(text: str) -> bool:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if text in Path("out.txt").read_text(encoding="utf-8"):
            return True
        time.sleep(0.1)
    return False


def test_the_schema_lists_every_table_and_column(run: Run) -> None:
    tables = {table["name"]: table for table in run("catalog", "schema", "--json").document()["tables"]}
    assert len(tables) == 8
    assert [column["name"] for column in tables["patient"]["columns"]][:2] == ["node", "patient_id"]
    assert "\npatient" in "\n" + run("catalog", "schema").out


def test_schemas_for_editors_are_the_shipped_ones(run: Run) -> None:
    assert run("catalog", "schema", "--write", "schemas").code == 0
    shipped = region_folder() / "schemas"
    written = {file.name: file.read_text(encoding="utf-8") for file in Path("schemas").iterdir()}
    assert written == {file.name: file.read_text(encoding="utf-8") for file in shipped.iterdir()}


def test_sources_are_listed_as_the_settings_replace_them(run: Run) -> None:
    rows = {(row["node"], row["source"]): row for row in run("sources", "list", "--json").document()["sources"]}
    assert {key: row["adapter"] for key, row in rows.items()} == {
        ("hosp_a", "hbase"): "hbase",
        ("hosp_b", "hive"): "duckdb",
        ("hosp_c", "mssql"): "duckdb",
    }
    assert len(rows["hosp_a", "hbase"]["bindings"]) == 7


def test_a_replacement_of_a_source_that_is_not_there_is_named(run: Run) -> None:
    Path("gateway.toml").write_text('[sources.hosp_b.hiv]\nadapter = "duckdb"\n', encoding="utf-8")
    done = run("sources", "ping")
    assert done.code == 2 and "gateway.toml:2\n" in done.err and "did you mean hosp_b.hive" in done.err


def test_every_source_of_the_region_answers(run: Run) -> None:
    done = run("sources", "ping", "--json")
    assert done.code == 0 and all(source["ok"] for source in done.document()["sources"])
    assert run("sources", "ping", "hosp_z").code == 2


def test_a_database_that_no_mapping_knows_is_described_from_an_empty_folder(run: Run) -> None:
    with duckdb.connect("clinic.duckdb") as connection:
        connection.execute("create table visit (id integer primary key, seen_at timestamptz not null, fee decimal(10,2), note varchar)")
        connection.execute("insert into visit values (1, now(), 2.5, 'x')")
    arguments = (
        "sources",
        "describe",
        "--node",
        "clinic",
        "--adapter",
        "duckdb",
        "--url",
        "duckdb:clinic.duckdb",
        "--zone",
        "Europe/Berlin",
    )
    done = run(*arguments)
    assert done.code == 0, done.err
    assert "node: clinic\nzone: Europe/Berlin\n" in done.out and "key: [id]" in done.out
    assert run(*arguments, "--write", "mappings/nodes/clinic/node.yaml").code == 0
    assert Path("mappings/nodes/clinic/node.yaml").read_text(encoding="utf-8") == done.out
    again = run(*arguments, "--write", "mappings/nodes/clinic/node.yaml")
    assert again.code == 2 and "exists" in again.err


def test_a_source_of_the_catalog_is_described_as_it_is_now(run: Run) -> None:
    tables = run("sources", "describe", "--node", "hosp_c", "--json").document()["tables"]
    assert "Encounter" in tables and tables["Encounter"]["columns"][0]["name"] == "EncounterID"
    assert run("sources", "describe", "--node", "hosp_x").code == 2


def test_an_account_of_a_role_that_no_policy_defines_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("gateway.toml").write_text("# ours\n", encoding="utf-8")
    done = run("account", "add", "anna", "--role", "analist")
    assert done.code == 5 and "did you mean analyst?" in done.err


def test_the_doctor_looks_at_everything(run: Run) -> None:
    done = run("doctor", "--json")
    findings = {finding["name"]: finding["state"] for finding in done.document()["findings"]}
    assert done.code == 0, done.out
    assert (
        findings["python"] != "fail"
        and findings["source hosp_b.hive"] == "ok"
        and {"java", "mvn", "data folder", "catalog"} <= set(findings)
    )


def test_the_doctor_says_what_to_do_about_a_mistake_and_is_exit_1(run: Run, region: Path) -> None:
    (region / "tables" / "patient.yaml").write_text("table: [", encoding="utf-8")
    done = run("doctor", "--catalog", str(region))
    assert done.code == 1
    assert "fail  catalog: " in done.out and "hospital-gateway catalog check shows all" in done.out


def test_the_doctor_survives_settings_that_cannot_be_read(run: Run) -> None:
    Path("gateway.toml").write_text("[limits\n", encoding="utf-8")
    done = run("doctor")
    assert done.code == 1 and "fail  settings: " in done.out and "Traceback" not in done.err
