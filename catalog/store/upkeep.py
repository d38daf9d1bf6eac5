"""Writes checkpoints and removes what no reader needs, by policy. Runs beside any writer, in any process, several times at once."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.store.errors import AlreadyThere, Damaged, Misconfigured, NotThere
from catalog.store.log import Opened, checkpoint_name, checkpoint_numbers, open_log, read_checkpoint, record_name, record_numbers
from catalog.store.record import Image
from catalog.store.storage import Storage

KEPT_CHECKPOINTS = 2
MARGIN = 100
"""So many records before the older checkpoint always stay: a writer that is quick to be overtaken still finds what came after its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`checkpoint_every`: records after which a checkpoint is due. `keep_records`: None keeps all history; else at least so many records stay."""

    checkpoint_every: int = 100
    keep_records: int | None = None

    def __post_init__(self) -> None:
        if self.checkpoint_every < 1 or (self.keep_records is not None and self.keep_records < 0):
            raise Misconfigured("checkpoint_every must be at least 1, keep_records at least 0, or None to keep all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tended:
    """What was done: the number of a new checkpoint or None, and how many objects were removed."""

    checkpoint: int | None = None
    removed_checkpoints: int = 0
    removed_records: int = 0


def tend(storage: Storage, policy: Policy, *, now: bool = False) -> Tended:
    """Write a checkpoint if one is due (or `now`), then remove by the policy. Raises Damaged, StorageError; the catalog is whole all the same."""
    opened = open_log(storage)
    written = None
    if opened.image.number > opened.checkpoint and (now or is_due(opened, policy)):
        write_checkpoint(storage, opened.image)
        written = opened.image.number
    checkpoints, records = remove_old(storage, policy)
    storage.tidy()
    return Tended(checkpoint=written, removed_checkpoints=checkpoints, removed_records=records)


def is_due(opened: Opened, policy: Policy) -> bool:
    return opened.image.number - opened.checkpoint >= policy.checkpoint_every


def write_checkpoint(storage: Storage, image: Image) -> None:
    """Raises Damaged if an unreadable checkpoint of that number stands in the way: the next record's will not meet it."""
    try:
        storage.create(checkpoint_name(image.number), image.seal())
    except AlreadyThere:
        if read_checkpoint(storage, image.number) != image:
            raise Damaged(checkpoint_name(image.number), "it is the image of another history") from None


def keep_copy(image: Image, copy: Storage) -> bool:
    """Put the image into another storage as a checkpoint, as a standby does of what it follows; whether it was not there yet.

    The copy opens like any catalog, with this revision as its beginning; whoever goes on with it takes over (Writer with `takeover`).
    """
    if image.number == 0 or image.number in checkpoint_numbers(copy):
        return False
    write_checkpoint(copy, image)
    remove_old(copy, Policy())
    return True


def remove_old(storage: Storage, policy: Policy) -> tuple[int, int]:
    """Remove checkpoints older than the two newest sound ones, and records that the policy does not keep. How many of each.

    Nothing is removed unless two sound checkpoints were just read, and never a record that follows the older of them.
    """
    sound: list[int] = []
    older: list[int] = []
    for number in reversed(checkpoint_numbers(storage)):
        if len(sound) == KEPT_CHECKPOINTS:
            older.append(number)
        elif _is_sound(storage, number):
            sound.append(number)
    if len(sound) < KEPT_CHECKPOINTS:
        return 0, 0
    for number in older:
        storage.delete(checkpoint_name(number))
    records = _records_to_remove(storage, policy, newest=sound[0], oldest=sound[-1])
    for number in records:  # oldest first: what is left has no hole when this is cut short
        storage.delete(record_name(number))
    return len(older), len(records)


def _records_to_remove(storage: Storage, policy: Policy, *, newest: int, oldest: int) -> list[int]:
    if policy.keep_records is None:
        return []
    last = min(oldest - MARGIN, newest - policy.keep_records)
    return [number for number in record_numbers(storage, 1) if number <= last] if last > 0 else []


def _is_sound(storage: Storage, number: int) -> bool:
    try:
        read_checkpoint(storage, number)
    except (Damaged, NotThere):
        return False
    return True
