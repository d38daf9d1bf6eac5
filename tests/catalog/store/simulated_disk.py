"""A disk in memory that forgets what was not fsynced, and whose n-th call can fail in each way that a call can."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Failure = Literal["before", "after", "half", "short"]
"""before: EIO, nothing happened. after: it happened, then EIO. half: half of a write happened, then ENOSPC (of an fsync: nothing is
written back and nothing is left to be written back, then EIO, as Linux does it). short: a write takes half and says so."""

Kept = Literal["nothing", "everything", "names", "random"]
"""What a loss of power leaves of that which was not fsynced. names: all names, but no content."""


@dataclass
class _File:
    content: bytes = b""
    durable: bytes = b""
    names: int = 0


@dataclass
class _Folder:
    names: dict[str, _File | _Folder] = field(default_factory=dict)
    durable: dict[str, _File | _Folder] = field(default_factory=dict)


class SimulatedDisk:
    """The calls of catalog.store.disk.Disk. `failures`: by the number of the call, which starts at 1. `calls`: each with its name, in order."""

    def __init__(self, failures: Mapping[int, Failure] | None = None, *, root: _Folder | None = None) -> None:
        self.root = root or _Folder()
        self.failures = dict(failures or {})
        self.calls: list[str] = []
        self._files: dict[int, _File] = {}
        self._next_file = 3

    def after_power_loss(self, kept: Kept, seed: int = 0) -> SimulatedDisk:
        """What the next process finds."""
        return SimulatedDisk(root=_survivor(self.root, kept, random.Random(seed)))

    # ------------------------------------------------------------------------------------------------ the calls

    def make_folder(self, path: str) -> None:
        def effect() -> None:
            names, name = self._parent(path)
            if name in names:
                raise FileExistsError(errno.EEXIST, path)
            names[name] = _Folder()

        self._call("make_folder", effect)

    def create(self, path: str) -> int:
        def effect() -> int:
            names, name = self._parent(path)
            if name in names:
                raise FileExistsError(errno.EEXIST, path)
            names[name] = self._files[self._next_file] = _File(names=1)
            self._next_file += 1
            return self._next_file - 1

        return self._call("create", effect)

    def write(self, file: int, content: bytes) -> int:
        def effect(part: bytes) -> int:
            self._files[file].content += part
            return len(part)

        def half() -> int:
            effect(content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "no space")

        if self.failures.get(len(self.calls) + 1) == "short":
            content = content[: len(content) // 2]
        return self._call("write", lambda: effect(content), half)

    def sync(self, file: int) -> None:
        def effect() -> None:
            self._files[file].durable = self._files[file].content

        def lost() -> None:
            raise OSError(errno.EIO, "injected")

        self._call("sync", effect, lost)

    def close(self, file: int) -> None:
        self._call("close", lambda: self._files.pop(file))

    def sync_existing(self, path: str) -> None:
        def effect() -> None:
            found = self._find(path)
            if isinstance(found, _File):
                found.durable = found.content
            else:
                found.durable = dict(found.names)

        self._call("sync_existing", effect)

    def link(self, path: str, new: str) -> None:
        def effect() -> None:
            found = self._find(path)
            names, name = self._parent(new)
            if name in names:
                raise FileExistsError(errno.EEXIST, new)
            assert isinstance(found, _File)
            names[name] = found
            found.names += 1

        self._call("link", effect)

    def link_count(self, path: str) -> int:
        def effect() -> int:
            found = self._find(path)
            assert isinstance(found, _File)
            return found.names

        return self._call("link_count", effect)

    def unlink(self, path: str) -> None:
        def effect() -> None:
            names, name = self._parent(path)
            found = names.pop(name, None)
            if found is None:
                raise FileNotFoundError(errno.ENOENT, path)
            assert isinstance(found, _File)
            found.names -= 1

        self._call("unlink", effect)

    def read(self, path: str) -> bytes:
        def effect() -> bytes:
            found = self._find(path)
            assert isinstance(found, _File)
            return found.content

        return self._call("read", effect)

    def list(self, path: str) -> list[str]:
        def effect() -> list[str]:
            found = self._find(path)
            assert isinstance(found, _Folder)
            return list(found.names)

        return self._call("list", effect)

    # ------------------------------------------------------------------------------------------------ the inside

    def _call(self, name, effect, half=None):
        self.calls.append(name)
        failure = self.failures.get(len(self.calls))
        if failure == "half" and half is not None:
            return half()
        if failure == "before" or failure == "half":
            raise OSError(errno.EIO, "injected")
        answer = effect()
        if failure == "after":
            raise OSError(errno.EIO, "injected")
        return answer

    def _find(self, path: str) -> _File | _Folder:
        found: _File | _Folder = self.root
        for name in path.strip("/").split("/") if path.strip("/") else []:
            if not isinstance(found, _Folder) or name not in found.names:
                raise FileNotFoundError(errno.ENOENT, path)
            found = found.names[name]
        return found

    def _parent(self, path: str) -> tuple[dict[str, _File | _Folder], str]:
        folder = self._find(os.path.dirname(path))
        assert isinstance(folder, _Folder)
        return folder.names, os.path.basename(path)


def _survivor(folder: _Folder, kept: Kept, chance: random.Random, seen: dict[int, _File] | None = None) -> _Folder:
    seen = {} if seen is None else seen
    names: dict[str, _File | _Folder] = {}
    for name in {**folder.durable, **folder.names}:
        unsynced = folder.names.get(name) is not folder.durable.get(name)
        new = kept in ("everything", "names") or (kept == "random" and chance.random() < 0.5)
        found = folder.names.get(name) if new or not unsynced else folder.durable.get(name)
        if isinstance(found, _Folder):
            names[name] = _survivor(found, kept, chance, seen)
        elif found is not None:
            if id(found) not in seen:
                whole = kept == "everything" or (kept == "random" and chance.random() < 0.5)
                content = found.content if whole else found.durable
                seen[id(found)] = _File(content, content)
            seen[id(found)].names += 1
            names[name] = seen[id(found)]
    return _Folder(names, dict(names))
