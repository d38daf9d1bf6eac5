"""A secret planted where settings may have one: no verb shows it, no error repeats it, no log keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run

CANARY = "hunter2-canary-4711"
CALLS = (
    ("sources", "list"),
    ("sources", "ping"),
    ("sources", "describe", "--node", "hosp_b"),
    ("query", "select * from patient"),
    ("query", "select * from patient", "--partial", "--explain"),
    ("explain", "select * from patient"),
    ("catalog", "check", "--sample"),
    ("doctor",),
    ("account", "add", "anna", "--role", "nobody"),
)


@pytest.fixture(autouse=True)
def _planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The url of hospital B and a token behind references; the url leads nowhere, so that its errors are seen too."""
    monkeypatch.setenv("PLANTED_URL", f"parquet:/absent/{CANARY}")
    monkeypatch.setenv("PLANTED_KEY", CANARY * 3)
    Path("gateway.toml").write_text(
        """
        default_role = "demo"
        [sources.hosp_b.hive]
        adapter = "duckdb"
        url = "env:PLANTED_URL"
        [security]
        token_key = "env:PLANTED_KEY"
        """,
        encoding="utf-8",
    )


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_no_verb_shows_a_secret_in_any_form(run: Run, tmp_path: Path, call: tuple[str, ...]) -> None:
    for extra in ((), ("--json",)):
        done = run(*call, *extra, "--verbose")
        assert CANARY not in done.out + done.err
    log = tmp_path / "home" / "hospital-gateway" / "gateway.log"
    assert not log.exists() or CANARY not in log.read_text(encoding="utf-8")


def test_a_reference_that_leads_nowhere_is_a_failure_of_that_source_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLANTED_URL")
    done = run("sources", "ping")
    assert done.code == 1
    assert "hosp_b.hive  failed  [S110] the environment variable PLANTED_URL is not set" in done.out and "hosp_a.hbase  ok" in done.out


def test_a_query_over_a_source_whose_secret_is_missing_names_the_reference(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLANTED_URL")
    done = run("query", "select * from patient")
    assert done.code == 2 and done.err.startswith("error[S110]") and "PLANTED_URL" in done.err
    assert run("query", "select patient_id from patient", "--partial").code == 3
