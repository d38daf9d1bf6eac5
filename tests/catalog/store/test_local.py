"""The local folder: create-if-absent, whole or not at all."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from catalog.store.disk import RealDisk
from catalog.store.errors import AlreadyThere, Misconfigured, NotThere, OutcomeUnknown, StorageError
from catalog.store.local import TEMPORARY, LocalStorage


def test_objects_are_created_listed_read_and_deleted(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "deep" / "down")
    assert storage.list("records") == []
    storage.create("records/000/b.json", b"2")
    storage.create("records/000/a.json", b"")
    storage.create("records/001/c.json", bytes(1_000_000))
    assert storage.list("records") == ["000", "001"] and storage.list("records/000") == ["a.json", "b.json"]
    assert (storage.read("records/000/a.json"), storage.read("records/001/c.json")) == (b"", bytes(1_000_000))
    storage.delete("records/000/b.json")
    storage.delete("records/000/b.json")
    with pytest.raises(NotThere):
        storage.read("records/000/b.json")
    assert storage.list(TEMPORARY) == []


def test_a_name_that_is_taken_is_left_untouched(tmp_path: Path) -> None:
    LocalStorage(tmp_path).create("records/1.json", b"first")
    with pytest.raises(AlreadyThere):
        LocalStorage(tmp_path).create("records/1.json", b"second")
    assert LocalStorage(tmp_path).read("records/1.json") == b"first"


def test_of_many_threads_one_wins(tmp_path: Path) -> None:
    storages = [LocalStorage(tmp_path) for _ in range(8)]
    for number in range(20):
        won: list[int] = []

        def race(mine: int, name: str = f"records/{number}.json", won: list[int] = won) -> None:
            try:
                storages[mine].create(name, str(mine).encode())
            except AlreadyThere:
                return
            won.append(mine)

        threads = [threading.Thread(target=race, args=(mine,)) for mine in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1 and storages[0].read(f"records/{number}.json") == str(won[0]).encode()


class OddDisk(RealDisk):
    """Links as a file server may: the answer is lost, or the file system has no links at all."""

    def __init__(self, code: int, *, linked: bool) -> None:
        self._code, self._linked = code, linked

    def link(self, path: str, new: str) -> None:
        if self._linked:
            os.link(path, new)
        raise OSError(self._code, "injected")


def test_a_link_that_was_made_counts_although_its_answer_was_lost(tmp_path: Path) -> None:
    """NFS asks again and is told that the name is taken: by ourselves."""
    LocalStorage(tmp_path, disk=OddDisk(errno.EEXIST, linked=True)).create("records/1.json", b"mine")
    assert LocalStorage(tmp_path).read("records/1.json") == b"mine"


@pytest.mark.parametrize(
    ("code", "error"),
    [(errno.EPERM, Misconfigured), (errno.ENOSPC, StorageError), (errno.EEXIST, AlreadyThere), (errno.EIO, OutcomeUnknown)],
)
def test_a_link_that_failed_is_told_for_what_it_is(tmp_path: Path, code: int, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        LocalStorage(tmp_path, disk=OddDisk(code, linked=False)).create("records/1.json", b"mine")
    assert type(caught.value) is error
    assert LocalStorage(tmp_path).list("records") == [] and LocalStorage(tmp_path).list(TEMPORARY) == []


def test_a_full_file_system_makes_nothing_and_says_so(tmp_path: Path) -> None:
    class Full(RealDisk):
        def write(self, file: int, content: bytes) -> int:
            raise OSError(errno.ENOSPC, "injected")

    storage = LocalStorage(tmp_path, disk=Full())
    with pytest.raises(StorageError, match="ENOSPC"):
        storage.create("records/1.json", b"mine")
    assert storage.list("records") == [] and storage.list(TEMPORARY) == []


def test_only_old_remains_of_killed_writers_are_cleared(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    storage.create("records/1.json", b"")
    for name, age in (("old", 7200), ("new", 60)):
        path = tmp_path / TEMPORARY / name
        path.touch()
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    assert storage.tidy() == 1 and storage.list(TEMPORARY) == ["new"]
