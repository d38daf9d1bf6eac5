"""The documentation has a heading for everything a user can name, and names nothing that is not there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main

from gateway.cli import app
from gateway.error_codes import ERROR_CODES
from gateway.setting_kinds import SETTINGS

CLONE = Path(__file__).resolve().parents[2]
GLOBAL_OPTIONS = {"--config", "--catalog", "--json", "--verbose", "--help"}


def text(name: str) -> str:
    return (CLONE / name).read_text(encoding="utf-8")


def headings(name: str) -> list[str]:
    return [line.lstrip("# ").strip() for line in text(name).splitlines() if re.match(r"#{2,} ", line)]


def section(name: str, heading: str) -> str:
    """The text below a heading of the second or third level, up to the next one of that level."""
    found = re.search(rf"^(##+) {re.escape(heading)}$(.*?)(?=^##? |\Z)", text(name), re.MULTILINE | re.DOTALL)
    assert found is not None, f"{name} has no heading {heading}"
    return found[2]


@cache
def commands() -> dict[str, Any]:
    """Each verb as it is typed, with its options."""
    found: dict[str, Any] = {}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found.update({f"{name} {verb}": each for verb, each in inner.items()} if inner else {name: command})
    return found


def test_every_error_code_has_its_heading_with_what_to_do() -> None:
    assert [h for h in headings("docs/errors.md") if re.match(r"[A-Z]\d{3} ", h)] == [f"{c.code} {c.name}" for c in ERROR_CODES.values()]
    whole = text("docs/errors.md")
    for code in ERROR_CODES.values():
        below = whole.split(f"### {code.code} {code.name}\n", 1)[1].split("\n### ", 1)[0]
        assert code.advice in below
        assert f"SQLSTATE {code.sqlstate} · HTTP {code.http} · exit code {code.exit}\n" in below


def test_every_command_has_its_heading_and_no_other_command_has_one() -> None:
    named = {heading.strip("`") for heading in headings("docs/commands.md") if heading.startswith("`")}
    assert named == set(commands())


@pytest.mark.parametrize("name", list(commands()))
def test_every_option_stands_below_its_command(name: str) -> None:
    below = section("docs/commands.md", f"`{name}`")
    options = {option for parameter in commands()[name].params for option in parameter.opts if option.startswith("--")}
    missing = {option for option in options - GLOBAL_OPTIONS if f"`{option}" not in below}
    assert not missing


def test_the_global_options_are_explained_once() -> None:
    below = section("docs/commands.md", "Everywhere")
    assert all(f"`{option}" in below for option in GLOBAL_OPTIONS)


def test_every_exit_code_is_explained() -> None:
    below = section("docs/commands.md", "Everywhere")
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", below, re.MULTILINE)} == {code.exit for code in ERROR_CODES.values()} | {
        0,
        3,
        4,
        6,
        70,
        130,
    }


def test_every_setting_has_its_heading_and_no_other_setting_has_one() -> None:
    wanted = {re.sub(r"<[^>]*>", "*", heading.strip("`")) for heading in headings("docs/settings.md") if heading.startswith("`")}
    assert wanted == {str(setting) for setting in SETTINGS}


def test_the_readme_names_the_two_commands_first_and_only_files_that_exist() -> None:
    readme = text("README.md")
    indented = [line.split("#")[0].strip() for line in readme.splitlines() if line.startswith("    ")]
    assert indented[:2] == ["make demo", "make test"]
    for target in re.findall(r"\]\(([^)#]+)\)", readme):
        assert (CLONE / target).exists(), target


def test_every_command_that_the_readme_shows_exists() -> None:
    for words in re.findall(r"^ {4}hospital-gateway (\S+ ?[a-z]*)", text("README.md"), re.MULTILINE):
        assert words.strip() in commands() or words.split()[0] in commands(), words


@pytest.mark.parametrize("name", ["README.md", "docs/commands.md", "docs/settings.md", "docs/errors.md", "CHANGELOG.md"])
def test_links_between_pages_lead_somewhere(name: str) -> None:
    folder = (CLONE / name).parent
    for target in re.findall(r"\]\(([^):#]+)[)#]", text(name)):
        assert (folder / target).exists(), f"{name} names {target}"


def test_the_changelog_keeps_its_form() -> None:
    lines = text("CHANGELOG.md").splitlines()
    assert lines[0] == "# Changelog" and "## [Unreleased]" in lines
    kinds = {line.removeprefix("### ") for line in lines if line.startswith("### ")}
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_every_target_of_the_makefile_that_the_design_names_is_there() -> None:
    makefile = text("Makefile")
    for target in ("help", "setup", "fmt", "check", "integration", "test", "bench", "demo"):
        assert re.search(rf"^{target}:.*## \S", makefile, re.MULTILINE), target
