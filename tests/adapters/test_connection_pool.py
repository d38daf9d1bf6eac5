"""A pool that never hands out what went wrong, never more than it may, and makes nobody wait for longer than the read may take."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from adapters.connection_pool import ConnectionPool
from adapters.interface import ReadContext, SourceError


class Fake:
    """A connection of which the test says how it fares."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_whole, self.alive, self.closed = True, True, False
        self.context: ReadContext | None = None

    def attend(self, context: ReadContext) -> bool:
        self.context = context
        context.check()
        return self.alive

    def close(self) -> None:
        self.closed = True


class Server:
    """Opens connections, or fails to. `opened` are all there ever were."""

    def __init__(self) -> None:
        self.opened: list[Fake] = []
        self.failure: Exception | None = None

    def __call__(self, context: ReadContext) -> Fake:
        context.check()
        if self.failure is not None:
            raise self.failure
        self.opened.append(Fake(len(self.opened)))
        return self.opened[-1]


def within(seconds: float = 5.0) -> ReadContext:
    return ReadContext(deadline=time.monotonic() + seconds)


def code_of(run: Callable[[], object]) -> str:
    with pytest.raises(SourceError) as caught:
        run()
    return caught.value.code


def used(pool: ConnectionPool[Fake], context: ReadContext | None = None) -> int:
    """Which connection a short use gets."""
    with pool.connection(context or within()) as found:
        return found.number


@contextmanager
def a_reader_that_hangs(pool: ConnectionPool[Fake]) -> Iterator[threading.Event]:
    """A thread that has a connection and does nothing with it; what is yielded lets it go on."""
    has_one, released = threading.Event(), threading.Event()

    def hang() -> None:
        with pool.connection(within(30)):
            has_one.set()
            released.wait(30)

    thread = threading.Thread(target=hang, daemon=True)
    thread.start()
    assert has_one.wait(5)
    try:
        yield released
    finally:
        released.set()
        thread.join(5)
    assert not thread.is_alive()


def test_a_whole_connection_is_used_again_for_the_next_read() -> None:
    pool, context = ConnectionPool(2, server := Server()), within()
    assert [used(pool), used(pool, context)] == [0, 0]
    assert server.opened[0].context is context
    assert not server.opened[0].closed


def test_the_connection_used_last_is_used_first() -> None:
    pool = ConnectionPool(2, Server())
    with pool.connection(within()) as first:
        with pool.connection(within()):
            pass
        assert first.number == 0
    assert used(pool) == 0


def test_one_that_was_left_half_read_is_destroyed() -> None:
    pool = ConnectionPool(1, server := Server())
    with pool.connection(within()) as found:
        found.is_whole = False
    assert server.opened[0].closed
    assert used(pool) == 1


def test_one_that_is_whole_survives_what_was_wrong_with_the_question() -> None:
    pool = ConnectionPool(1, Server())
    with pytest.raises(SourceError), pool.connection(within()):
        raise SourceError("S120", "no such table")
    assert used(pool) == 0


def test_a_transient_failure_ends_those_that_wait_too() -> None:
    pool = ConnectionPool(2, server := Server())
    with suppress(SourceError), pool.connection(within()) as broken:
        used(pool)
        broken.is_whole = False
        raise SourceError("S102", "lost", transient=True)
    assert [each.closed for each in server.opened] == [True, True]
    assert used(pool) == 2


def test_a_generator_left_early_gives_its_slot_back() -> None:
    pool = ConnectionPool(1, server := Server())

    def read() -> Iterator[int]:
        with pool.connection(within()) as found:
            found.is_whole = False
            yield 1
            yield 2

    batches = read()
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert server.opened[0].closed
    assert used(pool) == 1


def test_one_that_died_while_it_waited_is_replaced_and_so_are_those_beside_it() -> None:
    pool = ConnectionPool(2, server := Server())
    with pool.connection(within()):
        used(pool)
    server.opened[0].alive = False  # the one used last
    assert used(pool) == 2
    assert [each.closed for each in server.opened] == [True, True, False]


def test_one_that_waited_too_long_is_replaced() -> None:
    pool = ConnectionPool(1, server := Server(), idle_seconds=0.05)
    assert [used(pool), used(pool)] == [0, 0]
    time.sleep(0.1)
    assert used(pool) == 1
    assert server.opened[0].closed


def test_a_read_that_ends_while_its_connection_is_looked_at_leaves_none_behind() -> None:
    pool = ConnectionPool(1, server := Server())
    used(pool)
    attend = server.opened[0].attend

    def cancelled_meanwhile(context: ReadContext) -> bool:
        context.cancelled.set()
        return attend(context)

    server.opened[0].attend = cancelled_meanwhile  # type: ignore[method-assign]
    assert code_of(lambda: used(pool)) == "S104"
    assert server.opened[0].closed
    assert used(pool) == 1


@pytest.mark.parametrize(
    "failure", [SourceError("S101", "unreachable", transient=True), SourceError("S106", "refused"), KeyError("driver")]
)
def test_a_connection_that_cannot_be_opened_takes_no_slot(failure: Exception) -> None:
    pool = ConnectionPool(1, server := Server())
    for _ in range(3):
        server.failure = failure
        with pytest.raises(type(failure)):
            used(pool)
    server.failure = None
    assert used(pool) == 0


def test_who_waits_for_a_slot_waits_until_the_deadline_or_a_cancel() -> None:
    pool = ConnectionPool(1, server := Server())
    with a_reader_that_hangs(pool):
        begun = time.monotonic()
        assert code_of(lambda: used(pool, within(0.2))) == "S103"
        cancelled = within(20)
        threading.Timer(0.1, cancelled.cancelled.set).start()
        assert code_of(lambda: used(pool, cancelled)) == "S104"
        assert time.monotonic() - begun < 1.5
    assert used(pool) == 0
    assert len(server.opened) == 1


def test_who_waits_for_a_slot_gets_it_when_it_is_given_back() -> None:
    pool = ConnectionPool(1, Server())
    with a_reader_that_hangs(pool) as released:
        threading.Timer(0.1, released.set).start()
        assert used(pool, within(5)) == 0


def test_closing_ends_what_waits_at_once_and_what_is_used_when_it_comes_back() -> None:
    pool = ConnectionPool(2, server := Server())
    with a_reader_that_hangs(pool):
        assert used(pool) == 1
        begun = time.monotonic()
        pool.close()
        assert time.monotonic() - begun < 0.5, "closing waits for nobody"
        assert [each.closed for each in server.opened] == [False, True]
        assert code_of(lambda: used(pool)) == "S101"
        assert code_of(pool.check_open) == "S101"
    assert server.opened[0].closed
    pool.close()


def test_who_waits_for_a_slot_hears_of_the_close() -> None:
    pool = ConnectionPool(1, Server())
    with a_reader_that_hangs(pool):
        threading.Timer(0.1, pool.close).start()
        begun = time.monotonic()
        assert code_of(lambda: used(pool, within(10))) == "S101"
        assert time.monotonic() - begun < 1


def test_a_connection_that_was_being_opened_during_the_close_is_not_kept() -> None:
    server = Server()

    def open_slowly(context: ReadContext) -> Fake:
        pool.close()
        return server(context)

    pool: ConnectionPool[Fake] = ConnectionPool(1, open_slowly)
    assert used(pool) == 0
    assert server.opened[0].closed


def test_many_threads_never_have_more_than_there_are_slots_nor_one_together() -> None:
    pool, lock = ConnectionPool(3, server := Server()), threading.Lock()
    having: set[int] = set()
    most: list[int] = []

    def work(seed: int) -> None:
        for turn in range(60):
            with suppress(SourceError), pool.connection(within(20)) as found:
                with lock:
                    assert found.number not in having
                    having.add(found.number)
                    most.append(len(having))
                time.sleep(0.0005)
                found.is_whole = (seed + turn) % 7 != 0
                with lock:
                    having.remove(found.number)
                if (seed + turn) % 11 == 0:
                    raise SourceError("S102", "lost", transient=True)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(most) == 8 * 60, "a thread failed"
    assert max(most) <= 3
    assert sum(not each.closed for each in server.opened) <= 3
