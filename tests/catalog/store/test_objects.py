"""The object store, against a server that speaks S3 (moto); skipped where s3fs or moto are not installed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator

import pytest

from catalog.store.errors import AlreadyThere, Misconfigured, NotThere, OutcomeUnknown, StorageError
from catalog.store.follower import Follower
from catalog.store.history import history
from catalog.store.log import open_log
from catalog.store.repair import verify
from catalog.store.storage import Storage
from catalog.store.upkeep import Policy, tend
from catalog.store.urls import open_storage
from tests.catalog.store import small
from tests.servers.process import free_port


@pytest.mark.parametrize("url", ["gs://bucket/catalog", "abfs://container/catalog", "memory://x/catalog", "github://a/b"])
def test_stores_on_which_nobody_has_tried_it_are_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match="cannot be kept in"):
        open_storage(url)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    moto = os.environ.get("MOTO_SERVER")
    if moto is None:
        pytest.importorskip("moto.server", reason="moto is not installed")
    port = free_port()
    command = [moto] if moto else [sys.executable, "-m", "moto.server"]
    process = subprocess.Popen([*command, "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5).close()
            break
        except OSError:
            time.sleep(0.1)
    yield url
    process.kill()
    process.wait()


@pytest.fixture
def storage(server: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Storage:
    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    urllib.request.urlopen(urllib.request.Request(f"{server}/region", method="PUT"), timeout=5).close()
    return open_storage(f"s3://region/{request.node.name}")


def test_objects_are_created_once_listed_read_and_deleted(storage: Storage) -> None:
    assert storage.list("records") == []
    storage.create("records/000/b.json", b"2")
    storage.create("records/000/a.json", b"")
    storage.create("records/001/a.json", bytes(200_000))
    assert storage.list("records") == ["000", "001"] and storage.list("records/000") == ["a.json", "b.json"]
    with pytest.raises(AlreadyThere):
        storage.create("records/000/b.json", b"other")
    storage.create("records/000/b.json", b"2")  # its own object, met again after a lost answer
    assert (storage.read("records/000/b.json"), storage.read("records/001/a.json")) == (b"2", bytes(200_000))
    storage.delete("records/000/b.json")
    storage.delete("records/000/b.json")
    with pytest.raises(NotThere):
        storage.read("records/000/b.json")


def test_of_many_threads_one_wins(storage: Storage) -> None:
    won: list[int] = []

    def race(mine: int) -> None:
        try:
            storage.create("records/1.json", str(mine).encode())
        except AlreadyThere:
            return
        won.append(mine)

    threads = [threading.Thread(target=race, args=(mine,)) for mine in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1 and storage.read("records/1.json") == str(won[0]).encode()


def test_the_log_is_written_followed_and_checkpointed(storage: Storage) -> None:
    appending = small.filled(storage, 3)
    follower = Follower(storage)
    appending.append(small.documents("4"), base=3, why="")
    assert small.mark(follower.refresh().image.documents) == "4"
    tend(storage, Policy(), now=True)
    assert open_log(storage).checkpoint == 4 and verify(storage) == [] and len(history(storage)) == 4


def test_a_store_that_is_away_leaves_it_open_what_was_done(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    absent = open_storage("s3://absent/catalog")
    with pytest.raises(OutcomeUnknown):
        absent.create("records/1.json", b"x")
    with pytest.raises(StorageError):
        absent.read("records/1.json")
