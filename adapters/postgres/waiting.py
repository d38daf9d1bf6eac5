"""Waiting for a socket in slices, so that no wait outlasts the reader's deadline or cancel by more than one."""

from __future__ import annotations

import select

from psycopg import pq

from adapters.interface import ReadContext

SLICE = 50
"""Milliseconds of one wait, after which deadline and cancel are looked at again."""

EVENTS = {int(pq.PollingStatus.READING): select.POLLIN, int(pq.PollingStatus.WRITING): select.POLLOUT}
"""What libpq waits for, as poll(2) calls it."""


def wait_for(descriptor: int, events: int, context: ReadContext) -> int:
    """The events that happened; raises when the context is over."""
    while True:
        context.check()
        happened = happens(descriptor, events, SLICE)
        if happened:
            return happened


def happens(descriptor: int, events: int, milliseconds: float) -> int:
    poll = select.poll()  # not select(2), which knows no more than 1,024 open files
    poll.register(descriptor, events)
    return next((happened for _, happened in poll.poll(milliseconds)), 0)
