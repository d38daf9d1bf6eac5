"""The HDFS of the tests keeps what it acknowledged, and its WebHDFS answers as a store of records needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from tests.servers.hdfs import HdfsServer


@pytest.fixture
def folder() -> str:
    """A name of this test alone."""
    return f"/test-{uuid4().hex}"


def names(server: HdfsServer, folder: str) -> list[str]:
    listing = server.call("GET", folder, "LISTSTATUS")
    return sorted(status["pathSuffix"] for status in listing["FileStatuses"]["FileStatus"])


def test_what_was_written_is_read_and_listed(hdfs_server: HdfsServer, folder: str) -> None:
    content = bytes(range(256)) * 5_000
    hdfs_server.call("PUT", f"{folder}/Müller 1", "CREATE", content)
    assert hdfs_server.call("GET", f"{folder}/Müller 1", "OPEN") == content
    assert names(hdfs_server, folder) == ["Müller 1"]


def test_a_file_is_created_by_one_writer_only(hdfs_server: HdfsServer, folder: str) -> None:
    hdfs_server.call("PUT", f"{folder}/record", "CREATE", b"first", overwrite="false")
    with pytest.raises(HTTPError) as caught:
        hdfs_server.call("PUT", f"{folder}/record", "CREATE", b"second", overwrite="false")
    assert caught.value.code == 403
    assert hdfs_server.call("GET", f"{folder}/record", "OPEN") == b"first"


def test_a_rename_moves_and_says_no_where_the_name_is_taken(hdfs_server: HdfsServer, folder: str) -> None:
    hdfs_server.call("PUT", f"{folder}/new", "CREATE", b"new")
    hdfs_server.call("PUT", f"{folder}/old", "CREATE", b"old")
    assert hdfs_server.call("PUT", f"{folder}/new", "RENAME", destination=f"{folder}/old") == {"boolean": False}
    assert hdfs_server.call("PUT", f"{folder}/new", "RENAME", destination=f"{folder}/moved") == {"boolean": True}
    assert names(hdfs_server, folder) == ["moved", "old"]
    assert hdfs_server.call("GET", f"{folder}/old", "OPEN") == b"old"


def test_a_missing_file_is_not_found(hdfs_server: HdfsServer, folder: str) -> None:
    with pytest.raises(HTTPError) as caught:
        hdfs_server.call("GET", f"{folder}/none", "OPEN")
    assert caught.value.code == 404


def test_another_account_may_not_write_where_it_has_no_right(hdfs_server: HdfsServer, folder: str) -> None:
    hdfs_server.call("PUT", folder, "MKDIRS", permission="755")
    with pytest.raises(HTTPError) as caught:
        hdfs_server.call("PUT", f"{folder}/record", "CREATE", b"", user="alice")
    assert caught.value.code == 403


def test_acknowledged_data_outlives_kill_9(hdfs_server: HdfsServer, folder: str) -> None:
    written = {f"{number:03d}": f"record {number}".encode() for number in range(20)}
    for name, content in written.items():
        hdfs_server.call("PUT", f"{folder}/{name}", "CREATE", content)
    hdfs_server.kill()
    try:
        with pytest.raises(URLError):
            hdfs_server.call("GET", folder, "LISTSTATUS")
    finally:
        hdfs_server.restart()
    assert names(hdfs_server, folder) == list(written)
    assert {name: hdfs_server.call("GET", f"{folder}/{name}", "OPEN") for name in written} == written


def test_data_outlives_a_stop_in_good_order(hdfs_server: HdfsServer, folder: str) -> None:
    hdfs_server.call("PUT", f"{folder}/record", "CREATE", b"kept")
    try:
        hdfs_server.stop()
    finally:
        hdfs_server.restart()
    assert hdfs_server.call("GET", f"{folder}/record", "OPEN") == b"kept"


def test_a_frozen_server_answers_once_it_goes_on(hdfs_server: HdfsServer, folder: str) -> None:
    hdfs_server.pause()
    try:
        with pytest.raises(TimeoutError):
            hdfs_server.call("PUT", folder, "MKDIRS", patience=1)
    finally:
        hdfs_server.resume()
    assert hdfs_server.call("PUT", folder, "MKDIRS") == {"boolean": True}
