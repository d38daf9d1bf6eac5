"""The page docs/first-hospital.md works as it stands: its blocks are run in an empty folder, over a file that no mapping knows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "first-hospital.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TABLE_ROW = re.compile(r"^\| (\d+) \| (\d+) \| (\w+) \| (\S+) \| (\S+) \| ([\d: -]+) \| (\w+) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    language: str
    text: str


def blocks() -> list[Block]:
    return [Block(language, text) for language, text in _BLOCK.findall(PAGE.read_text(encoding="utf-8"))]


@dataclass(frozen=True)
class Followed:
    """The folder after the whole page, and what each command wrote to stdout, by its first word."""

    folder: Path
    answers: dict[str, str]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """An empty folder but for clinic.duckdb, with the rows that the page shows; then all that the page says."""
    folder = tmp_path_factory.mktemp("first_hospital")
    rows = [match.groups() for match in _TABLE_ROW.finditer(PAGE.read_text(encoding="utf-8"))]
    assert len(rows) == 5
    with duckdb.connect(str(folder / "clinic.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE Messwert(Nr INTEGER PRIMARY KEY, PatNr INTEGER NOT NULL, Art VARCHAR NOT NULL, Wert VARCHAR,"
            " Einheit VARCHAR, Zeit TIMESTAMP NOT NULL, Storno BOOLEAN NOT NULL)"
        )
        connection.executemany("INSERT INTO Messwert VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    return Followed(
        folder, {block.text.split()[1]: output for block, output in follow(folder) if block.text.startswith("hospital-gateway")}
    )


def shell(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a block as a reader would, with `hospital-gateway` on the path and nothing of this machine's settings."""
    commands = folder / ".commands"
    commands.mkdir(exist_ok=True)
    script = commands / "hospital-gateway"
    script.write_text(f'#!/bin/sh\nPYTHONPATH={REPOSITORY} exec {sys.executable} -W error -m gateway "$@"\n')
    script.chmod(0o755)
    environment = {"PATH": f"{commands}:{os.environ['PATH']}", "HOME": str(folder / ".home"), "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def follow(folder: Path) -> Iterator[tuple[Block, str]]:
    """Do what the page says, block by block; each command's block with what it wrote to stdout."""
    for block in blocks():
        match block.language:
            case "yaml":
                first, _, _ = block.text.partition("\n")
                path = folder / first.removeprefix("# file: ")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, encoding="utf-8")
            case "sh":
                done = shell(folder, block.text)
                assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
                yield block, done.stdout
            case language:
                assert language == "text", f"the test knows no block of {language}"


def test_every_yaml_block_says_which_file_it_is() -> None:
    assert all(block.text.startswith("# file: mappings/") for block in blocks() if block.language == "yaml")


def test_the_page_leads_from_an_empty_folder_to_the_answer_it_shows(followed: Followed) -> None:
    (shown,) = [block.text for block in blocks() if block.language == "text"]
    assert followed.answers["query"] == shown
    assert list(followed.answers) == ["sources", "catalog", "query", "explain"]


def test_describe_writes_what_the_file_holds(followed: Followed) -> None:
    written = (followed.folder / "mappings" / "nodes" / "clinic" / "node.yaml").read_text(encoding="utf-8")
    for line in ("node: clinic", "zone: Europe/Berlin", "adapter: duckdb", "Zeit: local_timestamp not null", "key: [Nr]", "rows: 5"):
        assert line in written


def test_a_column_that_the_hospital_renames_later_is_named(followed: Followed) -> None:
    (query,) = [block.text for block in blocks() if block.text.startswith("hospital-gateway query")]
    with duckdb.connect(str(followed.folder / "clinic.duckdb")) as connection:
        connection.execute("ALTER TABLE Messwert RENAME COLUMN Einheit TO Unit")
    done = shell(followed.folder, query)
    with duckdb.connect(str(followed.folder / "clinic.duckdb")) as connection:
        connection.execute("ALTER TABLE Messwert RENAME COLUMN Unit TO Einheit")
    assert done.returncode not in (0, 3)
    assert "S120" in done.stderr
    assert "Einheit" in done.stderr
