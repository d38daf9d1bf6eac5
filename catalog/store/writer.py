"""Appends to the log. Creating a record that must not be there yet is the lock: of two writers, one is told that it lost."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from threading import Lock

from catalog.store.documents import Change, Documents, change_between, load_documents
from catalog.store.errors import AlreadyThere, Conflict, Damaged, Fenced, Misconfigured, NotThere, OutcomeUnknown, StorageError, StoreError
from catalog.store.log import (
    Fault,
    Opened,
    catch_up,
    checkpoint_numbers,
    open_log,
    read_checkpoint,
    read_record,
    record_name,
    record_numbers,
)
from catalog.store.record import Image, Kind, Record
from catalog.store.storage import Storage

_ATTEMPTS = 20
"""How often somebody else may come first before a takeover gives up; a change gives up at once."""

Validation = Callable[[Mapping[str, str]], str]
"""Gives the loader's digest of the documents, or raises CatalogError."""


def validated(documents: Mapping[str, str]) -> str:
    return load_documents(documents).revision


class Writer:
    """One process's right to append, in the epoch that was in force when it was opened, or in one of its own (`takeover`).

    After an error of the storage while it wrote, a writer is stopped for good: what it holds of the log may be wrong. Open another; the
    log then shows whether the record is there. Safe for threads.
    """

    def __init__(
        self, storage: Storage, *, who: str, takeover: bool = False, why: str = "a writer starts", validate: Validation = validated
    ) -> None:
        """Raises Misconfigured without a `who`, Damaged, StorageError, OutcomeUnknown; with `takeover` Conflict, if others are always faster."""
        if not who.strip():
            raise Misconfigured("a writer has a name", "say who makes the change")
        self._storage, self._who, self._validate = storage, who, validate
        self._id = secrets.token_hex(16)
        self._lock = Lock()
        self._stopped: StoreError | None = None
        opened = open_log(storage)
        self._image, self._own = opened.image, 0
        self.notes = opened.notes
        self._epoch = self._take_over(opened, why) if takeover else opened.image.epoch

    @property
    def image(self) -> Image:
        """The catalog as this writer last saw it."""
        return self._image

    @property
    def epoch(self) -> int:
        return self._epoch

    def append(self, documents: Mapping[str, str], *, base: int, why: str, who: str | None = None) -> Record | None:
        """Make the documents the next revision and return its record; None if they are the current ones already.

        `base`: the revision that the change was made from. When this returns, the revision survives any crash. Raises CatalogError if the
        documents are no catalog (nothing is written then), Conflict if `base` is not the current revision, Fenced if another writer has taken over,
        OutcomeUnknown if the record may or may not be there, StorageError if it is not.
        """
        with self._lock:
            self._check_running()
            opened = self._catch_up()
            self._check_base(base)
            change = change_between(self._image.documents, documents)
            if not change:
                return None
            after = self._image.documents.changed_by(change)
            snapshot = self._validate(after)
            for _ in range(_ATTEMPTS):
                record = self._create(self._record(opened.next_number, "revision", change, after, snapshot, who or self._who, why))
                if record is not None:
                    return record
                opened = self._catch_up()
                self._check_base(base)
            raise Conflict("others kept coming first, and left only torn records", "look at what else writes into this storage")

    def _check_running(self) -> None:
        if self._stopped is not None:
            raise OutcomeUnknown(f"this writer has stopped: {self._stopped.fact}", "open the catalog for writing again")

    def _catch_up(self) -> Opened:
        opened = catch_up(self._storage, self._image)
        self._image = opened.image
        if opened.image.epoch != self._epoch:
            raise Fenced(opened.image.epoch, opened.image.holder)
        return opened

    def _check_base(self, base: int) -> None:
        if base == self._image.revision:
            return
        winners = tuple(record for record in records_after(self._storage, base) if record.kind == "revision")
        told = f": {', '.join(f'{record.number} by {record.who}' for record in winners[-3:])}" if winners else ""
        fact = f"the change was made from revision {base}, the catalog is at {self._image.revision}{told}"
        raise Conflict(fact, "look at what changed meanwhile and plan again", winners=winners)

    def _record(self, number: int, kind: Kind, change: Change, after: Documents, snapshot: str, who: str, why: str) -> Record:
        return Record(
            number=number,
            after=self._image.number,
            previous=self._image.digest,
            epoch=self._epoch if kind == "revision" else self._image.epoch + 1,
            kind=kind,
            writer=self._id,
            who=_one_line(who),
            why=why.strip().encode(errors="replace").decode(),
            when=datetime.now(UTC).isoformat(timespec="seconds"),
            change=change,
            content=after.digest,
            snapshot=snapshot,
        )

    def _create(self, record: Record) -> Record | None:
        """The record once it is durable and known to be part of the history, None if its number was taken."""
        try:
            if self._image.number not in (0, self._own):
                self._confirm_foundation()
            content, record = record.seal()
            try:
                self._storage.create(record_name(record.number), content)
            except AlreadyThere:
                return None
            _check_not_in_the_past(self._storage, record)
        except (StorageError, OutcomeUnknown, Conflict) as error:
            self._stopped = error
            raise
        self._image = self._image.after(record)
        self._own = record.number
        return record

    def _confirm_foundation(self) -> None:
        try:
            self._storage.confirm(record_name(self._image.number))
        except NotThere:  # compacted: a checkpoint stands for it
            return

    def _take_over(self, opened: Opened, why: str) -> int:
        for _ in range(_ATTEMPTS):
            image = self._image
            record = self._create(self._record(opened.next_number, "takeover", Change(), image.documents, image.snapshot, self._who, why))
            if record is not None:
                return record.epoch
            opened = catch_up(self._storage, self._image)
            self._image = opened.image
        raise Conflict("others kept coming first", "try again when fewer processes start at once")


def records_after(storage: Storage, number: int) -> list[Record]:
    """The sound records after a number, as far as they were not compacted away."""
    found = (read_record(storage, each) for each in record_numbers(storage, number + 1))
    return [record for record in found if isinstance(record, Record)]


def _check_not_in_the_past(storage: Storage, record: Record) -> None:
    """A record may have been created where the log was long past, by a writer that slept meanwhile.

    Its number was free only because that part of the log was compacted away: then a checkpoint stands for it; or because the record was lost
    by damage: then what follows does not stand on it. Either way it is no part of the history and is taken away again.
    """
    try:
        if _is_history(storage, record):
            return
    except (StorageError, Damaged) as error:
        raise OutcomeUnknown(f"record {record.number} was written, but not seen to be part of the history: {error.fact}") from None
    storage.delete(record_name(record.number))
    raise Conflict(f"the log had gone on past record {record.number} while this writer slept", "open the catalog again")


def _is_history(storage: Storage, record: Record) -> bool:
    numbers = record_numbers(storage, record.number)
    if record.number not in numbers:
        raise Damaged(record_name(record.number), "the storage said that it is written, and it is not there", number=record.number)
    for number in numbers[1:]:
        found = read_record(storage, number)
        if isinstance(found, Fault):
            continue
        return found.after == record.number and found.previous == record.digest
    later = [number for number in checkpoint_numbers(storage) if number >= record.number]
    return not later or (later[0] == record.number and read_checkpoint(storage, record.number).digest == record.digest)


def _one_line(text: str) -> str:
    return " ".join(text.encode(errors="replace").decode().split())
