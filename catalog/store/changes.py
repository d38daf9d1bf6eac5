"""Changes the catalog: a folder of mappings applied, an earlier revision brought back."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.store.history import image_at
from catalog.store.record import Record
from catalog.store.storage import Storage
from catalog.store.writer import Validation, Writer, validated


def apply(
    storage: Storage, documents: Mapping[str, str], *, base: int, who: str, why: str, validate: Validation = validated
) -> Record | None:
    """Make the documents the next revision; None if they are the current ones. Raises as Writer.append does."""
    return Writer(storage, who=who, validate=validate).append(documents, base=base, why=why)


def rollback(storage: Storage, revision: int, *, base: int, who: str, why: str = "", validate: Validation = validated) -> Record | None:
    """Make the documents of an earlier revision the next one: history goes on, nothing is taken out of it.

    None if they are the current ones. Raises NoSuchRevision, and as Writer.append does: what was valid then may not be for this version.
    """
    documents = image_at(storage, revision).documents
    return apply(storage, documents, base=base, who=who, why=why or f"back to revision {revision}", validate=validate)
