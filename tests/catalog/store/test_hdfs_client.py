"""What the HDFS storage makes of answers that a sound HDFS rarely gives: cut short, lost, late, `false`. A real one: tests/integration/store."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from catalog.store.errors import AlreadyThere, Misconfigured, NotThere, OutcomeUnknown, StorageError
from catalog.store.hdfs import HdfsStorage
from catalog.store.urls import open_storage
from catalog.store.webhdfs import Address, WebHdfs

Handler = Callable[[BaseHTTPRequestHandler, str], None]


class OddServer:
    """Speaks WebHDFS by hand: each operation is answered by a function, others as a sound server without content would."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}
        self.operations: list[str] = []
        outer = self

        class Requests(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.do_GET()

            def do_DELETE(self) -> None:
                self.do_PUT()

            def do_GET(self) -> None:
                operation = parse_qs(urlsplit(self.path).query)["op"][0]
                outer.operations.append(operation)
                outer.handlers.get(operation, answer(200, {"boolean": True}))(self, operation)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
        self.address = Address("127.0.0.1", self.server.server_address[1], False)
        Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def storage(self, *others: Address, patience: float = 5) -> HdfsStorage:
        return HdfsStorage(WebHdfs([*others, self.address], "anna", patience=patience), "/catalog", "hdfs://test/catalog")


def answer(status: int, body: object) -> Handler:
    def handle(request: BaseHTTPRequestHandler, _: str) -> None:
        content = json.dumps(body).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    return handle


def refusal(kind: str, status: int = 403) -> Handler:
    return answer(status, {"RemoteException": {"exception": kind, "message": "secret text of the server"}})


def hang_up(request: BaseHTTPRequestHandler, _: str) -> None:
    request.close_connection = True


def sleep(request: BaseHTTPRequestHandler, _: str) -> None:
    time.sleep(1.5)


def cut(length: str | None) -> Handler:
    def handle(request: BaseHTTPRequestHandler, _: str) -> None:
        request.send_response(200)
        if length is not None:
            request.send_header("Content-Length", length)
        request.end_headers()
        request.wfile.write(b'{"length":"0000')
        request.close_connection = True

    return handle


@pytest.fixture
def odd() -> Iterator[OddServer]:
    server = OddServer()
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.mark.parametrize("length", ["500", None], ids=["a length that is not reached", "no length"])
def test_an_answer_that_may_be_cut_short_is_never_taken_for_the_object(odd: OddServer, length: str | None) -> None:
    odd.handlers["OPEN"] = cut(length)
    with pytest.raises(StorageError, match="no whole answer"):
        odd.storage().read("records/1.json")


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        (answer(200, {"boolean": True}), None),
        (refusal("FileAlreadyExistsException"), AlreadyThere),
        (refusal("SafeModeException"), StorageError),
        (refusal("AccessControlException"), StorageError),
        (refusal("IOException"), OutcomeUnknown),
        (refusal("NullPointerException", 500), OutcomeUnknown),
        (answer(502, "no JSON of HDFS"), OutcomeUnknown),
        (hang_up, OutcomeUnknown),
        (cut("500"), OutcomeUnknown),
        (answer(200, {"boolean": False}), AlreadyThere),
    ],
    ids=["done", "taken", "safe mode", "no right", "other refusal", "bug", "proxy", "hang up", "cut", "false of HttpFS"],
)
def test_a_rename_is_told_for_what_is_known_of_it(odd: OddServer, handler: Handler, error: type[Exception] | None) -> None:
    odd.handlers["RENAME"] = handler
    if error is None:
        odd.storage().create("records/1.json", b"x")
    else:
        with pytest.raises(error) as caught:
            odd.storage().create("records/1.json", b"x")
        assert type(caught.value) is error and "secret" not in str(caught.value)
    assert odd.operations.count("RENAME") == 1, "nothing is tried twice"


def test_false_for_a_name_that_is_free_is_no_success(odd: OddServer) -> None:
    odd.handlers |= {"RENAME": answer(200, {"boolean": False}), "OPEN": refusal("FileNotFoundException", 404)}
    with pytest.raises(StorageError, match="refused") as caught:
        odd.storage().create("records/1.json", b"x")
    assert not isinstance(caught.value, AlreadyThere)


def test_what_goes_wrong_before_the_rename_has_made_nothing(odd: OddServer) -> None:
    for operation in ("MKDIRS", "CREATE"):
        odd.handlers = {operation: hang_up}
        with pytest.raises(StorageError):
            odd.storage().create("records/1.json", b"x")
    assert "RENAME" not in odd.operations


def test_a_silent_server_is_waited_for_no_longer_than_said(odd: OddServer) -> None:
    odd.handlers = {"OPEN": sleep, "RENAME": sleep}
    began = time.monotonic()
    with pytest.raises(StorageError, match="no whole answer"):
        odd.storage(patience=0.3).read("records/1.json")
    with pytest.raises(OutcomeUnknown):
        odd.storage(patience=0.3).create("records/1.json", b"x")
    assert time.monotonic() - began < 2.5


def test_the_active_name_node_is_found_and_asked_first_from_then_on(odd: OddServer) -> None:
    standby = OddServer()
    standby.handlers = {each: refusal("StandbyException") for each in ("MKDIRS", "CREATE", "RENAME", "OPEN")}
    odd.handlers["OPEN"] = answer(200, "content")
    storage = odd.storage(Address("127.0.0.1", 9, False), standby.address)
    storage.create("records/1.json", b"x")
    assert storage.read("records/1.json") == b'"content"'
    assert standby.operations == ["MKDIRS"]
    standby.server.shutdown()
    standby.server.server_close()


def test_an_hdfs_that_is_away_is_said() -> None:
    storage = open_storage("hdfs://anna@127.0.0.1:9/catalog")
    for call in (lambda: storage.read("x"), lambda: storage.list("x"), lambda: storage.create("a/x", b"")):
        with pytest.raises(StorageError, match=r"hdfs://127\.0\.0\.1:9/catalog: it cannot be reached"):
            call()


def test_not_found_is_told_apart(odd: OddServer) -> None:
    odd.handlers = {each: refusal("FileNotFoundException", 404) for each in ("OPEN", "LISTSTATUS", "DELETE")}
    with pytest.raises(NotThere):
        odd.storage().read("records/1.json")
    assert odd.storage().list("records") == []
    odd.storage().delete("records/1.json")


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("/var/lib/catalog", "/var/lib/catalog"),
        ("file:///var/lib/cat%20alog", "/var/lib/cat alog"),
        ("hdfs://nn/region/catalog/", "hdfs://nn/region/catalog"),
        ("webhdfs://anna@nn1:50070,nn2:50070/catalog", "webhdfs://nn1:50070,nn2:50070/catalog"),
        ("swebhdfs://nn/catalog", "swebhdfs://nn/catalog"),
    ],
)
def test_a_url_chooses_the_storage(url: str, place: str) -> None:
    assert open_storage(url).place == place


@pytest.mark.parametrize(
    "url",
    [
        "memory://catalog",
        "http://host/catalog",
        "",
        "ftp://host/catalog",
        "hdfs://nn",
        "hdfs:///catalog",
        "hdfs://anna:secret@nn/catalog",
        "hdfs://nn:port/catalog",
        "file://host/x",
        "s3://",
    ],
)
def test_a_url_that_cannot_be_trusted_with_a_catalog_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        open_storage(url)
    assert "secret" not in str(caught.value) and caught.value.hint
