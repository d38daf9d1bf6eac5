"""Calls that need no hospital: help, wrong usage, error codes, accounts, settings, and how a bug leaves the process."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.access.accounts import api_key_matches
from gateway.error_codes import ERROR_CODES
from gateway.settings import load_settings
from tests.cli.conftest import CLONE, Run

VERBS = ("demo", "query", "explain", "error", "doctor", "version")
GROUPS = {"catalog": ("check", "schema"), "sources": ("list", "ping", "describe"), "account": ("add",)}


def test_help_names_every_verb(run: Run) -> None:
    done = run("--help")
    assert done.code == 0
    for verb in (*VERBS, *GROUPS):
        assert f"\n  {verb} " in done.out
    for group, verbs in GROUPS.items():
        shown = run(group, "--help")
        assert shown.code == 0 and all(f"\n  {verb} " in shown.out for verb in verbs)


def test_help_loads_no_engine_and_is_quick() -> None:
    script = (
        "import sys, time\nfrom gateway.cli import main\nmain(['--help'])\n"
        "heavy = [name for name in ('duckdb', 'sqlglot', 'pyarrow', 'ruamel', 'rich', 'scramp', 'tomlkit') if name in sys.modules]\n"
        "print(heavy, time.process_time(), file=sys.stderr)"
    )
    seconds = []
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=CLONE, check=True)
        heavy, used = done.stderr.split("] ")
        assert heavy == "["
        seconds.append(float(used))
    assert min(seconds) < 0.150


@pytest.mark.parametrize("verb", [*VERBS, *(f"{group} {verb}" for group, verbs in GROUPS.items() for verb in verbs)])
def test_every_verb_takes_the_global_options(run: Run, verb: str) -> None:
    done = run(*verb.split(), "--help")
    assert done.code == 0
    assert all(option in done.out for option in ("--config", "--catalog", "--json", "--verbose"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("nope",),
        ("query",),
        ("query", "select 1", "--format", "xml"),
        ("query", "select 1", "--file", "x.sql"),
        ("query", "--file", "absent.sql"),
        ("query", "select 1", "--deadline", "-1"),
        ("query", "select 1", "--deadline", "soon"),
        ("query", "select 1", "--on-unavailable", "perhaps"),
        ("query", "select 1", "--partial", "--on-unavailable", "fail"),
        ("query", "select 1", "--no-such-option"),
        ("error", "B999"),
        ("demo", "--serve"),
        ("sources", "describe"),
        ("sources", "describe", "--node", "x", "--adapter", "duckdb"),
        ("--config", "absent.toml", "query", "select 1"),
    ],
)
def test_wrong_usage_is_exit_2_with_code_and_hint_on_stderr(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("error[F10")
    assert "more: hospital-gateway error F10" in done.err


def test_no_command_shows_the_help_and_is_exit_2(run: Run) -> None:
    done = run()
    assert done.code == 2 and done.out == "" and "Commands:" in done.err


def test_with_json_an_error_is_one_object_on_stdout(run: Run) -> None:
    done = run("query", "select 1", "--pushdown", "on", "--json", "--deadline", "-1")
    assert done.code == 2 and done.err == ""
    assert done.document()["error"]["code"] == "F103"


def test_json_and_another_format_contradict_each_other(run: Run) -> None:
    assert run("query", "select 1", "--json", "--format", "csv").code == 2


def test_serve_says_that_front_doors_come_later(run: Run) -> None:
    assert "front door" in run("demo", "--serve").err


@pytest.mark.parametrize("code", ERROR_CODES)
def test_every_error_code_is_explained(run: Run, code: str) -> None:
    done = run("error", code, "--json")
    assert done.code == 0
    assert done.document()["name"] == ERROR_CODES[code].name and len(done.document()["advice"]) > 20


def test_an_error_code_is_found_by_its_name_in_any_case(run: Run) -> None:
    assert run("error", "unknown_table").out.startswith("B101 UNKNOWN_TABLE\n")


def test_version_is_that_of_the_project(run: Run) -> None:
    assert run("version").out.startswith("hospital-gateway 0.")
    assert set(run("version", "--json").document()) >= {"hospital-gateway", "python", "duckdb", "sqlglot", "pyarrow"}


# ------------------------------------------------------------------------------------------------- settings, accounts


def test_a_mistake_in_the_settings_is_shown_with_its_line(run: Run) -> None:
    Path("gateway.toml").write_text("[limits]\ndeadlin = 3\n", encoding="utf-8")
    done = run("query", "select 1")
    assert done.code == 2
    assert f"  --> {Path.cwd() / 'gateway.toml'}:2" in done.err and "did you mean deadline?" in done.err


def test_without_a_role_a_query_is_denied(run: Run) -> None:
    Path("gateway.toml").write_text("[limits]\ndeadline = 3\n", encoding="utf-8")
    done = run("query", "select 1")
    assert done.code == 5 and done.err.startswith("error[G103]")


def test_an_account_is_added_and_its_key_shown_once(process: Run) -> None:
    done = process("account", "add", "anna", "--role", "analyst", "--config", "site.toml", stdin="correct horse battery\n")
    assert done.code == 0, done.err
    assert "correct horse" not in done.out + done.err
    account = load_settings(config=Path("site.toml"), environment={}).accounts["anna"]
    assert account.api_key_hash is not None and api_key_matches(done.out.strip(), account.api_key_hash.read())
    again = process("account", "add", "anna", "--role", "analyst", "--config", "site.toml", stdin="correct horse battery\n")
    assert again.code == 1 and again.err.startswith("error[A102]")


def test_a_short_password_is_refused_before_anything_is_written(process: Run) -> None:
    done = process("account", "add", "anna", "--role", "analyst", "--config", "site.toml", stdin="secret7\n")
    assert done.code == 2 and "secret7" not in done.out + done.err
    assert not Path("site.toml").exists()


# --------------------------------------------------------------------------------------------------- how it can end


def test_a_bug_is_exit_70_with_an_id_that_is_in_the_private_log_and_no_message(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: object) -> object:
        raise RuntimeError("patient Li 24511861")

    monkeypatch.setattr("gateway.commands.session.load_settings", lambda **_: broken(None))
    done = run("query", "select 1")
    assert done.code == 70
    assert "Traceback" not in done.err and "24511861" not in done.err
    log_id = next(line.split()[1] for line in done.err.splitlines() if line.startswith("id: "))
    log = tmp_path / "home" / "hospital-gateway" / "gateway.log"
    text = log.read_text(encoding="utf-8")
    assert f"id={log_id}" in text and "RuntimeError" in text and "24511861" not in text
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_log_that_cannot_be_written_stops_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert run("error", "B101").code == 0
    monkeypatch.setattr("gateway.commands.session.load_settings", lambda **_: 1 / 0)
    assert run("query", "select 1").code == 70


def test_an_interrupt_is_exit_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("gateway.commands.session.load_settings", interrupted)
    done = run("query", "select 1")
    assert done.code == 130 and done.out == "" and "Traceback" not in done.err


def test_a_reader_that_goes_away_is_no_error() -> None:
    script = f"{sys.executable} -m gateway error B101 --json | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=CLONE, timeout=60, check=True)
    assert done.stderr == "" and done.stdout.strip() == "0"


def test_data_and_talk_are_apart(run: Run) -> None:
    done = run("error", "B101", "--json")
    assert json.loads(done.out)["code"] == "B101" and done.err == ""
