"""Reads the log: the newest sound checkpoint, and the records after it.

    records/000000001/000000001234.json      record 1234, in the folder of its thousand
    checkpoints/000000001200.json            the image after record 1200

Opening never writes. A torn record at the end is left out and said: nobody was told that it is safe. Anything else that is missing or not
what was written refuses to open, with its place; catalog/store/repair.py is the explicit way on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from catalog.store.envelope import Sealed, Unsound, unseal
from catalog.store.errors import Damaged, NotThere
from catalog.store.record import Image, Record, image_of, record_of
from catalog.store.storage import Storage

RECORDS = "records"
CHECKPOINTS = "checkpoints"
_FOLDER_SIZE = 1000
_FOLDER = re.compile(r"[0-9]{9}")
_NAME = re.compile(r"([0-9]{12})\.json")


def record_name(number: int) -> str:
    return f"{RECORDS}/{number // _FOLDER_SIZE:09d}/{number:012d}.json"


def checkpoint_name(number: int) -> str:
    return f"{CHECKPOINTS}/{number:012d}.json"


@dataclass(frozen=True, slots=True)
class Fault:
    """A record that could not be taken into the image. `record`: its content, if it could be read at all."""

    number: int
    torn: bool
    fact: str
    record: Record | None = None

    def damage(self) -> Damaged:
        return Damaged(record_name(self.number), self.fact, "`catalog repair` shows what can be kept", number=self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The log as it was read.

    `image`: the catalog of today. `records`: those that were read after the checkpoint or image that the reading began with. `checkpoint`:
    the number it began with. `next_number`: the first that no record has, sound or not. `torn`: records at the end that were left out.
    `notes`: what is wrong but not needed, in words (a checkpoint that cannot be read, say).
    """

    image: Image
    records: tuple[Record, ...]
    checkpoint: int
    next_number: int
    torn: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Records applied to an image as far as they go; `faults`: what is in the way behind it."""

    image: Image
    records: tuple[Record, ...]
    next_number: int
    faults: tuple[Fault, ...]


def open_log(storage: Storage) -> Opened:
    """The catalog of today. Raises Damaged, StorageError.

    If the newest checkpoint cannot be read, or the records do not go on from it, the older one and a longer log are taken.
    """
    notes: list[str] = []
    damage: Damaged | None = None
    for start in starting_images(storage, notes):
        replay = replay_from(storage, start)
        try:
            return _opened(replay, start.number, tuple(notes))
        except Damaged as error:
            damage = damage or error
            notes.append(f"the records do not go on from checkpoint {start.number}: {error.fact}")
    assert damage is not None  # the empty image is always tried
    raise damage


def catch_up(storage: Storage, image: Image) -> Opened:
    """The catalog of today, for whoever has read it as `image` before: only what is new is read. Raises Damaged, StorageError.

    Damaged also if the log ends before what was read: history does not go back.
    """
    numbers = record_numbers(storage, image.number)
    newest = max(checkpoint_numbers(storage), default=0)
    if image.number and image.number not in numbers and newest < image.number:
        raise Damaged(
            record_name(image.number),
            "the record is gone, though it had been read",
            "the storage was changed from outside; look for the folder of before",
            number=image.number,
        )
    replay = _replay(storage, image, [number for number in numbers if number > image.number])
    damage: Damaged | None = None
    try:
        opened = _opened(replay, image.number, ())
        if newest <= opened.image.number:
            return opened
    except Damaged as error:
        damage = error
    fresh = open_log(storage)
    if fresh.checkpoint > image.number:  # this process slept while the records it needs were compacted away, or only copies are kept here
        return fresh
    if fresh.image.number > image.number and fresh.image.epoch > image.epoch:  # what it had read was given up by a repair
        return fresh
    if damage is not None:
        raise damage
    return opened


def starting_images(storage: Storage, notes: list[str]) -> Iterator[Image]:
    """The images that reading may begin with, best first: sound checkpoints, newest first, then the empty catalog."""
    for number in reversed(checkpoint_numbers(storage)):
        try:
            yield read_checkpoint(storage, number)
        except (Damaged, NotThere) as error:  # NotThere: deleted since the folder was listed, so a newer one was there
            notes.append(error.fact)
    yield Image()


def replay_from(storage: Storage, image: Image, until: int | None = None) -> Replay:
    """The image with the records after it applied, as far as they go; none after `until`."""
    numbers = record_numbers(storage, image.number + 1)
    return _replay(storage, image, [number for number in numbers if until is None or number <= until])


def _replay(storage: Storage, image: Image, numbers: list[int]) -> Replay:
    records: list[Record] = []
    faults: list[Fault] = []
    expected = image.number + 1
    for number in numbers:
        faults.extend(Fault(missing, False, "the record is missing") for missing in range(expected, min(number, expected + _FOLDER_SIZE)))
        expected = number + 1
        found = read_record(storage, number)
        if isinstance(found, Fault):
            faults.append(found)
            continue
        try:
            image = image.after(found)
        except ValueError as error:
            faults.append(Fault(number, False, str(error), found))
            continue
        records.append(found)
        faults.clear()  # it stands on the record before them, and so says that they are passed over
    return Replay(image=image, records=tuple(records), next_number=expected, faults=tuple(faults))


def _opened(replay: Replay, checkpoint: int, notes: tuple[str, ...]) -> Opened:
    """A tail that was torn is left out; any other fault is damage."""
    if any(not fault.torn for fault in replay.faults):
        raise replay.faults[0].damage()
    torn = tuple(fault.number for fault in replay.faults)
    said = tuple(f"record {fault.number} was left out: {fault.fact}; nobody was told that it is safe" for fault in replay.faults)
    return Opened(
        image=replay.image, records=replay.records, checkpoint=checkpoint, next_number=replay.next_number, torn=torn, notes=notes + said
    )


def record_numbers(storage: Storage, start: int) -> list[int]:
    """The numbers of the records that are there, from `start` on, in order. Other names in the folders are passed over."""
    folders = [name for name in storage.list(RECORDS) if _FOLDER.fullmatch(name) and int(name) >= start // _FOLDER_SIZE]
    found: list[int] = []
    for folder in folders:
        numbers = _numbers(storage.list(f"{RECORDS}/{folder}"))
        found.extend(number for number in numbers if number >= start and number // _FOLDER_SIZE == int(folder))
    return found


def checkpoint_numbers(storage: Storage) -> list[int]:
    """In order."""
    return _numbers(storage.list(CHECKPOINTS))


def _numbers(names: list[str]) -> list[int]:
    return sorted(int(match[1]) for name in names if (match := _NAME.fullmatch(name)))


def read_record(storage: Storage, number: int) -> Record | Fault:
    """Raises StorageError if it is not known what is there."""
    try:
        content = storage.read(record_name(number))
    except NotThere:
        return Fault(number, False, "the record is missing")
    match unseal(content):
        case Unsound(torn, fact):
            return Fault(number, torn, fact)
        case Sealed(body, digest):
            try:
                record = record_of(body, digest)
            except ValueError as error:
                return Fault(number, False, str(error))
    if record.number != number:
        return Fault(number, False, f"it is record {record.number} under another's name", record)
    return record


def read_checkpoint(storage: Storage, number: int) -> Image:
    """Raises Damaged if it is not a whole image, NotThere, StorageError."""
    place = checkpoint_name(number)
    match unseal(storage.read(place)):
        case Unsound(_, fact):
            raise Damaged(place, fact)
        case Sealed(body, _):
            try:
                image = image_of(body)
            except ValueError as error:
                raise Damaged(place, str(error)) from None
    if image.number != number:
        raise Damaged(place, f"it is the image of record {image.number} under another's name")
    return image
