"""Follows the log of another process, and always says how old what it knows may be."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock

from catalog.store.errors import StoreError
from catalog.store.log import Opened, catch_up, open_log
from catalog.store.record import Image
from catalog.store.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a follower knows. `staleness`: seconds since it last knew that nothing is newer. `problem`: why the last look failed, or None."""

    image: Image
    staleness: float
    problem: StoreError | None
    notes: tuple[str, ...] = ()


class Follower:
    """Reads the log again and again; keeps the last sound image when the storage is away or damaged. Safe for threads."""

    def __init__(self, storage: Storage, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises Damaged, StorageError: there must be something to follow. `clock` never goes back."""
        self._storage, self._clock = storage, clock
        self._lock = Lock()
        asked = clock()
        self._known = _Known(open_log(storage), asked, None)

    def view(self) -> View:
        """Without I/O."""
        known = self._known
        staleness = self._clock() - known.asked
        return View(image=known.opened.image, staleness=staleness, problem=known.problem, notes=known.opened.notes)

    def refresh(self) -> View:
        """Look at the storage. Raises nothing: a failure is in the view, beside the image of before and its age."""
        with self._lock:
            asked = self._clock()  # what was written before the question is in the answer, what came during it may not be
            try:
                self._known = _Known(catch_up(self._storage, self._known.opened.image), asked, None)
            except StoreError as error:
                self._known = replace(self._known, problem=error)
            return self.view()


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read, when it was asked for, and why a later look failed. Replaced as a whole, so that readers need no lock."""

    opened: Opened
    asked: float
    problem: StoreError | None
