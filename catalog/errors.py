"""What can be wrong with mapping files.

CatalogError
    carries every Problem of one load: nothing is reported piecemeal
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands. `file` is relative to the catalog folder; line and column start at 1, 0 is unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join([self.file, *(str(number) for number in (self.line, self.column) if number)])


NOWHERE = Place("")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a mapping file: code (C and three digits), place, fact, hint."""

    code: str
    place: Place
    fact: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.fact}" + (f"; {self.hint}" if self.hint else "")


class CatalogError(Exception):
    """The catalog could not be loaded; `problems` has every mistake found, by file and line."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.place.file, p.place.line, p.place.column)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def near_names(name: str, known: Iterable[str]) -> str:
    """A hint that names what may have been meant, or what there is."""
    names = sorted(known)
    folded = {item.lower(): item for item in names}
    close = [folded[match] for match in get_close_matches(name.lower(), folded, n=2, cutoff=0.6)]
    if close:
        return f"did you mean {' or '.join(close)}?"
    if not names:
        return "there are none"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"there are: {shown}"
