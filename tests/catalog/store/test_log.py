"""The log: what it says, what it leaves out, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.store.envelope import seal
from catalog.store.errors import Damaged
from catalog.store.local import LocalStorage
from catalog.store.log import checkpoint_name, open_log, record_name
from catalog.store.upkeep import Policy, tend
from tests.catalog.store import small


def test_an_empty_storage_is_an_empty_catalog_and_reading_writes_nothing(tmp_path: Path) -> None:
    opened = open_log(LocalStorage(tmp_path / "new"))
    assert (opened.image.number, opened.image.revision, dict(opened.image.documents)) == (0, 0, {})
    assert not (tmp_path / "new").exists()


def test_each_record_says_who_why_when_and_stands_on_the_one_before(tmp_path: Path) -> None:
    small.filled(LocalStorage(tmp_path), 3)
    bodies = [small.body((tmp_path / record_name(number)).read_bytes()) for number in (1, 2, 3)]
    assert [(body["number"], body["after"], body["who"], body["why"]) for body in bodies] == [
        (1, 0, "tester", "change 1"),
        (2, 1, "tester", "change 2"),
        (3, 2, "tester", "change 3"),
    ]
    assert [body["previous"] for body in bodies] == ["0" * 64, seal(bodies[0])[1], seal(bodies[1])[1]]
    assert bodies[1]["written"] == {"catalog.yaml": "mark: 2\n"}


def test_records_are_the_same_whatever_the_clock_says(tmp_path: Path) -> None:
    """`when` is information: a log whose times go backwards is read like any other."""
    small.filled(LocalStorage(tmp_path), 3)
    previous = "0" * 64
    for number, when in ((1, "2031-01-01T00:00:00+00:00"), (2, "1999-01-01T00:00:00+00:00"), (3, "2026-11-24T12:00:00+00:00")):
        path = tmp_path / record_name(number)
        content, previous = seal({**small.body(path.read_bytes()), "when": when, "previous": previous})
        path.write_bytes(content)
    assert small.mark(open_log(LocalStorage(tmp_path)).image.documents) == "3"


def test_a_last_record_that_is_torn_at_any_byte_is_left_out_and_said(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    small.filled(storage, 3)
    path = tmp_path / record_name(3)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        opened = open_log(storage)
        assert (opened.image.number, opened.torn, small.mark(opened.image.documents)) == (2, (3,), "2"), length
        assert "record 3 was left out" in opened.notes[0]
    path.write_bytes(whole)
    assert open_log(storage).image.number == 3


def test_work_goes_on_after_a_torn_record_which_stays_where_it_is(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    small.filled(storage, 3)
    path = tmp_path / record_name(3)
    path.write_bytes(path.read_bytes()[:50])
    appending = small.writer(storage)
    record = appending.append(small.documents("again"), base=2, why="after the crash")
    assert record is not None and (record.number, record.after) == (4, 2)
    opened = open_log(storage)
    assert (opened.image.number, opened.torn, small.mark(opened.image.documents)) == (4, (), "again")
    assert path.read_bytes() != b""


def test_any_bit_flipped_in_any_record_refuses_to_open_and_names_it(tmp_path: Path) -> None:
    """Also in the last one: it was whole once, so somebody was told that it is safe."""
    storage = LocalStorage(tmp_path)
    small.filled(storage, 3)
    for number in (1, 2, 3):
        path = tmp_path / record_name(number)
        whole = path.read_bytes()
        for byte in range(0, len(whole), 3):
            path.write_bytes(whole[:byte] + bytes([whole[byte] ^ (1 << byte % 8)]) + whole[byte + 1 :])
            with pytest.raises(Damaged) as caught:
                open_log(storage)
            assert (caught.value.number, caught.value.place) == (number, record_name(number)), byte
        path.write_bytes(whole)
    assert open_log(storage).image.number == 3


def test_a_torn_or_missing_record_before_the_last_refuses_to_open(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    small.filled(storage, 3)
    path = tmp_path / record_name(2)
    whole = path.read_bytes()
    path.write_bytes(whole[:40])
    with pytest.raises(Damaged, match=r"000000000002\.json: it ends after 40"):
        open_log(storage)
    path.unlink()
    with pytest.raises(Damaged, match=r"000000000002\.json: the record is missing"):
        open_log(storage)


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"previous": "1" * 64}, "it follows another record"),
        ({"number": 4}, "record 4 under another's name"),
        ({"epoch": 3}, "its epoch is 3"),
        ({"content": "1" * 64}, "does not make the documents"),
        ({"written": {"../../etc/x.yaml": ""}}, "not the path of a mapping file"),
        ({"removed": ["tables/none.yaml"]}, "removed but not there"),
        ({"format": 2}, "it is of format 2; this version reads format 1"),
        ({"kind": "other"}, "not the form of a record"),
        ({"after": 3}, "it follows itself"),
        ({"after": True}, "not the form of a record"),
    ],
)
def test_a_forged_record_is_refused_even_if_its_own_digest_is_right(tmp_path: Path, change: dict[str, object], fact: str) -> None:
    small.filled(LocalStorage(tmp_path), 3)
    path = tmp_path / record_name(3)
    path.write_bytes(seal({**small.body(path.read_bytes()), **change})[0])
    with pytest.raises(Damaged, match=fact):
        open_log(LocalStorage(tmp_path))


def test_a_checkpoint_that_cannot_be_read_is_replaced_by_the_older_one_and_a_longer_log(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    appending = small.filled(storage, 4)
    tend(storage, Policy(), now=True)
    appending.append(small.documents("5"), base=4, why="")
    tend(storage, Policy(), now=True)
    assert open_log(storage).checkpoint == 5
    path = tmp_path / checkpoint_name(5)
    whole = path.read_bytes()
    for broken in (whole[:-1], whole[:30], b"", whole.replace(b"mark: 5", b"mark: 6")):
        path.write_bytes(broken)
        opened = open_log(storage)
        assert (opened.checkpoint, opened.image.number, small.mark(opened.image.documents)) == (4, 5, "5")
        assert opened.notes and checkpoint_name(5) in opened.notes[0]
    (tmp_path / checkpoint_name(4)).write_bytes(b"")
    assert open_log(storage).checkpoint == 0 and open_log(storage).image.number == 5


def test_strange_names_beside_the_records_are_passed_over(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    small.filled(storage, 2)
    for name in ("records/000000000/.nfs0001", "records/000000000/000000000003.json.swp", "records/notes.txt", "checkpoints/README"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "records/000000007").mkdir()
    (tmp_path / "records/000000007/000000000009.json").write_text("in the wrong folder")
    assert open_log(storage).image.number == 2 and json.loads((tmp_path / record_name(2)).read_bytes())["body"]["number"] == 2
