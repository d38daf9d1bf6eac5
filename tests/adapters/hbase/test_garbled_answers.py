"""A server that answers with what is no answer: the source's error in time, and the connection is not used again."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from threading import Thread

import pytest

from adapters.hbase import open_source
from adapters.interface import ReadContext, SourceError
from catalog.model import Source
from catalog.source_tables import Cell, HBaseTable, RowKey, Segment
from catalog.types import TEXT

TABLE = HBaseTable(
    name="t",
    row_key=RowKey(segments=(Segment(name="id", codec="text", type=TEXT),)),
    cells=(Cell(name="c", family="f", qualifier="c", codec="text", type=TEXT, required=True),),
)
NAME = struct.pack(">I", 7) + b"getRows"
ANSWERS = {
    "no head": b"GET / HTTP/1.1 400 nothing",
    "an unknown type": b"\x80\x01\x00\x02" + NAME + bytes(4) + b"\x63\x00\x00" + bytes(8),
    "cut": b"\x80\x01\x00\x02" + NAME + bytes(4) + b"\x0f\x00\x00\x0c",
    "a text where rows should be": b"\x80\x01\x00\x02" + NAME + bytes(4) + b"\x0b\x00\x00" + struct.pack(">I", 3) + b"abc\x00",
}


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        while connection.recv(4096):
                            connection.sendall(struct.pack(">I", len(answer)) + answer)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_garbled_answer_is_an_error_of_the_source(answer: str) -> None:
    with answering(ANSWERS[answer]) as port:
        url = f"thrift://127.0.0.1:{port}"
        adapter = open_source(Source(node="a", name="h", adapter="hbase", url=url, options={}, zone="UTC", tables={"t": TABLE}))
        with closing(adapter):
            for _ in range(2):
                with pytest.raises(SourceError) as caught:
                    adapter.ping(ReadContext(deadline=time.monotonic() + 3))
                assert caught.value.code in ("S102", "S105")
