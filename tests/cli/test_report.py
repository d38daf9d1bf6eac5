"""The one form of an error: place, caret, hint, and nothing that should not be seen."""

from __future__ import annotations

import pytest

from adapters.interface import SourceError
from catalog.errors import CatalogError, Place, Problem
from gateway.error_codes import ERROR_CODES
from gateway.errors import BindError, DeniedError, Position, SourceFailure
from gateway.report import exit_code, printable, reports_of


def shown(error: BaseException, statement: str | None = None) -> str:
    return "\n\n".join(report.text() for report in reports_of(error, statement, "ab12cd34"))


def test_an_error_of_a_mapping_file_has_the_form_of_the_contract() -> None:
    problem = Problem("C204", Place("nodes/hosp_b/vital_sign.yaml", 14, 3), "unknown virtual column loinc_cod", "did you mean loinc_code?")
    assert shown(CatalogError((problem,))).splitlines() == [
        "error[C204]: unknown virtual column loinc_cod",
        "  --> nodes/hosp_b/vital_sign.yaml:14:3",
        "hint: did you mean loinc_code?",
        "more: hospital-gateway error C204",
    ]


def test_every_mistake_of_the_mapping_files_is_shown() -> None:
    problems = tuple(Problem("C102", Place("a.yaml", line), f"mistake {line}") for line in (3, 1, 2))
    assert [report.fact for report in reports_of(CatalogError(problems))] == ["mistake 1", "mistake 2", "mistake 3"]


def test_the_caret_stands_below_the_place_in_the_users_line() -> None:
    statement = "select a,\n       loinc_cod\nfrom vital_sign"
    lines = shown(BindError("B102", "unknown column loinc_cod", position=Position(2, 8)), statement).splitlines()
    assert lines[1] == "  --> statement:2:8"
    line, caret = next((lines[i], lines[i + 1]) for i in range(len(lines)) if "loinc_cod" in lines[i] and "|" in lines[i])
    assert line[caret.index("^") :].startswith("loinc_cod")


def test_the_caret_counts_wide_characters_as_two() -> None:
    lines = shown(BindError("B102", "unknown column x", position=Position(1, 14)), "select '中文', x").splitlines()
    line, caret = next((lines[i], lines[i + 1]) for i in range(len(lines)) if "中文" in lines[i])
    assert caret.index("^") == line.index("x") + 2


def test_a_line_of_a_megabyte_is_shown_in_part() -> None:
    text = shown(BindError("B102", "unknown column x", position=Position(1, 500_000)), "(" * 1_000_000)
    assert len(text) < 600 and "^" in text


def test_a_position_outside_the_statement_does_no_harm() -> None:
    for position in (Position(0, 0), Position(99, 1), Position(1, 99)):
        assert "error[B102]" in shown(BindError("B102", "x", position=position), "select 1")


def test_an_escape_sequence_in_a_statement_is_shown_not_obeyed() -> None:
    assert "\x1b" not in shown(BindError("B102", "unknown column \x1b[2J", position=Position(1, 8)), "select \x1b[2J")


def test_an_unknown_exception_shows_an_id_and_not_its_message() -> None:
    text = shown(RuntimeError("patient Li 123456"))
    assert "X101" in text and "ab12cd34" in text and "Li" not in text


def test_the_exit_code_is_that_of_the_table() -> None:
    for code, known in ERROR_CODES.items():
        assert exit_code(DeniedError(code, "x")) == known.exit
    assert exit_code(RuntimeError()) == 70
    assert exit_code(KeyboardInterrupt()) == 130
    assert exit_code(CatalogError(())) == 2
    assert exit_code(SourceError("S101", "refused")) == 1


def test_no_source_at_all_is_exit_4() -> None:
    error = SourceFailure("S101", "no hospital answered")
    error.all_failed = True
    assert exit_code(error) == 4


def test_a_document_has_the_same_facts_and_no_empty_ones() -> None:
    (report,) = reports_of(BindError("B101", "unknown table x", hint="there are: y"))
    assert report.document() == {"code": "B101", "name": "UNKNOWN_TABLE", "fact": "unknown table x", "hint": "there are: y"}


@pytest.mark.parametrize("text", ["a\x00b", "\x9b31m", "\u2028", "\u2066x", "a\tb\r\n", "\ufeff", "\x7f"])
def test_no_control_character_survives(text: str) -> None:
    assert printable(text).isprintable()


def test_text_of_any_script_stays() -> None:
    assert printable("Grüße 中文 ℃ عربي e\u0301 👩‍⚕️") == "Grüße 中文 ℃ عربي e\u0301 👩‍⚕️"
