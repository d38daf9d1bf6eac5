"""Repair says what it would lose, passes over it by one more record, and removes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.store.errors import Conflict, Damaged, Fenced
from catalog.store.history import history
from catalog.store.local import LocalStorage
from catalog.store.log import checkpoint_name, open_log, record_name
from catalog.store.repair import diagnose, repair, verify
from catalog.store.upkeep import Policy, tend
from tests.catalog.store import small


def damaged(tmp_path: Path) -> LocalStorage:
    """Five revisions, the third of them rotten."""
    storage = LocalStorage(tmp_path)
    small.filled(storage, 5)
    path = tmp_path / record_name(3)
    path.write_bytes(path.read_bytes().replace(b"mark: 3", b"mark: 8"))
    return storage


def test_it_is_said_what_is_kept_and_what_would_be_lost(tmp_path: Path) -> None:
    diagnosis = diagnose(damaged(tmp_path))
    kept, *lost = diagnosis.sentences()
    assert kept == "kept: the catalog of revision 2 (record 2)"
    assert lost[0] == "lost: record 3 (its content is not what its digest says)"
    assert [line.partition(" (")[0] for line in lost] == ["lost: record 3", "lost: record 4", "lost: record 5"]
    assert "revision of tester" in lost[2] and lost[2].endswith("change 5")


def test_after_a_repair_the_log_opens_and_every_writer_of_before_is_fenced(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    before = small.filled(storage, 1)
    storage = damaged(tmp_path / "other")
    with pytest.raises(Damaged, match="000000000003"):
        open_log(storage)
    files = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    record = repair(storage, diagnose(storage), who="Anna", why="the disk was replaced")
    assert (record.number, record.after, record.kind, record.epoch) == (6, 2, "repair", 1)
    assert small.mark(open_log(storage).image.documents) == "2" and open_log(storage).image.revision == 2
    assert [each.number for each in history(storage)] == [6, 2, 1]
    assert all(path.read_bytes() == content for path, content in files.items()), "what was lost is still there to be looked at"
    assert small.writer(storage).append(small.documents("on"), base=2, why="") is not None
    assert verify(storage) == [] and before.image.number == 1


def test_a_writer_that_was_open_during_a_repair_is_fenced(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    appending = small.filled(storage, 2)
    (tmp_path / record_name(2)).write_bytes(b"?" * 500)
    repair(storage, diagnose(storage), who="Anna", why="")
    with pytest.raises(Fenced):
        appending.append(small.documents("late"), base=2, why="")


def test_a_sound_log_and_a_torn_tail_need_no_repair(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    small.filled(storage, 3)
    (tmp_path / record_name(3)).write_bytes(b"{")
    diagnosis = diagnose(storage)
    assert not diagnosis.needed and diagnosis.sentences() == ["the log can be read up to record 2; nothing is to be repaired"]
    with pytest.raises(Conflict, match="nothing to repair"):
        repair(storage, diagnosis, who="Anna", why="")


def test_a_repair_of_what_is_no_longer_so_is_refused(tmp_path: Path) -> None:
    storage = damaged(tmp_path)
    diagnosis = diagnose(storage)
    repair(storage, diagnosis, who="Anna", why="")
    with pytest.raises(Conflict, match="not as it was diagnosed"):
        repair(storage, diagnosis, who="Ben", why="")


def test_what_a_checkpoint_stands_for_is_not_lost(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    appending = small.filled(storage, 4)
    tend(storage, Policy(), now=True)
    appending.append(small.documents("5"), base=4, why="")
    appending.append(small.documents("6"), base=5, why="")
    (tmp_path / record_name(2)).unlink()
    assert not diagnose(storage).needed
    (tmp_path / record_name(5)).unlink()
    diagnosis = diagnose(storage)
    assert diagnosis.image.number == 4 and [fault.number for fault in diagnosis.lost] == [5, 6]
    (tmp_path / checkpoint_name(4)).unlink()
    assert diagnose(storage).image.number == 1
