"""Session fixtures of the engines. What cannot start skips its tests with the reason; in CI it fails them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import pytest

from tests.servers.process import ServerFailed

Server = TypeVar("Server")


def started(name: str, start: Callable[[], Server]) -> Server:
    """The running server; else the test that wants it is skipped with the reason, or fails where CI is set."""
    try:
        return start()
    except (ServerFailed, ImportError) as error:
        reason = f"{name} cannot be started: {error}"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
