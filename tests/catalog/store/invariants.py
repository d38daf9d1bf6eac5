"""What must hold of a log after anything that happened to it."""

from __future__ import annotations

from catalog.store.history import history
from catalog.store.log import open_log
from catalog.store.storage import Storage
from tests.catalog.store.small import mark


def check(storage: Storage, acknowledged: list[tuple[int, str]], attempted: list[str]) -> None:
    """`acknowledged`: record number and mark of each change that was called done, in order. `attempted`: marks of all that were tried, in order.

    Acknowledged and lost = 0: each acknowledged record is in the history with its content. Half visible = 0: the catalog is what one
    attempted change made, not older than the last acknowledged one; no change is in the history twice.
    """
    image = open_log(storage).image
    kept = {record.number: mark(record.change.written) for record in history(storage) if record.kind == "revision"}
    oldest = min(kept, default=0)
    for number, wanted in acknowledged:
        if number >= oldest:
            assert kept.get(number) == wanted, f"record {number} was acknowledged and is lost"
    marks = [kept[number] for number in sorted(kept)]
    assert marks == [each for each in attempted if each in set(marks)], "the history is not in the order of the attempts"
    if acknowledged:
        assert attempted.index(mark(image.documents)) >= attempted.index(acknowledged[-1][1])
    else:
        assert mark(image.documents) in ("", *attempted)
    assert image.revision == 0 or kept[image.revision] == mark(image.documents)
