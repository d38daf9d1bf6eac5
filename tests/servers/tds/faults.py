"""What the server is told to do wrong, and what it noted of its clients. Shared by all sessions; set through the control channel."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.servers.tds.errors import SqlServerError

_SLICE = 0.02


@dataclass(slots=True)
class Faults:
    """All off at first. `delay` and `row_delay` are in seconds, `drop_mid_row` and `error_after_rows` in rows that come before."""

    delay: float = 0
    """Before every request is looked at."""
    row_delay: float = 0
    """Before every row."""
    drop_mid_row: int | None = None
    """After so many whole rows, half a row, then the connection ends."""
    resets: bool = False
    """The connection ends with a reset, not in order."""
    error_after_rows: int | None = None
    """After so many rows, error 8115 in place of the next."""
    refuse_login: bool = False
    deaf_to_attention: bool = False
    must_encrypt: bool = False
    """The server asks every client for TLS."""
    noted: list[str] = field(default_factory=list)
    """The statements that clients sent, as they came."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def clear(self) -> None:
        self.delay = self.row_delay = 0
        self.drop_mid_row = self.error_after_rows = None
        self.resets = self.refuse_login = self.deaf_to_attention = False

    def change(self, changes: dict[str, Any]) -> None:
        """Raises ValueError for a switch that is none."""
        known = {"delay", "row_delay", "drop_mid_row", "resets", "error_after_rows", "refuse_login", "deaf_to_attention"}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"no fault {name}; there are {', '.join(sorted(known))}")
            setattr(self, name, value)

    def note(self, statement: str) -> None:
        with self.lock:
            self.noted.append(statement)

    def statements(self) -> list[str]:
        with self.lock:
            return list(self.noted)

    def forget(self) -> None:
        with self.lock:
            self.noted.clear()

    def wait(self, stop: Callable[[], bool]) -> None:
        _sleep(self.delay, stop)

    def before_row(self, place: int, stop: Callable[[], bool]) -> None:
        if self.row_delay:
            _sleep(self.row_delay, stop)
        if self.error_after_rows is not None and place == self.error_after_rows:
            raise SqlServerError(8115, "Arithmetic overflow error converting expression to data type int.")

    def drops_after(self, place: int) -> bool:
        return self.drop_mid_row is not None and place == self.drop_mid_row


def _sleep(seconds: float, stop: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not stop() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, _SLICE))
