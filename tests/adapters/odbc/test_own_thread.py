"""Calls that do not come back: who waits is free within a second, the thread is counted until it is gone, and there are not too many."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, get_ident

import pytest

from adapters.interface import ReadContext, SourceError
from adapters.odbc.own_thread import LeftBehind, OwnThread


class Driver:
    """A driver whose call waits until it is let go; it may or may not heed an interrupt."""

    def __init__(self, *, deaf: bool = False) -> None:
        self.deaf, self.go, self.closed = deaf, Event(), Event()
        self.interrupted = 0

    def call(self) -> str:
        self.go.wait(30)
        return "answer"

    def interrupt(self) -> None:
        self.interrupted += 1
        if not self.deaf:
            self.go.set()


def soon(seconds: float = 20) -> ReadContext:
    return ReadContext(deadline=time.monotonic() + seconds)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds


def thread_of(driver: Driver, left_behind: LeftBehind | None = None) -> OwnThread:
    return OwnThread("test", driver.closed.set, left_behind or LeftBehind("test", 2))


def test_calls_run_one_after_the_other_in_one_thread_that_is_not_ours() -> None:
    thread = thread_of(driver := Driver())
    idents = {thread.call(get_ident, soon()) for _ in range(3)}
    assert len(idents) == 1
    assert idents != {get_ident()}
    thread.end()
    assert driver.closed.wait(2)


def test_what_a_call_raises_is_raised_here() -> None:
    thread = thread_of(Driver())
    with pytest.raises(ZeroDivisionError):
        thread.call(lambda: 1 // 0, soon())
    thread.end()


@pytest.mark.parametrize("deaf", [False, True])
def test_a_call_ends_with_its_deadline(deaf: bool) -> None:
    left_behind = LeftBehind("test", 2)
    thread = thread_of(driver := Driver(deaf=deaf), left_behind)
    with at_most(1.2), pytest.raises(SourceError) as caught:
        thread.call(driver.call, soon(0.2), driver.interrupt)
    assert (caught.value.code, caught.value.transient) == ("S103", True)
    assert driver.interrupted == 1
    assert thread.ended
    assert left_behind.count == (1 if deaf else 0)
    driver.go.set()
    assert driver.closed.wait(2)  # when it comes back at last, the connection is closed
    time.sleep(0.05)
    assert left_behind.count == 0


@pytest.mark.parametrize("deaf", [False, True])
def test_a_call_ends_when_the_read_is_cancelled(deaf: bool) -> None:
    thread = thread_of(driver := Driver(deaf=deaf))
    context = soon()
    context.cancelled.set()
    with at_most(1), pytest.raises(SourceError) as caught:
        thread.call(driver.call, context, driver.interrupt)
    assert caught.value.code == "S104"
    driver.go.set()
    assert driver.closed.wait(2)


def test_an_interrupt_that_hangs_itself_holds_nobody() -> None:
    thread = thread_of(driver := Driver(deaf=True))
    with at_most(1.2), pytest.raises(SourceError):
        thread.call(driver.call, soon(0.1), lambda: time.sleep(5))
    driver.go.set()


def test_a_source_may_leave_only_so_many_behind() -> None:
    left_behind = LeftBehind("test", 1)
    left_behind.check()
    driver = Driver(deaf=True)
    with pytest.raises(SourceError):
        thread_of(driver, left_behind).call(driver.call, soon(0.1), driver.interrupt)
    with pytest.raises(SourceError) as caught:
        left_behind.check()
    assert (caught.value.code, caught.value.transient) == ("S101", True)
    driver.go.set()
    assert driver.closed.wait(2)
    time.sleep(0.05)
    left_behind.check()


def test_an_ended_thread_is_closed_once_and_may_be_ended_again() -> None:
    thread = thread_of(driver := Driver())
    thread.end()
    thread.end()
    assert driver.closed.wait(2)
