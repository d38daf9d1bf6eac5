"""Hostile and broken files are refused quickly, with a place, and never take the process down."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from catalog.errors import CatalogError
from catalog.loader import load_catalog
from tests.catalog.loader.small_catalog import FILES, problems_of, write_catalog

BOMBS = {
    "a billion laughs": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "deep brackets": "a: " + "[" * 100_000,
    "deep braces": "a: " + "{b: " * 100_000,
    "deep indentation": "\n".join(" " * depth + "a:" for depth in range(1000)),
    "a chain of dashes": "- " * 100_000,
    "many values": "a: [" + "1, " * 200_000 + "]",
    "a scalar of 10 MB": "a: " + "x" * 10_000_000,
    "a complex key": "? {a: b}\n: c\n",
    "a merge key with an alias": "a: &x {table: t}\n<<: *x\n",
    "a control character": "table: \x01\n",
    "an empty file": "",
    "a list": "- table\n",
    "a bare word": "table\n",
    "a directive for Python objects": "%TAG ! tag:yaml.org,2002:python/\n---\na: !object/apply:os.system [id]\n",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_hostile_file_is_one_yaml_error_within_seconds(name: str, tmp_path: Path) -> None:
    folder = write_catalog(tmp_path, {"policies/clerk.yaml": BOMBS[name]})
    started = time.process_time()
    problems = problems_of(folder)
    assert time.process_time() - started < 10
    assert [problem.code for problem in problems] == ["C101"], problems
    assert problems[0].place.file == "policies/clerk.yaml"
    assert len(str(problems[0])) < 500


def test_a_file_that_is_not_utf_8_is_refused_with_its_line(tmp_path: Path) -> None:
    folder = write_catalog(tmp_path)
    (folder / "policies" / "clerk.yaml").write_bytes(b"role: clerk\ntables: {}\n# \xff\n")
    assert [(p.code, p.place.line) for p in problems_of(folder)] == [("C101", 3)]


def test_words_that_old_yaml_took_for_something_else_are_texts(tmp_path: Path) -> None:
    text = FILES["tables/person.yaml"].replace("[male, female]", "[male, female, no, on, 08, 2026-01-01]")
    snapshot = load_catalog(write_catalog(tmp_path, {"tables/person.yaml": text}))
    assert snapshot.tables["person"].columns["sex"].values == ("male", "female", "no", "on", "08", "2026-01-01")


def test_a_missing_folder_is_one_error_that_names_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "mappings").mkdir()
    with pytest.raises(CatalogError) as caught:
        load_catalog(tmp_path / "mapings")
    (problem,) = caught.value.problems
    assert problem.code == "C301"
    assert "did you mean mappings?" in problem.hint


def test_a_folder_without_tables_is_no_catalog(tmp_path: Path) -> None:
    (tmp_path / "nodes").mkdir()
    assert [(p.code, "tables/" in p.fact) for p in problems_of(tmp_path)] == [("C301", True)]


def test_a_hospital_without_node_file_is_reported(tmp_path: Path) -> None:
    folder = write_catalog(tmp_path)
    (folder / "nodes" / "east").mkdir()
    assert [(p.code, p.place.file) for p in problems_of(folder)] == [("C103", "nodes/east")]


def test_a_file_whose_ending_would_hide_it_is_reported(tmp_path: Path) -> None:
    folder = write_catalog(tmp_path, {"policies/nurse.yml": "role: nurse\ntables: {}\n"})
    assert [(p.code, p.place.file, p.hint) for p in problems_of(folder)] == [("C104", "policies/nurse.yml", "call it nurse.yaml")]


def test_two_policies_for_one_role_are_refused(tmp_path: Path) -> None:
    folder = write_catalog(tmp_path, {"policies/other.yaml": "role: clerk\ntables: {person: {}}\n"})
    assert [(p.code, p.place.file) for p in problems_of(folder)] == [("C105", "policies/other.yaml")]
