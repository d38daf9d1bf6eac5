"""Collects every problem of one load, and the content of every file read for the revision's digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from catalog.errors import CatalogError, Place, Problem
from catalog.types import Type

UNREADABLE = Type("unreadable")
"""Stands for a type that could not be read, which is a problem already: nothing that follows from it is reported."""


class Problems:
    """The one mutable thing of a load. `record_content` feeds the digest of the revision."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Place, str], Problem] = {}
        self._contents: dict[str, bytes] = {}

    def add(self, code: str, place: Place, fact: str, hint: str = "") -> None:
        self._found.setdefault((code, place, fact), Problem(code, place, fact, hint))

    def merge(self, problems: Iterable[Problem]) -> None:
        """Add what another check found, but not what is known already: the same code at the same place, or the same fact of a file."""
        places = {(known.code, known.place) for known in self._found.values()}
        facts = {(known.code, known.place.file, known.fact) for known in self._found.values()}
        for problem in problems:
            if (problem.code, problem.place) not in places and (problem.code, problem.place.file, problem.fact) not in facts:
                self.add(problem.code, problem.place, problem.fact, problem.hint)

    def __len__(self) -> int:
        return len(self._found)

    def record_content(self, file: str, content: bytes) -> None:
        self._contents[file] = content

    def digest(self) -> str:
        """SHA-256 over the names and contents of all files read, whatever the order in which they were read."""
        digest = hashlib.sha256()
        for file in sorted(self._contents):
            for part in (file.encode(), self._contents[file]):
                digest.update(len(part).to_bytes(8, "big"))
                digest.update(part)
        return digest.hexdigest()

    def raise_if_any(self) -> None:
        if self._found:
            raise CatalogError(tuple(self._found.values()))
