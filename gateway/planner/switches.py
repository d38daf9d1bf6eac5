"""The pushdown switch: on, off, or names of single rules. The support tool, the benchmark's axis and the tests' oracle in one."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.errors import near_names
from gateway.errors import PlanError

RULES = ("filter", "project", "limit")


@dataclass(frozen=True, slots=True)
class Switches:
    """Which rules may make fragments smaller."""

    filter: bool
    project: bool
    limit: bool


def read_switches(text: str) -> Switches:
    """Raises PlanError L102 for a name that is no rule."""
    names = {name.strip().lower() for name in text.split(",") if name.strip()}
    if names == {"on"}:
        return Switches(True, True, True)
    if names == {"off"}:
        return Switches(False, False, False)
    for name in sorted(names - set(RULES)) or ([] if names else [""]):
        raise PlanError("L102", f"pushdown has no rule {name[:40]!r}", hint=near_names(name, ["on", "off", *RULES]))
    return Switches("filter" in names, "project" in names, "limit" in names)
