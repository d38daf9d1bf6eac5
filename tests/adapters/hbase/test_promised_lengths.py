"""A framed answer that promises more than it holds is an error at once: what it promises is neither counted nor made room for."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from adapters.hbase.thrift_calls import ThriftCalls
from adapters.hbase.thrift_message import is_whole
from adapters.hbase.thrift_wire import Wire
from adapters.interface import SourceError

HEAD = b"\x80\x01\x00\x02" + b"\x00\x00\x00\x0cscannerClose" + bytes(4)


def calls(reply: bytes) -> ThriftCalls:
    """On a wire that answers everything so."""
    wire: Any = SimpleNamespace(socket=SimpleNamespace(broken=False), at_once=1, send=lambda _: None, receive=lambda: reply)
    return ThriftCalls(cast(Wire, wire))


@pytest.mark.parametrize(
    "field",
    [
        b"\x0f\x00\x05\x02\x3f\xff\xff\xff",  # a list of a billion booleans
        b"\x0d\x00\x05\x0b\x0b\x3f\xff\xff\xff",
        b"\x0c\x00\x01\x0b\x00\x01\x7f\xff\xff\xff",  # an error with a message of 2 GB
        b"\x0c\x00\x05" * 20_000,
    ],
)
def test_what_is_only_promised_takes_no_time(field: bytes) -> None:
    begun = time.monotonic()
    with pytest.raises(SourceError) as caught:
        calls(HEAD + field).close_scanner(1)
    assert caught.value.code == "S105"
    assert time.monotonic() - begun < 1


def test_a_whole_answer_is_one() -> None:
    assert is_whole(HEAD + b"\x00")
    calls(HEAD + b"\x00").close_scanner(1)
