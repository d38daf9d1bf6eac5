"""docs/mapping-language.md has a section for every function, with the verdicts that the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from catalog.mapping.functions import FUNCTIONS
from catalog.mapping.functions.base import Verdicts
from catalog.mapping.functions.numbers import Arithmetic
from catalog.mapping.functions.operators import And, Comparison, In, IsNull, Like, Not, Or

PAGE = (Path(__file__).parents[3] / "docs" / "mapping-language.md").read_text(encoding="utf-8")
SECTIONS = {match[1]: match[2] for match in re.finditer(r"^### (.+)\n((?:(?!^##).*\n)*)", PAGE, re.MULTILINE)}
KEYS = [
    "table, source",
    "from",
    "where",
    "dedupe",
    "latest_by",
    "lookups",
    "constants",
    "absent",
    "columns",
    "keep",
    "on_error",
    "checks",
    "zone",
]


def section_of(name: str) -> str:
    function = FUNCTIONS[name]
    if isinstance(function, Arithmetic):
        return "+ - * / // %"
    return "conditions" if isinstance(function, Comparison | IsNull | In | Like | And | Or | Not) else name


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_has_its_section(name):
    section = SECTIONS[section_of(name)]
    if section_of(name) in ("conditions", "+ - * / // %"):
        assert name in section
    else:
        assert name == "map value" or name in section


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"coalesce", "cast"}))
def test_a_section_shows_the_verdicts_of_its_function(name):
    if section_of(name) != "conditions":
        assert shown(FUNCTIONS[name].verdicts) in SECTIONS[section_of(name)]


@pytest.mark.parametrize("key", KEYS)
def test_every_key_of_a_binding_has_its_section(key):
    assert key in SECTIONS


def shown(verdicts: Verdicts) -> str:
    letters = (verdicts.equal, verdicts.unequal, verdicts.range, verdicts.like, verdicts.null, verdicts.not_null)
    return " · ".join(f"{kind} {letter}" for kind, letter in zip(("=", "<>", "range", "like", "null", "not null"), letters))
