"""Checkpoints and what is removed: two are kept, and nothing that a reader needs is ever missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.store import upkeep
from catalog.store.errors import Damaged, Misconfigured, NoSuchRevision
from catalog.store.history import history, image_at
from catalog.store.local import LocalStorage
from catalog.store.log import checkpoint_name, checkpoint_numbers, open_log, record_name, record_numbers
from catalog.store.repair import verify
from catalog.store.upkeep import Policy, Tended, tend, write_checkpoint
from tests.catalog.store import small
from tests.catalog.store.faulty_storage import MemoryStorage


def test_a_checkpoint_is_written_when_it_is_due_and_two_are_kept() -> None:
    storage = MemoryStorage()
    appending = small.writer(storage)
    for number in range(1, 36):
        appending.append(small.documents(number), base=appending.image.revision, why="")
        tend(storage, Policy(checkpoint_every=10))
    assert checkpoint_numbers(storage) == [20, 30]
    opened = open_log(storage)
    assert (opened.checkpoint, opened.image.number, len(opened.records)) == (30, 35, 5)
    assert tend(storage, Policy(checkpoint_every=10)) == Tended()
    assert tend(storage, Policy(checkpoint_every=10), now=True) == Tended(checkpoint=35, removed_checkpoints=1)
    assert tend(storage, Policy(checkpoint_every=10), now=True) == Tended(), "there is nothing new to checkpoint"
    assert len(history(storage)) == 35 and verify(storage) == []


def test_records_are_kept_by_policy_and_the_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "MARGIN", 4)
    storage = MemoryStorage()
    small.filled(storage, 20)
    tend(storage, Policy(keep_records=3), now=True)
    assert record_numbers(storage, 1) == list(range(1, 21)), "with one checkpoint nothing is removed"
    small.writer(storage).append(small.documents("21"), base=20, why="")
    assert tend(storage, Policy(keep_records=None), now=True).removed_records == 0
    assert tend(storage, Policy(keep_records=3)) == Tended(removed_records=16)
    assert record_numbers(storage, 1) == [17, 18, 19, 20, 21], "the margin before the older checkpoint stays"
    assert [record.number for record in history(storage)] == [21, 20, 19, 18, 17]
    assert image_at(storage, 20).documents == small.documents("20")
    for gone in (16, 18):
        with pytest.raises(NoSuchRevision, match="older than the history that was kept"):
            image_at(storage, gone)
    assert verify(storage) == []
    storage.objects[checkpoint_name(21)] = b""
    assert small.mark(open_log(storage).image.documents) == "21", "the older checkpoint and the log are enough"


def test_nothing_is_removed_on_the_word_of_a_checkpoint_that_cannot_be_read(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    appending = small.filled(storage, 2)
    for number in (3, 4, 5):
        tend(storage, Policy(), now=True)
        appending.append(small.documents(number), base=number - 1, why="")
    assert checkpoint_numbers(storage) == [3, 4]
    (tmp_path / checkpoint_name(4)).write_bytes(b"rot")
    tend(storage, Policy(), now=True)
    assert checkpoint_numbers(storage) == [3, 4, 5], "two sound ones, and the broken one between them"
    assert [str(finding.place) for finding in verify(storage)] == [checkpoint_name(4)]


def test_two_checkpointers_at_once_agree_and_another_history_is_refused() -> None:
    storage = MemoryStorage()
    small.filled(storage, 3)
    image = open_log(storage).image
    write_checkpoint(storage, image)
    write_checkpoint(storage, image)
    other = MemoryStorage()
    small.filled(other, 3)
    with pytest.raises(Damaged, match="another history"):
        write_checkpoint(storage, open_log(other).image)
    storage.objects[checkpoint_name(3)] = open_log(other).image.seal()
    assert [finding.place for finding in verify(storage)] == [checkpoint_name(3)]


def test_a_policy_that_makes_no_sense_is_refused() -> None:
    for policy in ({"checkpoint_every": 0}, {"keep_records": -1}):
        with pytest.raises(Misconfigured):
            Policy(**policy)


def test_verify_finds_damage_that_no_reader_needs(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    appending = small.filled(storage, 4)
    tend(storage, Policy(), now=True)
    appending.append(small.documents("5"), base=4, why="")
    path = tmp_path / record_name(2)
    path.write_bytes(path.read_bytes()[:-10])
    assert open_log(storage).image.number == 5
    assert verify(storage)[0].number == 2
