"""A line on the terminal while a long answer is under way; nothing where stderr is not a terminal."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status


class Progress:
    """Shows a spinner on stderr until rows are written to the same terminal; when they go elsewhere, counts them to the end."""

    def __init__(self, text: str = "asking the hospitals …") -> None:
        self._text = text
        self._status: Status | None = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status(self._text)
            self._status.start()
        return self

    def advance(self, rows: int) -> None:
        if self._status is None:
            return
        if sys.stdout.isatty():
            self._stop()
        else:
            self._status.update(f"{rows:,} rows …")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None
