"""What can go wrong with the store of the catalog. A broken mapping is no such thing: that is catalog.errors.CatalogError.

StoreError
├── StorageError            C401  the storage did not do what was asked; nothing is known to have changed
│   ├── NotThere                  there is no object of that name
│   └── AlreadyThere              an object of that name was there before: it is untouched
├── OutcomeUnknown          C402  a write may or may not have happened; the writer stops, and whoever opens the store again sees which
├── Damaged                 C403  an object of the log is missing or not what was written, and nothing says that it may be passed over
├── Conflict                C404  somebody else's revision came first; `winners` has what it was
├── Fenced                  C405  another writer has taken over; this one may not write any more
├── NoSuchRevision          C406  no revision of that number, or its history was compacted away
└── Misconfigured           C407  the URL or a policy is not one that the store can be trusted with
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from catalog.store.record import Record


class StoreError(Exception):
    """Fact: short, lower case, no full stop. Hint: what to do. Neither ever holds a secret or a driver's text."""

    code: ClassVar[str] = "C401"

    def __init__(self, fact: str, hint: str = "") -> None:
        super().__init__(fact + (f"; {hint}" if hint else ""))
        self.fact, self.hint = fact, hint


class StorageError(StoreError):
    pass


class NotThere(StorageError):
    pass


class AlreadyThere(StorageError):
    pass


class OutcomeUnknown(StoreError):
    code = "C402"


class Damaged(StoreError):
    """`place`: the object, as it is named in the storage. `number`: of the record, None for a checkpoint or an image."""

    code = "C403"

    def __init__(self, place: str, fact: str, hint: str = "", *, number: int | None = None) -> None:
        super().__init__(f"{place}: {fact}", hint)
        self.place, self.number = place, number


class Conflict(StoreError):
    """`winners`: the records that came after the one which the loser had seen, oldest first."""

    code = "C404"

    def __init__(self, fact: str, hint: str = "", *, winners: tuple[Record, ...] = ()) -> None:
        super().__init__(fact, hint)
        self.winners = winners


class Fenced(StoreError):
    """`epoch`: the one that is in force; `holder`: who took it."""

    code = "C405"

    def __init__(self, epoch: int, holder: str) -> None:
        super().__init__(f"{holder} has taken over (epoch {epoch})", "open the store for writing again if this process is to write")
        self.epoch, self.holder = epoch, holder


class NoSuchRevision(StoreError):
    code = "C406"


class Misconfigured(StoreError):
    code = "C407"
