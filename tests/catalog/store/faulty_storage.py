"""A storage in memory whose calls fail as those of a distant one do, by plan or by chance."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

from catalog.store.errors import AlreadyThere, NotThere, OutcomeUnknown, StorageError

Answer = TypeVar("Answer")

Fault = Literal["refused", "unknown, not done", "unknown, done", "torn", "slow"]
"""What a call does: it fails and says that nothing was done; it fails and does not know, and was not or was carried out; it leaves half of
the object and fails (a store that is not atomic); it takes its time."""


class MemoryStorage:
    """Objects in a dictionary, which several storages may share."""

    place = "memory"

    def __init__(self, objects: dict[str, bytes] | None = None) -> None:
        self.objects = {} if objects is None else objects

    def create(self, name: str, content: bytes) -> None:
        if self.objects.setdefault(name, content) is not content:
            raise AlreadyThere(name)

    def read(self, name: str) -> bytes:
        if name not in self.objects:
            raise NotThere(name)
        return self.objects[name]

    def list(self, folder: str) -> list[str]:
        return sorted({name.removeprefix(f"{folder}/").split("/")[0] for name in self.objects if name.startswith(f"{folder}/")})

    def delete(self, name: str) -> None:
        self.objects.pop(name, None)

    def confirm(self, name: str) -> None:
        self.read(name)

    def tidy(self) -> int:
        return 0


class FaultyStorage(MemoryStorage):
    """`plan`: the fault of the n-th call (from 1). `chance`: how likely a call that is not planned fails, drawn from `seed`.

    `silent`: `create` does nothing and says nothing, as a rename whose answer nobody checks.
    """

    def __init__(
        self, objects: dict[str, bytes] | None = None, *, plan: Mapping[int, Fault] | None = None, chance: float = 0, seed: int = 0
    ) -> None:
        super().__init__(objects)
        self.plan, self.chance, self.random = dict(plan or {}), chance, random.Random(seed)
        self.calls: list[str] = []
        self.silent = False

    def create(self, name: str, content: bytes) -> None:
        fault = self._next("create")
        if self.silent:
            return
        if fault == "torn":
            super().create(name, content[: len(content) // 2])
            raise OutcomeUnknown("injected")
        self._do(fault, lambda: super(FaultyStorage, self).create(name, content))

    def read(self, name: str) -> bytes:
        return self._do(self._next("read"), lambda: super(FaultyStorage, self).read(name))

    def list(self, folder: str) -> list[str]:
        return self._do(self._next("list"), lambda: super(FaultyStorage, self).list(folder))

    def delete(self, name: str) -> None:
        self._do(self._next("delete"), lambda: super(FaultyStorage, self).delete(name))

    def confirm(self, name: str) -> None:
        self._do(self._next("confirm"), lambda: super(FaultyStorage, self).confirm(name))

    def _next(self, call: str) -> Fault | None:
        self.calls.append(call)
        if len(self.calls) in self.plan:
            return self.plan[len(self.calls)]
        if self.random.random() < self.chance:
            return self.random.choice(("refused", "unknown, not done", "unknown, done", "torn"))
        return None

    def _do(self, fault: Fault | None, effect: Callable[[], Answer]) -> Answer:
        if fault == "slow":
            time.sleep(0.01)
        if fault in ("refused", "torn"):
            raise StorageError("injected")
        if fault == "unknown, not done":
            raise OutcomeUnknown("injected")
        answer = effect()
        if fault == "unknown, done":
            raise OutcomeUnknown("injected")
        return answer
