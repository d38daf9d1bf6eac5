"""A follower always says how old what it knows may be, and keeps it when it can learn nothing new."""

from __future__ import annotations

import pytest

from catalog.store import upkeep
from catalog.store.errors import Damaged, OutcomeUnknown
from catalog.store.follower import Follower
from catalog.store.log import record_name
from catalog.store.upkeep import Policy, tend
from tests.catalog.store import small
from tests.catalog.store.faulty_storage import FaultyStorage, MemoryStorage


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_staleness_is_the_age_of_the_last_look_that_succeeded() -> None:
    objects: dict[str, bytes] = {}
    appending = small.filled(MemoryStorage(objects), 2)
    clock, storage = Clock(), FaultyStorage(objects)
    follower = Follower(storage, clock=clock)
    appending.append(small.documents("3"), base=2, why="")
    clock.now += 5
    assert (follower.view().image.number, follower.view().staleness) == (2, 5)
    view = follower.refresh()
    assert (view.image.number, view.staleness, view.problem) == (3, 0, None)
    clock.now += 7
    storage.plan = {len(storage.calls) + 1: "unknown, not done"}
    view = follower.refresh()
    assert (view.image.number, view.staleness) == (3, 7) and isinstance(view.problem, OutcomeUnknown)
    view = follower.refresh()
    assert (view.image.number, view.staleness, view.problem) == (3, 0, None)


def test_only_what_is_new_is_read() -> None:
    objects: dict[str, bytes] = {}
    appending = small.filled(MemoryStorage(objects), 50)
    storage = FaultyStorage(objects)
    follower = Follower(storage)
    storage.calls.clear()
    appending.append(small.documents("new"), base=50, why="")
    assert small.mark(follower.refresh().image.documents) == "new"
    assert storage.calls.count("read") == 1


def test_damage_and_a_history_that_went_back_leave_the_old_image_and_are_said() -> None:
    storage = MemoryStorage()
    small.filled(storage, 3)
    follower = Follower(storage)
    last = storage.objects.pop(record_name(3))
    view = follower.refresh()
    assert isinstance(view.problem, Damaged) and "though it had been read" in view.problem.fact and view.image.number == 3
    storage.objects[record_name(3)] = last
    storage.objects[record_name(4)] = last
    assert isinstance(follower.refresh().problem, Damaged) and follower.view().image.number == 3


def test_a_follower_that_slept_through_a_compaction_takes_the_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "MARGIN", 1)
    storage = MemoryStorage()
    appending = small.filled(storage, 3)
    follower = Follower(storage)
    for number in range(4, 15):
        appending.append(small.documents(number), base=number - 1, why="")
        tend(storage, Policy(checkpoint_every=2, keep_records=1))
    assert record_name(4) not in storage.objects
    view = follower.refresh()
    assert (view.image.number, view.problem, small.mark(view.image.documents)) == (14, None, "14")
