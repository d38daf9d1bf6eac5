"""The storage in a local folder: a hidden file is written and fsynced, then linked to its name, then the folder is fsynced.

Why a link and not a rename: `link` refuses a name that is taken, `rename` replaces it; and between O_EXCL and the last byte a file under its
final name would be half visible. What stands on this: POSIX, hard links in one file system, fsync that tells of errors. NFS keeps it too (the link is one
operation of the server; a lost answer that is asked for again looks like "taken", so the number of links decides). A file system without hard links is refused.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

from catalog.store.disk import Disk, RealDisk
from catalog.store.errors import AlreadyThere, Misconfigured, NotThere, OutcomeUnknown, StorageError

TEMPORARY = "temporary"
_STALE_SECONDS = 3600.0
"""A file in temporary/ that is older belongs to a writer that was killed; if it was only slow, its link fails and nothing is made."""

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV, errno.EMLINK}
_NOT_DONE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}
"""Refusals of a link: after any other error it may have been made, or still be made."""


class LocalStorage:
    """A folder of this machine, or one that it has mounted."""

    def __init__(self, folder: str | Path, *, disk: Disk | None = None) -> None:
        self._root = os.path.abspath(folder)
        self._disk = disk if disk is not None else RealDisk()
        self._durable: set[str] = set()  # folders that this process has made sure of

    @property
    def place(self) -> str:
        return self._root

    def create(self, name: str, content: bytes) -> None:
        folder = os.path.dirname(name)
        self._make_folders(TEMPORARY)
        self._make_folders(folder)
        temporary = self._path(f"{TEMPORARY}/{secrets.token_hex(12)}")
        try:
            self._write(temporary, content)
            self._link(temporary, name)
        except OSError as error:
            raise self._failed(error, name) from None
        finally:
            with suppress(OSError):
                self._disk.unlink(temporary)
        try:
            self._disk.sync_existing(self._path(folder))
        except OSError as error:
            # The name is there, perhaps only until the power fails: never to be called done, and never tried again as if nothing were.
            raise OutcomeUnknown(f"{self._path(name)}: the folder could not be made durable ({_kind(error)})") from None

    def read(self, name: str) -> bytes:
        try:
            return self._disk.read(self._path(name))
        except FileNotFoundError:
            raise NotThere(f"there is no {self._path(name)}") from None
        except OSError as error:
            raise self._failed(error, name) from None

    def list(self, folder: str) -> list[str]:
        try:
            return sorted(self._disk.list(self._path(folder)))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._failed(error, folder) from None

    def delete(self, name: str) -> None:
        try:
            self._disk.unlink(self._path(name))
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._failed(error, name) from None

    def confirm(self, name: str) -> None:
        """Whoever created it may have been killed between the link and the fsync of the folder."""
        path = self._path(name)
        try:
            self._disk.sync_existing(path)
            folder = os.path.dirname(path)
            self._disk.sync_existing(folder)
            self._disk.sync_existing(os.path.dirname(folder))
        except FileNotFoundError:
            raise NotThere(f"there is no {path}") from None
        except OSError as error:
            raise self._failed(error, name) from None

    def tidy(self) -> int:
        removed = 0
        for name in self.list(TEMPORARY):
            path = self._path(f"{TEMPORARY}/{name}")
            with suppress(OSError):
                if time.time() - os.stat(path).st_mtime > _STALE_SECONDS:
                    self._disk.unlink(path)
                    removed += 1
        return removed

    def _path(self, name: str) -> str:
        return os.path.join(self._root, *name.split("/")) if name else self._root

    def _make_folders(self, folder: str) -> None:
        """Make the folder and those above it. Each name is durable before anything is put below it, also where another process made it."""
        path = self._path(folder)
        if path in self._durable:
            return
        chain = [path]
        while chain[-1] != self._root:
            chain.append(os.path.dirname(chain[-1]))
        while not os.path.isdir(os.path.dirname(chain[-1])):
            chain.append(os.path.dirname(chain[-1]))
        for path in reversed(chain):
            try:
                with suppress(FileExistsError):
                    self._disk.make_folder(path)
                self._disk.sync_existing(os.path.dirname(path))
            except OSError as error:
                raise self._failed(error, folder) from None
            self._durable.add(path)

    def _write(self, path: str, content: bytes) -> None:
        """All of the content, durable. A write may take less than it was given."""
        file = self._disk.create(path)
        try:
            rest = memoryview(content)
            while rest:
                written = self._disk.write(file, bytes(rest))
                if written <= 0:
                    raise OSError(errno.EIO, "nothing was written")
                rest = rest[written:]
            self._disk.sync(file)
        finally:
            self._disk.close(file)

    def _link(self, temporary: str, name: str) -> None:
        try:
            self._disk.link(temporary, self._path(name))
        except OSError as error:
            if error.errno in _NO_LINKS:
                raise Misconfigured(
                    f"{self._root}: the file system has no hard links ({_kind(error)})", "name a folder on a file system that has them"
                ) from None
            if self._linked(temporary):
                return
            if isinstance(error, FileExistsError):
                raise AlreadyThere(f"{self._path(name)} is there already") from None
            if error.errno in _NOT_DONE:
                raise
            # A file server may still carry out what it was asked for.
            raise OutcomeUnknown(f"{self._path(name)}: it cannot be said whether it was made ({_kind(error)})") from None

    def _linked(self, temporary: str) -> bool:
        """Whether the link was made although the call failed, as when the answer of a file server got lost."""
        try:
            return self._disk.link_count(temporary) > 1
        except OSError as error:
            raise OutcomeUnknown(f"{self._root}: it cannot be said whether a link was made ({_kind(error)})") from None

    def _failed(self, error: OSError, name: str) -> StorageError:
        return StorageError(f"{self._path(name)}: {_kind(error)}")


def _kind(error: OSError) -> str:
    """The error's name, such as ENOSPC."""
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
