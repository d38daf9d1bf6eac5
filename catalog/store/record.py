"""A record of the log, and the image of the catalog that all records up to one make."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from catalog.store.documents import Change, Documents
from catalog.store.envelope import seal

FORMAT = 1
NO_DIGEST = "0" * 64
"""What the first record says of the one before it."""

Kind = Literal["revision", "takeover", "repair"]
_KINDS: tuple[Kind, ...] = ("revision", "takeover", "repair")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One step of the catalog.

    revision    the documents change
    takeover    a writer opens a new epoch: writers of older ones are fenced
    repair      records after `after` that cannot be read are passed over; opens a new epoch as well

    `after` and `previous`: number and digest of the record that this one stands on. Numbers between `after` and `number` were
    passed over: torn records, or what a repair gave up. `writer`: random, so that no two writers ever make the same record.
    `when` (UTC, ISO 8601) is information: no decision is made by it. `content`: digest of the documents after this record; `snapshot`: the
    loader's digest of them. `digest`: of this record, known once it is sealed.
    """

    number: int
    after: int
    previous: str
    epoch: int
    kind: Kind
    writer: str
    who: str
    why: str
    when: str
    change: Change
    content: str
    snapshot: str
    digest: str = ""

    def seal(self) -> tuple[bytes, Record]:
        """The bytes to store, and the record with its digest."""
        body = {
            "format": FORMAT,
            "number": self.number,
            "after": self.after,
            "previous": self.previous,
            "epoch": self.epoch,
            "kind": self.kind,
            "writer": self.writer,
            "who": self.who,
            "why": self.why,
            "when": self.when,
            "written": dict(self.change.written),
            "removed": list(self.change.removed),
            "content": self.content,
            "snapshot": self.snapshot,
        }
        content, digest = seal(body)
        return content, replace(self, digest=digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The catalog after the record `number` (0: before the first one).

    `revision`: number of the newest record that changed the documents, 0 if none did. It is what a change states as its base.
    `digest`: of the record `number`. `epoch`, `holder`: the epoch in force, and who opened it.
    """

    number: int = 0
    digest: str = NO_DIGEST
    epoch: int = 0
    holder: str = ""
    revision: int = 0
    snapshot: str = ""
    documents: Documents = field(default_factory=Documents)

    def seal(self) -> bytes:
        """The bytes of a checkpoint."""
        body = {
            "format": FORMAT,
            "number": self.number,
            "digest": self.digest,
            "epoch": self.epoch,
            "holder": self.holder,
            "revision": self.revision,
            "snapshot": self.snapshot,
            "documents": dict(self.documents),
            "content": self.documents.digest,
        }
        return seal(body)[0]

    def after(self, record: Record) -> Image:
        """The image with the record applied. Raises ValueError if the record does not stand on this image."""
        problem = self.objection(record)
        documents = self.documents.changed_by(record.change) if not problem and record.change else self.documents
        if not problem and documents.digest != record.content:
            problem = "it does not make the documents that it says it makes"
        if problem:
            raise ValueError(problem)
        opens_epoch = record.kind != "revision"
        return Image(
            number=record.number,
            digest=record.digest,
            epoch=record.epoch,
            holder=f"{record.who} ({record.writer[:8]})" if opens_epoch else self.holder,
            revision=self.revision if opens_epoch else record.number,
            snapshot=record.snapshot,
            documents=documents,
        )

    def objection(self, record: Record) -> str:
        """Why the record cannot follow this image; empty if it can."""
        if record.after != self.number:
            return f"it follows record {record.after}, not {self.number}"
        if record.previous != self.digest:
            return f"it follows another record {record.after} than the one that is there"
        if record.epoch != self.epoch + (record.kind != "revision"):
            return f"its epoch is {record.epoch}, in epoch {self.epoch}"
        return ""


def record_of(body: Mapping[str, Any], digest: str) -> Record:
    """The record of a stored body. Raises ValueError for one of another form or a later version."""
    _check_format(body)
    try:
        record = Record(
            number=_whole(body["number"]),
            after=_whole(body["after"]),
            previous=_digest(body["previous"]),
            epoch=_whole(body["epoch"]),
            kind=next(kind for kind in _KINDS if kind == body["kind"]),
            writer=str(body["writer"]),
            who=str(body["who"]),
            why=str(body["why"]),
            when=str(body["when"]),
            change=Change(written=Documents(body["written"]), removed=tuple(body["removed"])),
            content=_digest(body["content"]),
            snapshot=str(body["snapshot"]),
            digest=digest,
        )
    except (KeyError, TypeError, AttributeError, StopIteration) as error:
        raise ValueError(f"it has not the form of a record ({type(error).__name__})") from None
    if record.after >= record.number:
        raise ValueError("it follows itself or a later record")
    return record


def image_of(body: Mapping[str, Any]) -> Image:
    """The image of a stored body. Raises ValueError."""
    _check_format(body)
    try:
        image = Image(
            number=_whole(body["number"]),
            digest=_digest(body["digest"]),
            epoch=_whole(body["epoch"]),
            holder=str(body["holder"]),
            revision=_whole(body["revision"]),
            snapshot=str(body["snapshot"]),
            documents=Documents(body["documents"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it has not the form of an image ({type(error).__name__})") from None
    if image.documents.digest != body.get("content"):
        raise ValueError("its documents are not those that it says")
    return image


def _check_format(body: Mapping[str, Any]) -> None:
    if body.get("format") != FORMAT:
        raise ValueError(f"it is of format {body.get('format')!r}; this version reads format {FORMAT}")


def _whole(value: object) -> int:
    if type(value) is not int or value < 0:
        raise TypeError
    return value


def _digest(value: object) -> str:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise TypeError
    return value
