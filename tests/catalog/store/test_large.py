"""A hundred thousand records: opening them again takes less than a second."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from catalog.store.documents import Change, read_documents
from catalog.store.local import LocalStorage
from catalog.store.log import catch_up, open_log, record_name
from catalog.store.record import Image, Record
from catalog.store.upkeep import write_checkpoint
from tests.catalog.store import small
from tests.catalog.store.test_documents import REGION

COUNT = 100_000
FIRST = COUNT - 1100
"""Records before this one are names only: they were before the older checkpoint, so opening must not read them, and would refuse what it read."""

LAST_CHECKPOINT = COUNT - 99
"""With the default policy, so many records are read after a checkpoint at most."""


@pytest.mark.slow
def test_opening_a_hundred_thousand_records_takes_less_than_a_second(tmp_path: Path) -> None:
    storage, image = LocalStorage(tmp_path), Image(number=FIRST - 1, revision=FIRST - 1, documents=read_documents(REGION))
    names(tmp_path, range(1, FIRST))
    for number in range(FIRST, COUNT + 1):
        image = written(tmp_path, image, number)
        if number in (LAST_CHECKPOINT - 100, LAST_CHECKPOINT):
            write_checkpoint(storage, image)
    seconds = []
    for _ in range(3):
        began = time.process_time()
        opened = open_log(storage)
        seconds.append(time.process_time() - began)
    assert (opened.image.number, opened.checkpoint) == (COUNT, LAST_CHECKPOINT)
    assert small.mark(opened.image.documents) == str(COUNT) and opened.image.documents["tables/patient.yaml"]
    assert min(seconds) < 1.0
    record = small.writer(storage).append({**opened.image.documents, small.PATH: "mark: on\n"}, base=COUNT, why="")
    assert record is not None and catch_up(storage, opened.image).image.number == COUNT + 1
    shutil.rmtree(tmp_path)  # pytest keeps the folders of its last runs


def names(folder: Path, numbers: range) -> None:
    """The files of these records, without content."""
    for number in numbers:
        path = folder / record_name(number)
        if number == numbers[0] or number % 1000 == 0:
            path.parent.mkdir(parents=True)
            path.touch()
            first = path
        else:
            os.link(first, path)


def written(folder: Path, image: Image, number: int) -> Image:
    """The record's file as a writer leaves it, without its fsync and its looks around."""
    text = f"mark: {number}\n"
    change = Change(written={small.PATH: text})
    record = Record(
        number=number,
        after=number - 1,
        previous=image.digest,
        epoch=0,
        kind="revision",
        writer="0" * 32,
        who="tester",
        why="one of many",
        when="2026-11-24T12:00:00+00:00",
        change=change,
        content=image.documents.changed_by(change).digest,
        snapshot="",
    )
    content, record = record.seal()
    path = folder / record_name(number)
    path.parent.mkdir(exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    os.write(file, content)
    os.close(file)
    return image.after(record)
