"""Several writers: one history, the loser is told, and whoever slept too long loses."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from catalog.errors import CatalogError
from catalog.store import upkeep
from catalog.store.documents import read_documents
from catalog.store.errors import Conflict, Fenced, Misconfigured, OutcomeUnknown, StorageError
from catalog.store.follower import Follower
from catalog.store.history import history
from catalog.store.local import LocalStorage
from catalog.store.log import open_log, record_name
from catalog.store.repair import diagnose, repair, verify
from catalog.store.storage import Storage
from catalog.store.upkeep import Policy, keep_copy, tend
from catalog.store.writer import Writer
from tests.catalog.store import small
from tests.catalog.store.faulty_storage import FaultyStorage, MemoryStorage
from tests.catalog.store.test_documents import REGION


def test_a_broken_revision_cannot_be_appended(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    appending = Writer(storage, who="Anna")
    documents = read_documents(REGION)
    first = appending.append(documents, base=0, why="the region")
    broken = {**documents, "tables/patient.yaml": documents["tables/patient.yaml"].replace("columns:", "colums:")}
    with pytest.raises(CatalogError, match=r"tables/patient\.yaml"):
        appending.append(broken, base=1, why="a slip")
    assert first is not None and open_log(storage).image.number == 1
    assert first.snapshot == open_log(storage).image.snapshot


def test_nobody_changes_the_catalog_without_a_name(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="say who makes the change"):
        small.writer(LocalStorage(tmp_path), "  ")


def test_an_equal_content_makes_no_revision(tmp_path: Path) -> None:
    appending = small.filled(LocalStorage(tmp_path), 2)
    assert appending.append(small.documents(2), base=2, why="nothing") is None
    assert open_log(LocalStorage(tmp_path)).image.number == 2


def test_a_change_made_from_an_old_revision_is_refused_with_what_came_first(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    small.filled(storage, 2)
    anna, ben = small.writer(storage, "Anna"), small.writer(storage, "Ben")
    anna.append(small.documents("Anna's"), base=2, why="a new code")
    with pytest.raises(Conflict) as caught:
        ben.append(small.documents("Ben's"), base=2, why="a renamed column")
    assert [(record.number, record.who, record.why) for record in caught.value.winners] == [(3, "Anna", "a new code")]
    assert "made from revision 2, the catalog is at 3: 3 by Anna" in caught.value.fact
    assert ben.append(small.documents("Ben's"), base=3, why="a renamed column") is not None
    assert [record.who for record in history(storage)] == ["Ben", "Anna", "tester", "tester"]


class Stumbling(LocalStorage):
    """Lets somebody else come first between a writer's look at the log and its record."""

    def __init__(self, folder: Path, meanwhile) -> None:
        super().__init__(folder)
        self.meanwhile = meanwhile

    def create(self, name: str, content: bytes) -> None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        super().create(name, content)


def test_who_loses_the_race_for_a_number_is_told_who_won(tmp_path: Path) -> None:
    other = small.filled(LocalStorage(tmp_path), 1)
    slow = small.writer(Stumbling(tmp_path, lambda: other.append(small.documents("quick"), base=1, why="quick")))
    with pytest.raises(Conflict) as caught:
        slow.append(small.documents("slow"), base=1, why="slow")
    assert [record.why for record in caught.value.winners] == ["quick"]
    assert slow.append(small.documents("slow"), base=2, why="slow again") is not None, "a lost race does not stop a writer"


def test_a_torn_record_that_comes_between_costs_nothing(tmp_path: Path) -> None:
    small.filled(LocalStorage(tmp_path), 1)
    slow = small.writer(Stumbling(tmp_path, lambda: (tmp_path / record_name(2)).write_bytes(b'{"leng')))
    record = slow.append(small.documents("slow"), base=1, why="slow")
    assert record is not None and (record.number, record.after) == (3, 1)


def test_a_takeover_fences_every_writer_of_before(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    old = small.filled(storage, 1)
    new = small.writer(storage, "standby", takeover=True)
    with pytest.raises(Fenced) as caught:
        old.append(small.documents("late"), base=1, why="late")
    assert (caught.value.epoch, caught.value.holder.split()[0]) == (1, "standby")
    assert new.append(small.documents("new"), base=1, why="") is not None
    with pytest.raises(Fenced):
        old.append(small.documents("later"), base=3, why="knowing the newest revision does not help")
    assert small.mark(open_log(storage).image.documents) == "new"


def test_a_takeover_between_look_and_record_fences_as_well(tmp_path: Path) -> None:
    small.filled(LocalStorage(tmp_path), 1)
    slow = small.writer(Stumbling(tmp_path, lambda: small.writer(LocalStorage(tmp_path), "standby", takeover=True)))
    with pytest.raises(Fenced):
        slow.append(small.documents("late"), base=1, why="late")


def test_a_writer_that_slept_while_its_place_in_the_log_was_compacted_away_loses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number is free again, but it is long past: a checkpoint stands for it."""
    monkeypatch.setattr(upkeep, "MARGIN", 1)

    def meanwhile() -> None:
        storage = LocalStorage(tmp_path)
        other = small.writer(storage, "other")
        for number in range(12):
            other.append(small.documents(f"other {number}"), base=other.image.revision, why="")
            tend(storage, Policy(checkpoint_every=1, keep_records=2))
        assert record_name(3).rsplit("/", 1)[1] not in storage.list("records/000000000")

    small.filled(LocalStorage(tmp_path), 2)
    slow = small.writer(Stumbling(tmp_path, meanwhile))
    with pytest.raises(Conflict, match="had gone on past record 3"):
        slow.append(small.documents("slow"), base=2, why="slow")
    storage = LocalStorage(tmp_path)
    assert small.mark(open_log(storage).image.documents) == "other 11" and verify(storage) == []
    with pytest.raises(OutcomeUnknown, match="has stopped"):
        slow.append(small.documents("slow"), base=2, why="slow")


def test_a_checkpoint_alone_shows_that_the_log_has_gone_on() -> None:
    """A standby's copy has checkpoints and no records."""
    primary = MemoryStorage()
    appending = small.filled(primary, 2)
    copy = FaultyStorage()
    keep_copy(open_log(primary).image, copy)
    early, slow, follower = small.writer(copy, "early"), small.writer(copy, "slow"), Follower(copy)
    appending.append(small.documents("3"), base=2, why="")

    def create(name: str, content: bytes) -> None:
        del copy.create  # type: ignore[method-assign]
        keep_copy(open_log(primary).image, copy)
        copy.create(name, content)

    copy.create = create  # type: ignore[method-assign]
    with pytest.raises(Conflict, match="had gone on past record 3"):
        slow.append(small.documents("slow"), base=2, why="")
    with pytest.raises(Conflict, match="the catalog is at 3"):
        early.append(small.documents("early"), base=2, why="")
    assert small.mark(follower.refresh().image.documents) == "3" and small.mark(open_log(copy).image.documents) == "3"


def test_a_writer_that_slept_through_a_loss_and_its_repair_loses_and_leaves_nothing(tmp_path: Path) -> None:
    """Its number is free because the record of that number was lost; the repair has passed over it."""

    def meanwhile() -> None:
        storage = LocalStorage(tmp_path)
        other = small.writer(storage, "other")
        for number in (3, 4):
            other.append(small.documents(f"other {number}"), base=number - 1, why="")
        (tmp_path / record_name(3)).unlink()
        repair(storage, diagnose(storage), who="Anna", why="lost")

    small.filled(LocalStorage(tmp_path), 2)
    slow = small.writer(Stumbling(tmp_path, meanwhile))
    with pytest.raises(Conflict, match="had gone on past record 3"):
        slow.append(small.documents("slow"), base=2, why="slow")
    opened = open_log(LocalStorage(tmp_path))
    assert (opened.image.number, small.mark(opened.image.documents)) == (5, "2")


def test_after_an_error_while_it_wrote_a_writer_stops(tmp_path: Path) -> None:
    def fail() -> None:
        raise StorageError("ENOSPC")

    small.filled(LocalStorage(tmp_path), 1)
    appending = small.writer(Stumbling(tmp_path, fail))
    with pytest.raises(StorageError, match="ENOSPC"):
        appending.append(small.documents("x"), base=1, why="")
    with pytest.raises(OutcomeUnknown, match="this writer has stopped: ENOSPC"):
        appending.append(small.documents("x"), base=1, why="")
    assert small.writer(LocalStorage(tmp_path)).append(small.documents("x"), base=1, why="") is not None


def test_threads_of_one_writer_make_one_history(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    appending = small.filled(storage, 1)
    done: list[int] = []

    def work(name: int) -> None:
        for number in range(5):
            while True:
                try:
                    record = appending.append(small.documents(f"{name}-{number}"), base=appending.image.revision, why="")
                except Conflict:
                    continue
                assert record is not None
                done.append(record.number)
                break

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == list(range(2, 22)) and verify(storage) == []


def _compete(folder: Path, name: str, count: int, pipe) -> None:
    storage: Storage = LocalStorage(folder)
    appending = small.writer(storage, name)
    lost = 0
    for number in range(count):
        while True:
            try:
                record = appending.append(small.documents(f"{name}-{number}"), base=appending.image.revision, why="")
            except Conflict:
                lost += 1
                continue
            assert record is not None
            pipe.send((record.number, f"{name}-{number}"))
            break
    pipe.send(lost)


def test_two_processes_at_once_make_one_history(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")  # pytest-xdist has threads, and those do not survive a fork
    pairs = [spawn.Pipe(duplex=False) for _ in range(2)]
    children = [spawn.Process(target=_compete, args=(tmp_path, f"w{each}", 20, pairs[each][1])) for each in range(2)]
    for child in children:
        child.start()
    said = [[reader.recv() for _ in range(21)] for reader, _ in pairs]
    for child in children:
        child.join(60)
    acknowledged = dict(entry for each in said for entry in each[:-1])
    kept = {record.number: small.mark(record.change.written) for record in history(LocalStorage(tmp_path))}
    assert kept == acknowledged and len(kept) == 40 and verify(LocalStorage(tmp_path)) == []


def _append_for_ever(folder: Path, pipe) -> None:
    appending = small.writer(LocalStorage(folder), "primary", takeover=True)
    number = 0
    try:
        while True:
            record = appending.append(small.documents(f"primary-{number}"), base=appending.image.revision, why="")
            assert record is not None
            pipe.send(record.number)
            number += 1
            time.sleep(0.001)
    except Fenced:
        pipe.send("fenced")


def test_a_writer_that_was_frozen_wakes_fenced(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")  # pytest-xdist has threads, and those do not survive a fork
    reader, pipe = spawn.Pipe(duplex=False)
    child = spawn.Process(target=_append_for_ever, args=(tmp_path, pipe))
    child.start()
    assert child.pid is not None
    try:
        acknowledged = [reader.recv() for _ in range(3)]
        os.kill(child.pid, signal.SIGSTOP)
        while reader.poll(0.2):
            acknowledged.append(reader.recv())
        standby = small.writer(LocalStorage(tmp_path), "standby", takeover=True)
        record = standby.append(small.documents("standby"), base=standby.image.revision, why="the primary does not answer")
        os.kill(child.pid, signal.SIGCONT)
        said = []
        while not said or said[-1] != "fenced":
            assert reader.poll(60)
            said.append(reader.recv())
        child.join(60)
    finally:
        child.kill()
    assert said == ["fenced"], "nothing was acknowledged after it woke"
    storage = LocalStorage(tmp_path)
    assert record is not None and open_log(storage).image.number == record.number and verify(storage) == []
    assert {each.number for each in history(storage)} >= set(acknowledged)
