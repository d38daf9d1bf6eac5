"""Checkpoints and what is removed: two are kept, and nothing that a reader needs is ever missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from catalog.store import upkeep
from catalog.store.changes import apply
from catalog.store.documents import load_documents, read_documents
from catalog.store.envelope import seal
from catalog.store.errors import Damaged, Fenced, Misconfigured, NoSuchRevision
from catalog.store.follower import Follower
from catalog.store.history import history, image_at
from catalog.store.local import LocalStorage
from catalog.store.log import checkpoint_name, checkpoint_numbers, open_log, record_name, record_numbers
from catalog.store.repair import verify
from catalog.store.upkeep import Policy, Tended, keep_copy, tend, write_checkpoint
from tests.catalog.store import small
from tests.catalog.store.faulty_storage import MemoryStorage
from tests.catalog.store.test_documents import REGION


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


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"content": "1" * 64}, "its documents are not those that it says"),
        ({"documents": {"catalog.yaml": "other"}}, "its documents are not those that it says"),
        ({"number": 4}, "image of record 4 under another's name"),
        ({"format": 2}, "it is of format 2"),
        ({"epoch": None}, "not the form of an image"),
    ],
)
def test_a_forged_checkpoint_is_passed_over_even_if_its_own_digest_is_right(change: dict[str, object], fact: str) -> None:
    storage = MemoryStorage()
    small.filled(storage, 3)
    tend(storage, Policy(), now=True)
    storage.objects[checkpoint_name(3)] = seal({**small.body(storage.objects[checkpoint_name(3)]), **change})[0]
    opened = open_log(storage)
    assert opened.checkpoint == 0 and fact in opened.notes[0]


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


def test_the_drill_the_primary_folder_is_gone_and_the_standbys_copy_takes_its_place(tmp_path: Path) -> None:
    primary, copy = LocalStorage(tmp_path / "primary"), LocalStorage(tmp_path / "standby")
    documents = read_documents(REGION)
    apply(primary, documents, base=0, who="Anna", why="the region")
    follower = Follower(primary)
    assert keep_copy(follower.view().image, copy) and not keep_copy(follower.view().image, copy)
    changed = {**documents, "policies/demo.yaml": documents["policies/demo.yaml"] + "# checked\n"}
    apply(primary, changed, base=1, who="Ben", why="a comment")
    small.writer(primary, "primary", takeover=True)
    assert keep_copy(follower.refresh().image, copy)
    assert checkpoint_numbers(copy) == [1, 3]
    old = small.writer(copy, "left over")

    shutil.rmtree(tmp_path / "primary")
    promoted = small.writer(copy, "standby", takeover=True)
    image = open_log(LocalStorage(tmp_path / "standby")).image
    assert image.documents == changed and load_documents(image.documents).revision == image.snapshot
    assert (promoted.epoch, image.revision) == (2, 2)
    with pytest.raises(Fenced):
        old.append(documents, base=2, why="late")
    assert promoted.append(documents, base=2, why="goes on") is not None
    assert verify(copy) == [] and [record.kind for record in history(copy)] == ["revision", "takeover"]
    assert image_at(copy, 3).documents == changed
