"""The content of a revision: the files of a folder of mappings as texts, so that comments and layout survive."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from catalog.errors import CatalogError, Place, Problem
from catalog.loader.load import load_catalog
from catalog.model import CatalogSnapshot

_FOLDERS = ("tables", "nodes", "codes", "policies")
_ALONE = ("catalog.yaml", "catalog.yml")
_SUFFIXES = (".yaml", ".yml", ".csv")
_SEGMENT = re.compile(r'[^./\\\x00-\x1f\x7f:*?"<>|][^/\\\x00-\x1f\x7f:*?"<>|]{0,199}')


class Documents(Mapping[str, str]):
    """Texts by path (`nodes/hosp_b/lab_result.yaml`); immutable. What the loader does not read is not among them."""

    __slots__ = ("_digest", "_hashes", "_texts")

    def __init__(self, texts: Mapping[str, str] | None = None, *, known: Documents | None = None) -> None:
        """`known`: documents whose hashes are used again where a text is the same. Raises ValueError for a path that may not be."""
        self._texts = dict(sorted((texts or {}).items()))
        self._hashes: dict[str, str] = {}
        self._digest: str | None = None
        for path, text in self._texts.items():
            if known is not None and known._texts.get(path) == text:
                self._hashes[path] = known._hashes[path]
            else:
                self._hashes[path] = sha256(text.encode()).hexdigest()
                if not is_document(path):
                    raise ValueError(f"{path!r} is not the path of a mapping file")

    def __getitem__(self, path: str) -> str:
        return self._texts[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def __repr__(self) -> str:
        return f"Documents({len(self)} files, {self.digest[:12]})"

    @property
    def digest(self) -> str:
        """SHA-256 over the paths and the hashes of the texts."""
        if self._digest is None:
            self._digest = sha256("".join(f"{digest} {path}\n" for path, digest in self._hashes.items()).encode()).hexdigest()
        return self._digest

    def changed_by(self, change: Change) -> Documents:
        """Raises ValueError if the change removes what is not there."""
        missing = [path for path in change.removed if path not in self._texts]
        if missing:
            raise ValueError(f"{missing[0]} is removed but not there")
        texts = {path: text for path, text in self._texts.items() if path not in set(change.removed)} | dict(change.written)
        return Documents(texts, known=self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """From one revision's documents to the next: the texts that are new or different, and the paths that are gone."""

    written: Mapping[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.written or self.removed)


def change_between(old: Mapping[str, str], new: Mapping[str, str]) -> Change:
    return Change(
        written={path: text for path, text in new.items() if old.get(path) != text},
        removed=tuple(path for path in old if path not in new),
    )


def is_document(path: str) -> bool:
    """Whether a path is one of a mapping file. Such a path never leads out of the folder that it is written into."""
    segments = path.split("/")
    if not all(_SEGMENT.fullmatch(segment) for segment in segments) or not path.endswith(_SUFFIXES):
        return False
    return path in _ALONE or (segments[0] in _FOLDERS and 2 <= len(segments) <= 4)


def read_documents(folder: Path) -> Documents:
    """The mapping files of a folder, byte for byte. Raises CatalogError for files that are not UTF-8 or cannot be read."""
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    for path in sorted(_paths(folder)):
        file = path.relative_to(folder).as_posix()
        try:
            texts[file] = path.read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            fact = "the file is not UTF-8" if isinstance(error, ValueError) else f"the file cannot be read ({type(error).__name__})"
            problems.append(Problem("C101", Place(file), fact))
            continue
        if not is_document(file):
            problems.append(Problem("C101", Place(file), "the file has a name that not every system can keep"))
    if problems:
        raise CatalogError(tuple(problems))
    return Documents(texts)


def _paths(folder: Path) -> Iterable[Path]:
    for name in _ALONE:
        if (folder / name).is_file():
            yield folder / name
    for name in _FOLDERS:
        for parent, folders, files in os.walk(folder / name):
            folders[:] = [each for each in folders if not each.startswith(".")]
            yield from (Path(parent, each) for each in files if each.lower().endswith(_SUFFIXES) and not each.startswith("."))


def write_documents(documents: Mapping[str, str], folder: Path) -> None:
    """Write the texts into the folder as they are. Nothing else in it is touched."""
    for path, text in documents.items():
        if not is_document(path):
            raise ValueError(f"{path!r} is not the path of a mapping file")
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())


def load_documents(documents: Mapping[str, str]) -> CatalogSnapshot:
    """The snapshot that these texts make. Raises CatalogError with every mistake, as `load_catalog` does for a folder."""
    with TemporaryDirectory(prefix="hospital-gateway-") as folder:
        write_documents(documents, Path(folder))
        try:
            return load_catalog(Path(folder))
        except CatalogError as error:
            raise CatalogError(tuple(_without(folder, problem) for problem in error.problems)) from None


def _without(folder: str, problem: Problem) -> Problem:
    """A problem of the whole folder names the folder, which was only ours."""
    if problem.place.file != folder:
        return problem
    return Problem(problem.code, Place("."), problem.fact, problem.hint)
