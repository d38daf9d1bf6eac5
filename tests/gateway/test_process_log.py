"""The log of a process: private, one line a record, and without what exceptions say."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from gateway.process_log import describe_exception, log_file, process_log

SECRET = "Li 24511861"


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def fails() -> None:
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        raise RuntimeError(f"again {SECRET}") from error


def logged() -> str:
    return log_file().read_text(encoding="utf-8")


def test_an_exception_is_logged_by_kinds_and_places_without_its_messages() -> None:
    with process_log():
        try:
            fails()
        except RuntimeError:
            logging.getLogger("test").exception("it failed")
    assert "it failed" in logged() and "builtins.RuntimeError at " in logged() and "after builtins.ValueError at " in logged()
    assert "test_process_log.py" in logged() and ":fails" in logged()
    assert SECRET not in logged()


def test_a_description_of_an_exception_ends_even_if_its_causes_go_round() -> None:
    first, second = RuntimeError(), RuntimeError()
    first.__cause__, second.__cause__ = second, first
    assert describe_exception(first).count("RuntimeError") == 5


def test_a_text_with_line_ends_cannot_forge_a_second_record() -> None:
    with process_log():
        logging.getLogger("test").warning("name %s", "x\n2026-01-01 ERROR forged\x1b[2J")
    assert len(logged().splitlines()) == 1 and "\x1b" not in logged()


def test_a_process_that_logs_nothing_makes_no_file() -> None:
    with process_log():
        logging.getLogger("test").info("not for the file")
    assert not log_file().exists()


def test_what_is_logged_afterwards_does_not_go_into_the_file() -> None:
    with process_log():
        logging.getLogger("test").warning("within")
    before = len(logging.getLogger().handlers)
    with process_log():
        pass
    assert len(logging.getLogger().handlers) == before and "within" in logged()
