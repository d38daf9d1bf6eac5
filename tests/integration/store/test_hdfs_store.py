"""The catalog's log on a real HDFS: create-if-absent, two writers, and the server killed and frozen while it is written."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from catalog.store.changes import apply
from catalog.store.documents import read_documents
from catalog.store.errors import AlreadyThere, Conflict, NotThere, OutcomeUnknown, StorageError, StoreError
from catalog.store.follower import Follower
from catalog.store.hdfs import HdfsStorage
from catalog.store.history import history
from catalog.store.local import TEMPORARY
from catalog.store.log import checkpoint_numbers, open_log, record_name
from catalog.store.repair import verify
from catalog.store.storage import Storage
from catalog.store.upkeep import Policy, tend
from catalog.store.urls import open_storage
from catalog.store.webhdfs import Address, WebHdfs
from tests.catalog.store import small
from tests.catalog.store.invariants import check
from tests.catalog.store.test_documents import REGION
from tests.servers import hdfs
from tests.servers.engines import started
from tests.servers.hdfs import HdfsServer


@pytest.fixture
def storage(hdfs_server: HdfsServer) -> Iterator[Storage]:
    root = f"catalog-{uuid.uuid4().hex}"
    yield open_storage(f"hdfs://{hdfs.SUPERUSER}@{hdfs_server.host}:{hdfs_server.port}/{root}")
    hdfs_server.call("DELETE", f"/{root}", "DELETE", recursive="true")


def test_objects_are_created_once_listed_read_and_deleted(storage: Storage) -> None:
    assert storage.list("records") == []
    content = bytes(range(256)) * 5000
    storage.create("records/000/b.json", content)
    storage.create("records/000/a.json", b"")
    storage.create("records/001/a.json", b"x")
    assert storage.list("records") == ["000", "001"] and storage.list("records/000") == ["a.json", "b.json"]
    assert (storage.read("records/000/b.json"), storage.read("records/000/a.json")) == (content, b"")
    with pytest.raises(AlreadyThere):
        storage.create("records/000/b.json", b"other")
    assert storage.read("records/000/b.json") == content
    storage.delete("records/000/b.json")
    storage.delete("records/000/b.json")
    with pytest.raises(NotThere):
        storage.read("records/000/b.json")
    assert storage.list(TEMPORARY) == [] and storage.tidy() == 0


def test_a_folder_that_may_not_be_written_is_said(hdfs_server: HdfsServer) -> None:
    hdfs_server.call("PUT", "/closed", "MKDIRS", permission="700")
    alice = open_storage(f"hdfs://alice@{hdfs_server.host}:{hdfs_server.port}/closed/catalog")
    for call in (lambda: alice.create("records/1.json", b"x"), lambda: alice.list("records")):
        with pytest.raises(StorageError, match=r"refused with AccessControlException \(403\)$"):
            call()


def test_of_many_threads_one_wins(storage: Storage) -> None:
    for number in range(5):
        won: list[int] = []

        def race(mine: int, name: str = f"records/{number}.json", won: list[int] = won) -> None:
            try:
                storage.create(name, str(mine).encode())
            except AlreadyThere:
                return
            won.append(mine)

        threads = [threading.Thread(target=race, args=(mine,)) for mine in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1 and storage.read(f"records/{number}.json") == str(won[0]).encode()


def test_the_regions_catalog_is_applied_followed_and_checkpointed(storage: Storage) -> None:
    documents = read_documents(REGION)
    assert apply(storage, documents, base=0, who="Anna", why="the region") is not None
    follower = Follower(storage)
    changed = {**documents, "policies/demo.yaml": documents["policies/demo.yaml"] + "# checked\n"}
    assert apply(storage, changed, base=1, who="Ben", why="a comment") is not None
    with pytest.raises(Conflict, match="2 by Ben"):
        apply(storage, {**documents, "catalog.yaml": "schema: health\n"}, base=1, who="Anna", why="too late")
    assert follower.refresh().image.documents == changed
    tend(storage, Policy(), now=True)
    assert checkpoint_numbers(storage) == [2] and open_log(storage).checkpoint == 2
    assert [(record.number, record.who) for record in history(storage)] == [(2, "Ben"), (1, "Anna")] and verify(storage) == []


def test_two_writers_make_one_history_and_a_takeover_ends_the_other(storage: Storage) -> None:
    done: list[int] = []
    lost = 0

    def work(name: str) -> None:
        nonlocal lost
        appending = small.writer(storage, name)
        for number in range(5):
            while True:
                try:
                    record = appending.append(small.documents(f"{name}-{number}"), base=appending.image.revision, why="")
                except Conflict:
                    lost += 1
                    continue
                assert record is not None
                done.append(record.number)
                break

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == list(range(1, 11)) and verify(storage) == []


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HdfsServer]:
    """One that may be killed and frozen without anybody else being disturbed."""
    server = started("hdfs", lambda: hdfs.start(tmp_path_factory.mktemp("hdfs-to-kill")))
    yield server
    server.stop()


def impatient(server: HdfsServer, root: str) -> HdfsStorage:
    return HdfsStorage(WebHdfs([Address(server.host, server.port, False)], hdfs.SUPERUSER, patience=3), f"/{root}", f"hdfs://test/{root}")


def test_a_frozen_server_ends_the_wait_and_leaves_it_open_what_was_done(own_server: HdfsServer) -> None:
    storage = impatient(own_server, "frozen")
    appending = small.filled(storage, 1)
    own_server.pause()
    try:
        began = time.monotonic()
        with pytest.raises(StoreError):
            appending.append(small.documents("2"), base=1, why="")
        assert time.monotonic() - began < 5
    finally:
        own_server.resume()
    again = small.writer(storage)
    record = again.append(small.documents("3"), base=again.image.revision, why="")
    assert record is not None and verify(storage) == []


def test_killed_name_and_data_node_lose_nothing_that_was_acknowledged(own_server: HdfsServer) -> None:
    """NameNode and DataNode die with kill -9 in the middle of writing, several times, and come back over what is on their disks."""
    assert killed_lives(own_server, "killed", lives=3, seed=4) >= 3


def killed_lives(server: HdfsServer, root: str, *, lives: int, seed: int) -> int:
    """How many changes were acknowledged; all of them were there after each life."""
    storage = impatient(server, root)
    acknowledged: list[tuple[int, str]] = []
    attempted: list[str] = []
    chance = random.Random(seed)
    for life in range(lives):
        before = len(acknowledged) + chance.randint(1, 5)
        killer = threading.Timer(chance.uniform(0, 0.15), server.kill)
        writer = None
        with suppress(OutcomeUnknown, StorageError):
            while True:
                writer = writer or small.writer(storage)
                attempted.append(f"{life}-{len(attempted)}")
                record = writer.append(small.documents(attempted[-1]), base=writer.image.revision, why="")
                assert record is not None
                acknowledged.append((record.number, attempted[-1]))
                if len(acknowledged) == before:
                    killer.start()
                if len(acknowledged) % 3 == 0:
                    tend(storage, Policy(checkpoint_every=3))
        killer.join()
        server.restart()
        check(storage, acknowledged, attempted)
    assert verify(storage) == []
    return len(acknowledged)


def test_a_torn_record_on_hdfs_is_left_out(own_server: HdfsServer) -> None:
    """As another program might leave it: the storage itself never makes one."""
    storage = impatient(own_server, "torn")
    small.filled(storage, 2)
    path = f"/torn/{record_name(3)}"
    own_server.call("PUT", path, "CREATE", b'{"length":"00', overwrite="false")
    assert open_log(storage).torn == (3,)
    writer = small.writer(storage)
    record = writer.append(small.documents("on"), base=2, why="")
    assert record is not None and record.number == 4 and small.mark(open_log(storage).image.documents) == "on"


def test_paths_with_signs_are_carried(own_server: HdfsServer, tmp_path: Path) -> None:
    storage = open_storage(f"hdfs://{hdfs.SUPERUSER}@{own_server.host}:{own_server.port}/région%20A/目录+1")
    small.filled(storage, 2)
    assert small.mark(open_log(storage).image.documents) == "2"
    assert sorted(status["pathSuffix"] for status in own_server.call("GET", "/région A", "LISTSTATUS")["FileStatuses"]["FileStatus"]) == [
        "目录+1"
    ]
