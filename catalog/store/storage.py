"""What the catalog's log needs of a file system: whole objects, created once and never changed."""

from __future__ import annotations

from typing import Protocol


class Storage(Protocol):
    """Objects by name, in folders: `records/000000001/000000001234.json`. Every call blocks, and ends.

    Each may raise StorageError. Names are made by the store itself, never by a user.
    """

    @property
    def place(self) -> str:
        """Where it is, for messages. Holds no secret."""
        ...

    def create(self, name: str, content: bytes) -> None:
        """Make the object, if none of that name is there: whole or not at all, whoever else tries it at the same time.

        It is durable when this returns. Raises AlreadyThere if the name was taken (what is there is untouched), StorageError if
        nothing was made, OutcomeUnknown if that cannot be said.
        """
        ...

    def read(self, name: str) -> bytes:
        """The whole object as it was created. Raises NotThere."""
        ...

    def list(self, folder: str) -> list[str]:
        """The names of the objects and folders directly in the folder, without its own name, sorted. Empty if there is no folder."""
        ...

    def delete(self, name: str) -> None:
        """Remove the object; it is no error if there is none. Only ever called for what no reader needs."""
        ...

    def confirm(self, name: str) -> None:
        """Make durable what this process has read but not created itself, so that it may be built upon."""
        ...

    def tidy(self) -> int:
        """Remove what writers that were killed left behind; how many objects that were. Never touches an object that has its name."""
        ...
