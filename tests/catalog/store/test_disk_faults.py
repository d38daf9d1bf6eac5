"""Each call of the disk fails, alone and with each later one, in each way it can: nothing acknowledged is lost, nothing is half visible."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from catalog.store import log, upkeep
from catalog.store.errors import StoreError
from catalog.store.local import LocalStorage
from catalog.store.upkeep import Policy, tend
from catalog.store.writer import Writer
from tests.catalog.store import small
from tests.catalog.store.invariants import check
from tests.catalog.store.simulated_disk import Failure, Kept, SimulatedDisk

KEPT: tuple[Kept, ...] = ("nothing", "everything", "names", "random")
POLICY = Policy(checkpoint_every=2, keep_records=1)


class Run:
    """An administrator's day: changes, with a checkpoint and a removal of old records among them. After an error the work begins anew."""

    def __init__(self, disk: SimulatedDisk, steps: str) -> None:
        self.acknowledged: list[tuple[int, str]] = []
        self.attempted: list[str] = []
        self._storage = LocalStorage("/region/catalog", disk=disk)
        self._writer: Writer | None = None
        for step in steps:
            try:
                self._change() if step == "c" else tend(self._storage, POLICY)
            except StoreError:
                self._writer = None

    def _change(self) -> None:
        if self._writer is None:
            self._storage = LocalStorage("/region/catalog", disk=self._storage._disk)
            self._writer = small.writer(self._storage)
        mark = f"m{len(self.attempted)}"
        self.attempted.append(mark)
        record = self._writer.append(small.documents(mark), base=self._writer.image.revision, why="a change")
        assert record is not None
        self.acknowledged.append((record.number, mark))


@pytest.fixture(autouse=True)
def _small_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a short run removes records and begins new folders."""
    monkeypatch.setattr(upkeep, "MARGIN", 1)
    monkeypatch.setattr(log, "_FOLDER_SIZE", 2)


def survives(failures: dict[int, Failure], steps: str, seed: int) -> None:
    disk = SimulatedDisk(failures)
    run = Run(disk, steps)
    for kept in KEPT:
        check(LocalStorage("/region/catalog", disk=disk.after_power_loss(kept, seed)), run.acknowledged, run.attempted)


def ways(call: str) -> Iterator[Failure]:
    yield from ("before", "after")
    if call in ("write", "sync"):
        yield "half"
    if call == "write":
        yield "short"


def calls_of(steps: str) -> list[str]:
    disk = SimulatedDisk()
    run = Run(disk, steps)
    assert len(run.acknowledged) == steps.count("c"), "without faults every change is acknowledged"
    return disk.calls


@pytest.mark.parametrize("steps", ["cc", "cccc", "cctc", "ccctcctcctcc"])  # a checkpoint may hide what a short day shows
def test_every_single_failing_call(steps: str) -> None:
    tried = 0
    for number, call in enumerate(calls_of(steps), 1):
        for failure in ways(call):
            survives({number: failure}, steps, seed=number)
            tried += 1
    assert tried > 40 * len(steps)


@pytest.mark.slow
def test_every_pair_of_failing_calls() -> None:
    assert pairs("ctc") + pairs("cc") > 5000


def pairs(steps: str) -> int:
    """How many pairs were tried. Also run over a longer day by `python -m tests.catalog.store.many`."""
    tried = 0
    for first, call in enumerate(calls_of(steps), 1):
        for kind in ways(call):
            disk = SimulatedDisk({first: kind})
            Run(disk, steps)  # what is called after the first failure is not what would have been called without
            for second in range(first + 1, len(disk.calls) + 1):
                for other in ways(disk.calls[second - 1]):
                    survives({first: kind, second: other}, steps, seed=first * second)
                    tried += 1
    return tried


def test_the_power_fails_after_each_call() -> None:
    """Not one failing call, but none after it: all later ones fail before they do anything."""
    steps = "ccctcctc"
    count = len(calls_of(steps))
    for last, kept in product(range(count), KEPT):
        disk = SimulatedDisk(dict.fromkeys(range(last + 1, 20 * count), "before"))
        run = Run(disk, steps)
        check(LocalStorage("/region/catalog", disk=disk.after_power_loss(kept, last)), run.acknowledged, run.attempted)
