"""Each call of a storage fails, alone, with each later one, and by chance: nothing acknowledged is lost, nothing is half visible."""

from __future__ import annotations

import random

import pytest

from catalog.store import log, upkeep
from catalog.store.errors import Damaged, OutcomeUnknown, StoreError
from catalog.store.log import open_log
from catalog.store.repair import verify
from catalog.store.upkeep import Policy, tend
from catalog.store.writer import Writer
from tests.catalog.store import small
from tests.catalog.store.faulty_storage import Fault, FaultyStorage, MemoryStorage
from tests.catalog.store.invariants import check

POLICY = Policy(checkpoint_every=2, keep_records=1)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "MARGIN", 1)
    monkeypatch.setattr(log, "_FOLDER_SIZE", 2)


def run(storage: FaultyStorage, steps: str) -> None:
    """Changes (c) and upkeep (t); after an error the work begins anew. Then the log must be sound."""
    acknowledged: list[tuple[int, str]] = []
    attempted: list[str] = []
    writer: Writer | None = None
    for step in steps:
        try:
            if step == "t":
                tend(storage, POLICY)
                continue
            writer = writer or small.writer(storage)
            attempted.append(f"m{len(attempted)}")
            record = writer.append(small.documents(attempted[-1]), base=writer.image.revision, why="")
            assert record is not None
            acknowledged.append((record.number, attempted[-1]))
        except Damaged:
            if step == "c":  # upkeep may meet a checkpoint that a store which is not atomic left half written; the next one passes it
                raise
        except StoreError:
            writer = None
    check(MemoryStorage(storage.objects), acknowledged, attempted)


def ways(call: str) -> tuple[Fault, ...]:
    return ("refused", "unknown, not done", "unknown, done", *(("torn",) if call == "create" else ()))


def test_every_single_and_every_pair_of_failing_calls() -> None:
    tried = 0
    clean = FaultyStorage()
    run(clean, "cctc")
    for first, call in enumerate(clean.calls, 1):
        for fault in ways(call):
            one = FaultyStorage(plan={first: fault})
            run(one, "cctc")
            for second in range(first + 1, len(one.calls) + 1):
                for other in ways(one.calls[second - 1]):
                    run(FaultyStorage(plan={first: fault, second: other}), "cctc")
                    tried += 1
    assert tried > 3500


@pytest.mark.parametrize("chance", [0.02, 0.1, 0.3])
def test_a_long_day_on_a_storage_that_fails_by_chance(chance: float) -> None:
    for seed in range(15):
        steps = "".join(random.Random(seed).choices("cct", k=40))
        run(FaultyStorage(chance=chance, seed=seed), steps)


def test_a_storage_that_says_yes_and_does_nothing_is_not_believed() -> None:
    """As a rename onto a taken name that answers `false`, which nobody reads. HdfsStorage reads it; this is what the log does if a storage lies."""
    storage = FaultyStorage()
    writer = small.filled(storage, 2)
    storage.silent = True
    with pytest.raises(OutcomeUnknown, match="it is not there"):
        writer.append(small.documents("lost"), base=2, why="")
    storage.silent = False
    assert open_log(storage).image.number == 2 and verify(storage) == []
