"""Follows the log of another process, and always says how old what it knows may be."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from catalog.store.errors import StoreError
from catalog.store.log import catch_up, open_log
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
        opened = open_log(storage)
        self._image, self._notes, self._known_at = opened.image, opened.notes, asked
        self._problem: StoreError | None = None

    def view(self) -> View:
        """Without I/O."""
        return View(image=self._image, staleness=self._clock() - self._known_at, problem=self._problem, notes=self._notes)

    def refresh(self) -> View:
        """Look at the storage. Raises nothing: a failure is in the view, beside the image of before and its age."""
        with self._lock:
            asked = self._clock()  # what was written before the question is in the answer, what came during it may not be
            try:
                opened = catch_up(self._storage, self._image)
            except StoreError as error:
                self._problem = error
            else:
                self._image, self._notes, self._known_at, self._problem = opened.image, opened.notes, asked, None
            return self.view()
