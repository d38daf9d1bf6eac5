"""A bounded cache that many threads may use: one planner serves every front door at once, and cachetools' caches are not locked."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from cachetools import LRUCache

_K = TypeVar("_K")
_V = TypeVar("_V")


class SharedCache(Generic[_K, _V]):
    """Keeps the `size` values used last. Two threads that miss at once both make the value; either is right to use."""

    def __init__(self, size: int) -> None:
        self._values: LRUCache[_K, _V] = LRUCache(size)
        self._lock = Lock()

    def get(self, key: _K, make: Callable[[], _V]) -> _V:
        """The value of `key`, made if it is not there. What `make` raises is raised, and nothing is kept."""
        with self._lock:
            found = self._values.get(key)
        if found is None:
            found = make()
            with self._lock:
                self._values[key] = found
        return found
