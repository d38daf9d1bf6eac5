"""Looks at all of a damaged log, and makes it usable again by one more record. Nothing is ever removed or changed."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from catalog.store.documents import Change
from catalog.store.errors import AlreadyThere, Conflict, Damaged, NotThere
from catalog.store.log import (
    Fault,
    Replay,
    checkpoint_name,
    checkpoint_numbers,
    read_checkpoint,
    read_record,
    record_name,
    record_numbers,
    replay_from,
    starting_images,
)
from catalog.store.record import Image, Record
from catalog.store.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What a repair would keep (`image`), and the records that it would pass over (`lost`: readable ones have their content).

    `next_number`: of the record that the repair would be; a repair is refused if the log is no longer as it was diagnosed.
    """

    image: Image
    lost: tuple[Fault, ...]
    next_number: int

    @property
    def needed(self) -> bool:
        """Whether the log refuses to open: a torn tail alone does not."""
        return any(not fault.torn for fault in self.lost)

    def sentences(self) -> list[str]:
        """What would be kept and lost, for whoever decides."""
        if not self.needed:
            return [f"the log can be read up to record {self.image.number}; nothing is to be repaired"]
        kept = f"kept: the catalog of revision {self.image.revision} (record {self.image.number})"
        return [kept, *(f"lost: {_told(fault)}" for fault in self.lost)]


def diagnose(storage: Storage) -> Diagnosis:
    """Read all that can be read. Raises StorageError."""
    best: Replay | None = None
    for start in starting_images(storage, []):
        replay = replay_from(storage, start)
        if best is None or replay.image.number > best.image.number:
            best = replay
        if not any(not fault.torn for fault in replay.faults):
            break
    assert best is not None
    return Diagnosis(image=best.image, lost=best.faults, next_number=best.next_number)


def repair(storage: Storage, diagnosis: Diagnosis, *, who: str, why: str) -> Record:
    """Append the record that passes over what the diagnosis calls lost, in a new epoch: every writer of before is fenced.

    Raises Conflict if the log has changed since the diagnosis or needs no repair, StorageError, OutcomeUnknown.
    """
    if not diagnosis.needed:
        raise Conflict("the log can be read; there is nothing to repair")
    if diagnose(storage) != diagnosis:
        raise Conflict("the log is not as it was diagnosed", "look again at what a repair would lose")
    image = diagnosis.image
    record = Record(
        number=diagnosis.next_number,
        after=image.number,
        previous=image.digest,
        epoch=image.epoch + 1,
        kind="repair",
        writer=secrets.token_hex(16),
        who=" ".join(who.split()),
        why=why.strip(),
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        change=Change(),
        content=image.documents.digest,
        snapshot=image.snapshot,
    )
    content, record = record.seal()
    try:
        storage.create(record_name(record.number), content)
    except AlreadyThere:
        raise Conflict("somebody else has written meanwhile", "look again at what a repair would lose") from None
    return record


def _told(fault: Fault) -> str:
    if fault.record is None:
        return f"record {fault.number} ({fault.fact})"
    record = fault.record
    return f"record {fault.number} ({fault.fact}): {record.kind} of {record.who}, {record.when}: {record.why}"


def verify(storage: Storage) -> list[Damaged]:
    """Everything in the storage that is not what was written, also what no reader needs today; empty if all is well. Raises StorageError.

    All records are read and applied from the first one, or from the older checkpoint where history was compacted away; each checkpoint is
    compared with what the records before it make.
    """
    findings: list[Damaged] = []
    images: dict[int, Image] = {}
    for number in checkpoint_numbers(storage):
        try:
            images[number] = read_checkpoint(storage, number)
        except Damaged as error:
            findings.append(error)
        except NotThere:  # removed since the folder was listed
            continue
    numbers = record_numbers(storage, 1)
    image = Image()
    if images and 1 not in numbers:
        # Compacted: the oldest checkpoint, with some records before it. A standby's copy: checkpoints alone, then records after the newest.
        start = max((number for number in images if number < min(numbers, default=number + 1)), default=min(images))
        image = images[start]
        images = {number: each for number, each in images.items() if number > start}
        findings.extend(_faults_before(storage, image, [number for number in numbers if number <= image.number]))
    for number in sorted(images):
        replay = replay_from(storage, image, number)
        findings.extend(fault.damage() for fault in replay.faults)
        if not replay.faults and replay.image != images[number]:
            findings.append(Damaged(checkpoint_name(number), "it is not the image that the records before it make"))
        image = images[number]
    findings.extend(fault.damage() for fault in replay_from(storage, image).faults)
    return findings


def _faults_before(storage: Storage, image: Image, numbers: list[int]) -> list[Damaged]:
    """Records that history has left before the oldest checkpoint: each whole, and standing on the one before it."""
    findings = []
    before: Record | None = None
    for number in numbers:
        found = read_record(storage, number)
        if isinstance(found, Fault):
            findings.append(found.damage())
            continue
        if before is not None and found.after == before.number and found.previous != before.digest:
            findings.append(Fault(number, False, "it follows another record than the one before it").damage())
        if number == image.number and found.digest != image.digest:
            findings.append(Damaged(checkpoint_name(number), "it is the image of another record of that number"))
        before = found
    return findings
