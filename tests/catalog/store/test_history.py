"""History, rollback and export, on the region's mappings, as an administrator uses them."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from catalog.errors import CatalogError
from catalog.loader import load_catalog
from catalog.store.changes import apply, rollback
from catalog.store.documents import read_documents
from catalog.store.errors import Conflict, NoSuchRevision
from catalog.store.history import export, history, image_at
from catalog.store.local import LocalStorage
from catalog.store.log import open_log, record_name
from catalog.store.upkeep import Policy, tend
from tests.catalog.store import small
from tests.catalog.store.test_documents import REGION


def test_an_administrators_day_on_the_region(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "catalog")
    documents = read_documents(REGION)
    first = apply(storage, documents, base=0, who="Anna", why="the region as it is")
    assert first is not None and first.snapshot == load_catalog(REGION).revision

    new_code = {**documents, "codes/code_map.csv": documents["codes/code_map.csv"] + "hosp_b,lab_result,NEW1,718-7,LOINC,g/dL,g/dL\n"}
    header = documents["codes/code_map.csv"].splitlines()[0].split(",")
    assert len(header) == 7, "the row above has the columns of the file"
    assert apply(storage, new_code, base=1, who="Ben", why="a new code of hospital B") is not None
    with pytest.raises(Conflict, match="2 by Ben"):
        apply(
            storage,
            {**documents, "policies/demo.yaml": documents["policies/demo.yaml"] + "# x\n"},
            base=1,
            who="Anna",
            why="from the old plan",
        )
    with pytest.raises(CatalogError):
        apply(storage, {path: text for path, text in new_code.items() if path != "tables/patient.yaml"}, base=2, who="Anna", why="a slip")

    assert rollback(storage, 1, base=2, who="Anna", why="the code was wrong") is not None
    assert [(record.number, record.who) for record in history(storage)] == [(3, "Anna"), (2, "Ben"), (1, "Anna")]
    assert abs(datetime.now(UTC) - datetime.fromisoformat(history(storage)[0].when)) < timedelta(minutes=5)
    assert open_log(storage).image.documents == documents
    assert image_at(storage, 2).documents == new_code
    assert rollback(storage, 1, base=3, who="Anna") is None, "it is so already"


def test_an_export_is_the_folder_of_then_comments_and_all(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "catalog")
    documents = read_documents(REGION)
    apply(storage, documents, base=0, who="Anna", why="")
    target = tmp_path / "export"
    shutil.copytree(REGION, target, ignore=shutil.ignore_patterns("data"))
    (target / "tables" / "patient.yaml").write_text("changed by hand")
    (target / "tables" / "extra.yaml").write_text("not of this revision")
    (target / "README").write_text("no mapping")
    assert export(image_at(storage, 1).documents, target) == ["tables/extra.yaml", "tables/patient.yaml"]
    assert (target / "tables" / "patient.yaml").read_bytes() == (REGION / "tables" / "patient.yaml").read_bytes()
    assert not (target / "tables" / "extra.yaml").exists() and (target / "README").exists()
    assert load_catalog(target).revision == load_catalog(REGION).revision
    assert export(image_at(storage, 1).documents, tmp_path / "fresh") == sorted(documents)


def test_every_revision_can_be_shown_with_and_without_checkpoints(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    appending = small.filled(storage, 6)
    small.writer(storage, takeover=True)
    tend(storage, Policy(), now=True)
    appending = small.writer(storage)
    appending.append(small.documents("8"), base=6, why="")
    for revision, mark in ((1, "1"), (4, "4"), (6, "6"), (7, "6"), (8, "8")):
        assert small.mark(image_at(storage, revision).documents) == mark
    for absent in (0, 9, -1):
        with pytest.raises(NoSuchRevision):
            image_at(storage, absent)
    assert [record.kind for record in history(storage, limit=3)] == ["revision", "takeover", "revision"]


def test_history_ends_where_the_chain_does(tmp_path: Path) -> None:
    """A record that another one was put in place of, behind a checkpoint: what stands before it is not shown as the history of this catalog."""
    storage, other = LocalStorage(tmp_path / "one"), LocalStorage(tmp_path / "two")
    for each in (storage, other):
        small.filled(each, 4)
        tend(each, Policy(), now=True)
    shutil.copy(tmp_path / "two" / record_name(2), tmp_path / "one" / record_name(2))
    assert [record.number for record in history(storage)] == [4, 3]
    with pytest.raises(NoSuchRevision, match="record 2 cannot be shown: it follows another record"):
        image_at(storage, 2)
