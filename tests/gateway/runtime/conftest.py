"""A runtime over fake sources, which every test must leave without threads, files or open reads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from adapters.interface import Adapter
from gateway.limits import Limits
from gateway.runtime.run import Runtime
from tests.gateway.runtime.plans import adapters_of

MakeRuntime = Callable[..., Runtime]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "spill"
    made.mkdir()
    return made


@pytest.fixture
def make_runtime(folder: Path) -> Iterator[MakeRuntime]:
    """Makes runtimes; at the end they are closed, and nothing of them may be left."""
    before = set(threading.enumerate())
    made: list[Runtime] = []

    def make(sources: Mapping[str, Adapter], **limits: object) -> Runtime:
        runtime = Runtime(adapters_of(sources), Limits(temp_folder=folder, **limits), b"key")  # type: ignore[arg-type]
        made.append(runtime)
        return runtime

    yield make
    for runtime in made:
        runtime.close()
    until = time.monotonic() + 5
    while (left := set(threading.enumerate()) - before) and time.monotonic() < until:
        time.sleep(0.01)
    assert not left
    assert not list(folder.iterdir())
