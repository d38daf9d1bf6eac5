"""The calls of the operating system that the local folder stands on, so that tests can let each of them fail."""

from __future__ import annotations

import os
from typing import Protocol

try:
    import fcntl
except ImportError:  # not a POSIX system: opening a folder to fsync it fails there, and so does every write
    fcntl = None  # type: ignore[assignment]


class Disk(Protocol):
    """Each call is one call of the system and raises OSError as it does."""

    def make_folder(self, path: str) -> None: ...
    def create(self, path: str) -> int: ...
    def write(self, file: int, content: bytes) -> int: ...
    def sync(self, file: int) -> None: ...
    def close(self, file: int) -> None: ...
    def sync_existing(self, path: str) -> None: ...
    def link(self, path: str, new: str) -> None: ...
    def link_count(self, path: str) -> int: ...
    def unlink(self, path: str) -> None: ...
    def read(self, path: str) -> bytes: ...
    def list(self, path: str) -> list[str]: ...


class RealDisk:
    """The machine's own."""

    def make_folder(self, path: str) -> None:
        os.mkdir(path)

    def create(self, path: str) -> int:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o644)

    def write(self, file: int, content: bytes) -> int:
        return os.write(file, content)

    def sync(self, file: int) -> None:
        full = getattr(fcntl, "F_FULLFSYNC", None)
        if full is not None:  # macOS: its fsync leaves the content in the cache of the drive
            fcntl.fcntl(file, full)
        else:
            os.fsync(file)

    def close(self, file: int) -> None:
        os.close(file)

    def sync_existing(self, path: str) -> None:
        """fsync of a file or folder that is there."""
        file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            self.sync(file)
        finally:
            os.close(file)

    def link(self, path: str, new: str) -> None:
        os.link(path, new)

    def link_count(self, path: str) -> int:
        return os.stat(path).st_nlink

    def unlink(self, path: str) -> None:
        os.unlink(path)

    def read(self, path: str) -> bytes:
        with open(path, "rb") as stream:
            return stream.read()

    def list(self, path: str) -> list[str]:
        return os.listdir(path)
