"""What was: the list of revisions, the documents of one, and the folder that one makes."""

from __future__ import annotations

from pathlib import Path

from catalog.store.documents import Documents, is_document, read_documents, write_documents
from catalog.store.errors import Damaged, NoSuchRevision, NotThere
from catalog.store.log import Fault, checkpoint_numbers, open_log, read_checkpoint, read_record, record_numbers, replay_from
from catalog.store.record import Image, Record
from catalog.store.storage import Storage


def history(storage: Storage, *, limit: int | None = None) -> list[Record]:
    """The records of the catalog's history, newest first; of all kinds; without those passed over. Raises Damaged, StorageError.

    Goes back as far as history was kept. `limit`: at most so many.
    """
    image = open_log(storage).image
    wanted, digest = image.number, image.digest
    found: list[Record] = []
    for number in reversed(record_numbers(storage, 1)):
        if number > wanted or (limit is not None and len(found) >= limit):
            continue
        record = read_record(storage, number)
        if number != wanted or isinstance(record, Fault) or record.digest != digest:
            break  # older than what was kept, or behind a checkpoint that stands for what is damaged: `verify` says which
        found.append(record)
        wanted, digest = record.after, record.previous
    return found


def image_at(storage: Storage, revision: int) -> Image:
    """The catalog right after that record. Raises NoSuchRevision if it never was or its history was compacted away; Damaged, StorageError."""
    newest = open_log(storage).image
    if revision in (newest.revision, newest.number):
        return newest
    if not 1 <= revision < newest.number:
        raise NoSuchRevision(f"there is no revision {revision}", f"the newest is {newest.revision}")
    start = _image_before(storage, revision)
    replay = replay_from(storage, start, revision)
    if replay.image.number == revision:
        return replay.image
    if 1 not in record_numbers(storage, 1) and start.number == 0:
        raise NoSuchRevision(f"revision {revision} is older than the history that was kept")
    at_place = next((fault for fault in replay.faults if fault.number == revision), None)
    if at_place is not None and all(fault.number == revision for fault in replay.faults):
        raise NoSuchRevision(f"record {revision} cannot be shown: {at_place.fact}")
    raise replay.faults[0].damage() if replay.faults else NoSuchRevision(f"there is no revision {revision}")


def _image_before(storage: Storage, revision: int) -> Image:
    """The newest checkpoint that is not after the revision, or the empty catalog."""
    for number in reversed(checkpoint_numbers(storage)):
        if number <= revision:
            try:
                return read_checkpoint(storage, number)
            except (Damaged, NotThere):
                continue
    return Image()


def export(documents: Documents, folder: Path) -> list[str]:
    """Make the mapping files of the folder those of the documents, byte for byte. Files that are no mappings stay. The paths that changed.

    Raises OSError, CatalogError (a mapping file of the folder cannot be read). Not atomic: a folder is for people, the log is the catalog.
    """
    present = dict(read_documents(folder)) if folder.is_dir() else {}
    written = {path: text for path, text in documents.items() if present.get(path) != text}
    write_documents(written, folder)
    removed = [path for path in present if path not in documents]
    for path in removed:
        assert is_document(path)
        (folder / path).unlink()
    return sorted([*written, *removed])
