"""Small contents for the store's tests: one document, whose text says which change made it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from catalog.store.documents import Documents
from catalog.store.log import record_name
from catalog.store.storage import Storage
from catalog.store.writer import Writer

PATH = "catalog.yaml"


def documents(mark: object) -> Documents:
    return Documents({PATH: f"mark: {mark}\n"})


def mark(contents: Mapping[str, str]) -> str:
    """What was written last; empty if nothing was."""
    return contents[PATH].removeprefix("mark: ").strip() if PATH in contents else ""


def accepted(contents: Mapping[str, str]) -> str:
    """Stands for the loader where what is tested is the log."""
    return "checked"


def writer(storage: Storage, who: str = "tester", *, takeover: bool = False) -> Writer:
    return Writer(storage, who=who, takeover=takeover, validate=accepted)


def filled(storage: Storage, count: int) -> Writer:
    """The log gets `count` more revisions, marked 1, 2, ..."""
    appending = writer(storage)
    for number in range(1, count + 1):
        assert appending.append(documents(number), base=appending.image.revision, why=f"change {number}") is not None
    return appending


def stored(folder: object, number: int) -> str:
    """The path of a record's file."""
    return f"{folder}/{record_name(number)}"


def body(content: bytes) -> dict[str, object]:
    """What a stored record says, read as plain JSON."""
    found = json.loads(content)["body"]
    assert isinstance(found, dict)
    return found
