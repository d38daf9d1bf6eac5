"""The protocol against a stand-in that misbehaves as proxies and dying coordinators do. What Trino itself does is in tests/integration/trino."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from adapters.interface import ReadContext, SourceError
from adapters.trino.client import TrinoClient
from adapters.trino.options import read_options
from catalog.model import Source
from tests.adapters.trino.coordinator import COLUMNS, GO_ON, Answer, Coordinator, page


@pytest.fixture
def served() -> Iterator[Callable[..., tuple[TrinoClient, Coordinator]]]:
    opened: list[tuple[TrinoClient, Coordinator]] = []

    def serve(*answers: Answer | Callable[[Any], None]) -> tuple[TrinoClient, Coordinator]:
        server = Coordinator(list(answers))
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        client = client_of(server.server_port)
        opened.append((client, server))
        return client, server

    yield serve
    for client, server in opened:
        client.close()
        server.shutdown()
        server.server_close()


def client_of(port: int, **options: object) -> TrinoClient:
    source = Source(
        node="t",
        name="m",
        adapter="trino",
        url=f"trino://127.0.0.1:{port}/a/b",
        options={"user": "reader", **options},
        zone="UTC",
        tables={},
    )
    return TrinoClient(read_options(source))


def soon(seconds: float = 5) -> ReadContext:
    return ReadContext(deadline=time.monotonic() + seconds)


def failure(client: TrinoClient, context: ReadContext | None = None) -> SourceError:
    with pytest.raises(SourceError) as caught:
        client.rows("SELECT 1", context or soon())
    assert caught.value.__cause__ is None
    return caught.value


def test_pages_are_followed_at_the_configured_address_only(served: Any) -> None:
    client, server = served(page(**GO_ON), page(**GO_ON | COLUMNS | {"data": [[1], [2]]}), page(**COLUMNS, data=[[3]]))
    assert client.rows("SELECT n", soon()) == [[1], [2], [3]]
    assert [method for method, _ in server.asked] == ["POST", "GET", "GET"]
    assert {path for _, path in server.asked[1:]} == {"/v1/statement/executing/q1/x/1"}
    assert {headers["X-Trino-User"] for headers in server.headers} == {"reader"}
    assert {headers["X-Trino-Time-Zone"] for headers in server.headers} == {"UTC"}
    assert {headers["X-Trino-Client-Capabilities"] for headers in server.headers} == {"PARAMETRIC_DATETIME"}


@pytest.mark.parametrize(("kept", "connections"), [(60, 1), (0, 3)])
def test_a_clean_connection_carries_the_next_query_if_it_did_not_rest_too_long(
    kept: int, connections: int, served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.trino.client._KEPT", kept)
    ports = []

    def answer(handler: Any) -> None:
        ports.append(handler.client_address[1])
        body = page(**COLUMNS, data=[[1]])[1]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    client, _ = served(answer)
    for _ in range(3):
        client.rows("SELECT 1", soon())
    assert len(ports) == 3
    assert len(set(ports)) == connections


def test_a_source_that_answers_at_once_but_never_with_rows_ends_at_the_deadline(served: Any) -> None:
    client, server = served(page(**GO_ON))
    context = soon(0.3)
    assert failure(client, context).code == "S103"
    assert time.monotonic() - context.deadline < 1
    assert server.asked[-1][0] == "DELETE"


def test_a_query_left_early_is_cancelled_and_its_connection_destroyed(served: Any) -> None:
    client, server = served(page(**GO_ON | COLUMNS | {"data": [[1]]}), page(**GO_ON, data=[[2]]), (204, b""))
    pages = client.pages("SELECT n", soon())
    assert next(pages).rows == [[1]]
    pages.close()  # type: ignore[attr-defined]  # a generator
    assert server.asked[-1] == ("DELETE", "/v1/statement/executing/q1/x/1")


@pytest.mark.parametrize(
    ("status", "code", "transient"),
    [(401, "S106", False), (403, "S106", False), (404, "S105", False), (429, "S101", True), (500, "S105", False), (502, "S101", True),
     (503, "S101", True), (504, "S101", True), (303, "S110", False)],
)  # fmt: skip
def test_what_a_status_says_before_the_query_was_taken(status: int, code: str, transient: bool, served: Any) -> None:
    client, _ = served((status, b"patient 4711"))
    error = failure(client)
    assert (error.code, error.transient) == (code, transient)
    assert "4711" not in error.fact + error.hint


@pytest.mark.parametrize(
    ("status", "code", "transient"),
    [(404, "S102", True), (410, "S102", True), (503, "S102", True), (401, "S106", False), (500, "S105", False)],
)
def test_what_a_status_says_of_a_query_under_way(status: int, code: str, transient: bool, served: Any) -> None:
    client, _ = served(page(**GO_ON), (status, b""))
    error = failure(client)
    assert (error.code, error.transient) == (code, transient)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"id": "q1"', b"\xff"])
def test_who_does_not_speak_trinos_protocol_is_told_apart(body: bytes, served: Any) -> None:
    client, _ = served((200, body))
    error = failure(client)
    assert (error.code, error.transient) == ("S105", False)
    assert "as Trino does" in error.fact


@pytest.mark.parametrize(
    ("name", "type", "code", "transient"),
    [
        ("PERMISSION_DENIED", "USER_ERROR", "S108", False),
        ("COLUMN_NOT_FOUND", "USER_ERROR", "S120", False),
        ("CATALOG_NOT_FOUND", "USER_ERROR", "S110", False),
        ("NO_NODES_AVAILABLE", "INSUFFICIENT_RESOURCES", "S101", True),
        ("REMOTE_HOST_GONE", "INTERNAL_ERROR", "S102", True),
        ("EXCEEDED_TIME_LIMIT", "INSUFFICIENT_RESOURCES", "S105", False),
        ("A_NAME_OF_TOMORROW", "EXTERNAL", "S105", False),
        ("A_NAME_OF_TOMORROW", "OF_TOMORROW", "S105", False),
    ],
)
def test_an_error_of_the_query_is_said_in_our_words(name: str, type: str, code: str, transient: bool, served: Any) -> None:
    client, _ = served(page(error={"message": "patient 4711", "errorName": name, "errorType": type, "failureInfo": {"message": "4711"}}))
    error = failure(client)
    assert (error.code, error.transient) == (code, transient)
    assert "4711" not in error.fact + error.hint
    assert name not in error.fact


def test_an_answer_that_breaks_off_is_lost(served: Any) -> None:
    def half(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"id":')
        handler.close_connection = True

    client, _ = served(half)
    error = failure(client)
    assert (error.code, error.transient) == ("S102", True)


def test_an_answer_that_drips_ends_at_the_deadline(served: Any) -> None:
    def drip(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(40):
            handler.wfile.write(b" ")
            time.sleep(0.1)

    client, _ = served(drip)
    context = soon(0.5)
    error = failure(client, context)
    assert (error.code, error.transient) == ("S103", True)
    assert time.monotonic() - context.deadline < 1


def test_a_source_that_takes_no_more_connections_is_given_up_after_its_patience() -> None:
    with socket.socket() as full, closing(socket.socket()) as first, closing(socket.socket()) as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        time.sleep(0.1)
        with closing(client_of(full.getsockname()[1], connect_timeout=0.4)) as client:
            before = time.monotonic()
            error = failure(client)
    assert (error.code, error.transient) == ("S101", True)
    assert time.monotonic() - before < 1.5


def test_a_name_that_nobody_knows() -> None:
    source = Source(
        node="t", name="m", adapter="trino", url="trino://no-such-host.invalid/a/b", options={"user": "a"}, zone="UTC", tables={}
    )
    with closing(TrinoClient(read_options(source))) as client:
        error = failure(client)
    assert (error.code, error.transient) == ("S101", True)


def test_a_missing_package_is_named_with_the_way_to_get_it(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client, server = served(page(**COLUMNS))
    monkeypatch.setitem(sys.modules, "orjson", None)
    error = failure(client)
    assert (error.code, error.transient) == ("S110", False)
    assert "hospital-gateway[trino]" in error.hint
    assert server.asked == []
