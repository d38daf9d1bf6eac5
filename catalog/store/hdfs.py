"""The storage in HDFS, over WebHDFS: an object is written under a name of its own, and then renamed to a name that must not be taken.

What stands on this: the NameNode renames atomically, refuses a taken name, and answers after its edit log is synced, so a name that was
acknowledged survives its crash, and any later name that was acknowledged makes all earlier ones durable too. The content is on the disk of its
data nodes before it is renamed (SYNC_BLOCK). Checked on HDFS 3.4.1.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from catalog.store.errors import AlreadyThere, NotThere, OutcomeUnknown, StorageError
from catalog.store.local import TEMPORARY
from catalog.store.webhdfs import Lost, Refused, Unreachable, WebHdfs

_NOT_DONE = {
    "AccessControlException",
    "DSQuotaExceededException",
    "FileNotFoundException",
    "NSQuotaExceededException",
    "ParentNotDirectoryException",
    "SafeModeException",
    "SecurityException",
    "StandbyException",
}
"""Refusals of a rename: after any other one it may have been done."""

_STALE_MILLISECONDS = 3_600_000


class HdfsStorage:
    """A folder of an HDFS. `root`: its path."""

    def __init__(self, client: WebHdfs, root: str, place: str) -> None:
        self._client, self._root, self._place = client, root.rstrip("/"), place
        self._made: set[str] = set()

    @property
    def place(self) -> str:
        return self._place

    def create(self, name: str, content: bytes) -> None:
        folder = name.rpartition("/")[0]
        self._make_folder(TEMPORARY)
        self._make_folder(folder)
        temporary = self._path(f"{TEMPORARY}/{secrets.token_hex(12)}")
        try:
            with self._told(name):
                # Nothing depends on the temporary name: whatever goes wrong with it, nothing was made.
                self._client.call("PUT", temporary, "CREATE", content, overwrite="false", createflag="CREATE,SYNC_BLOCK")
            self._rename(temporary, name)
        except (StorageError, OutcomeUnknown):
            with suppress(Refused, Unreachable, Lost):
                self._client.call("DELETE", temporary, "DELETE", recursive="false")
            raise

    def _rename(self, temporary: str, name: str) -> None:
        path = self._path(name)
        try:
            answer = self._client.call("PUT", temporary, "RENAME", destination=path, renameoptions="NONE")
        except Unreachable as error:
            raise StorageError(f"{self._place}: it cannot be reached ({error})") from None
        except Lost as error:
            raise OutcomeUnknown(f"{self._place}/{name}: the answer was lost ({error}); it may have been made") from None
        except Refused as error:
            if error.kind == "FileAlreadyExistsException":
                raise AlreadyThere(f"{self._place}/{name} is there already") from None
            if error.kind in _NOT_DONE:
                raise StorageError(f"{self._place}/{name}: refused with {error}") from None
            raise OutcomeUnknown(f"{self._place}/{name}: refused with {error}; it may have been made") from None
        if answer is not None and not (isinstance(answer, dict) and answer.get("boolean") is True):
            # A server that knows no rename options (HttpFS) says `false`, and not why.
            raise self._why_not(name)

    def _why_not(self, name: str) -> StorageError:
        try:
            self.read(name)
        except NotThere:
            return StorageError(f"{self._place}/{name}: the rename was refused")
        return AlreadyThere(f"{self._place}/{name} is there already")

    def read(self, name: str) -> bytes:
        with self._told(name):
            content = self._client.call("GET", self._path(name), "OPEN")
        assert isinstance(content, bytes)
        return content

    def list(self, folder: str) -> list[str]:
        return sorted(str(status["pathSuffix"]) for status in self._statuses(folder))

    def _statuses(self, folder: str) -> Sequence[dict[str, Any]]:
        try:
            with self._told(folder):
                answer = self._client.call("GET", self._path(folder), "LISTSTATUS")
            found = [status for status in answer["FileStatuses"]["FileStatus"] if status["pathSuffix"]]
        except NotThere:
            return []
        except (TypeError, KeyError):
            raise StorageError(f"{self._place}/{folder}: the listing cannot be read") from None
        return found

    def delete(self, name: str) -> None:
        with suppress(NotThere), self._told(name):
            self._client.call("DELETE", self._path(name), "DELETE", recursive="false")

    def confirm(self, name: str) -> None:
        """Nothing to do: the record that will stand on this one is acknowledged with an edit log that is synced up to there, and so beyond this."""

    def tidy(self) -> int:
        statuses = self._statuses(TEMPORARY)
        newest = max((int(status["modificationTime"]) for status in statuses), default=0)  # by the NameNode's clock, as all of them
        old = [status for status in statuses if int(status["modificationTime"]) < newest - _STALE_MILLISECONDS]
        for status in old:
            self.delete(f"{TEMPORARY}/{status['pathSuffix']}")
        return len(old)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _make_folder(self, folder: str) -> None:
        if folder not in self._made:
            with self._told(folder):
                self._client.call("PUT", self._path(folder), "MKDIRS")
            self._made.add(folder)

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Failures of what changes no record, as the store knows them."""
        try:
            yield
        except Unreachable as error:
            raise StorageError(f"{self._place}: it cannot be reached ({error})") from None
        except Lost as error:
            raise StorageError(f"{self._place}/{name}: no whole answer ({error})") from None
        except Refused as error:
            if error.status == 404:
                raise NotThere(f"there is no {self._place}/{name}") from None
            raise StorageError(f"{self._place}/{name}: refused with {error}") from None
