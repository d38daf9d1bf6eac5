"""The log of a process: a private file in the user's state folder. No message of an exception gets into it."""

from __future__ import annotations

import io
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

from gateway.report import printable

LOG_NAME = "gateway.log"
_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
_LARGEST = 5_000_000


def log_file() -> Path:
    """$XDG_STATE_HOME/hospital-gateway/gateway.log"""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "hospital-gateway" / LOG_NAME


@contextmanager
def process_log() -> Iterator[None]:
    """Log warnings to the file while the block runs; where it cannot be written there is no file log."""
    handler = _file_handler()
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()


def log_to_stderr() -> logging.Handler:
    """Show what is logged on stderr as well (--verbose). The caller removes the handler."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(_FORMAT))
    logging.getLogger().addHandler(handler)
    return handler


def describe_exception(error: BaseException) -> str:
    """Kinds and places of an exception and its causes, without messages: those may hold values of patients."""
    found: list[str] = []
    current: BaseException | None = error
    while current is not None and len(found) < 5:
        frames = traceback.extract_tb(current.__traceback__)[-8:]
        places = " > ".join(f"{Path(frame.filename).name}:{frame.lineno}:{frame.name}" for frame in frames)
        found.append(f"{type(current).__module__}.{type(current).__name__} at {places}")
        current = current.__cause__ or current.__context__
    return "; after ".join(found)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        own = copy(record)
        own.exc_text = None  # another handler may have put the messages there
        return printable(super().format(own))

    def formatException(  # noqa: N802 (the name is logging's)
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        return "" if ei[1] is None else describe_exception(ei[1])


class _PrivateFile(RotatingFileHandler):
    def _open(self) -> io.TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600))


def _file_handler() -> logging.Handler:
    path = log_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return logging.NullHandler()
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        return logging.NullHandler()
    handler = _PrivateFile(path, maxBytes=_LARGEST, backupCount=1, delay=True)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(_Formatter(_FORMAT))
    return handler
