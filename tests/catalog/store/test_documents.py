"""The texts of a revision: what belongs to it, byte for byte, and that none leads out of its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import CatalogError
from catalog.loader import load_catalog
from catalog.store.documents import Change, Documents, change_between, is_document, load_documents, read_documents, write_documents

REGION = Path(__file__).resolve().parents[3] / "mappings"


def test_the_documents_of_the_region_make_the_same_snapshot_as_its_folder() -> None:
    documents = read_documents(REGION)
    assert load_documents(documents).revision == load_catalog(REGION).revision
    assert "codes/code_map.csv" in documents and "nodes/hosp_a/node.yaml" in documents
    assert not any(path.startswith(("data/", "schemas/", "gateway.toml")) for path in documents)


def test_texts_come_back_byte_for_byte(tmp_path: Path) -> None:
    contents = {"tables/a.yaml": b"\xef\xbb\xbfa: 1\r\n# comment \n", "codes/x.csv": "代码,code\n".encode(), "catalog.yaml": b""}
    for path, content in contents.items():
        (tmp_path / "one" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "one" / path).write_bytes(content)
    write_documents(read_documents(tmp_path / "one"), tmp_path / "two")
    assert {path: (tmp_path / "two" / path).read_bytes() for path in contents} == contents


def test_mistakes_are_told_as_the_loader_tells_them_of_a_folder() -> None:
    documents = dict(read_documents(REGION))
    documents["nodes/hosp_b/lab_result.yaml"] = documents["nodes/hosp_b/lab_result.yaml"].replace("source: hive", "source: hiv")
    with pytest.raises(CatalogError) as caught:
        load_documents(documents)
    assert [(problem.code, problem.place.file) for problem in caught.value.problems] == [("C201", "nodes/hosp_b/lab_result.yaml")]
    with pytest.raises(CatalogError, match="has no tables"):
        load_documents({})


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "a.yaml").write_bytes("größe: 1".encode("latin-1"))
    with pytest.raises(CatalogError, match=r"tables/a\.yaml: the file is not UTF-8"):
        read_documents(tmp_path)


OUTSIDE = [
    "../tables/a.yaml",
    "tables/../../a.yaml",
    "/tables/a.yaml",
    "tables//a.yaml",
    "tables/./a.yaml",
    "tables\\a.yaml",
    "tables/c:a.yaml",
]
NO_MAPPINGS = ["tables/a.sh", "tables", "a.yaml", "data/a.yaml", "tables/.a.yaml", "tables/a\0.yaml", "nodes/a/b/c/d.yaml", ""]


@pytest.mark.parametrize("path", [*OUTSIDE, *NO_MAPPINGS])
def test_no_path_leads_out_of_the_folder(path: str, tmp_path: Path) -> None:
    assert not is_document(path)
    with pytest.raises(ValueError, match="is not the path of a mapping file"):
        Documents({path: ""})
    with pytest.raises(ValueError, match="is not the path of a mapping file"):
        write_documents({path: ""}, tmp_path / "folder")


def test_a_change_applied_to_the_old_gives_the_new() -> None:
    old = Documents({"tables/a.yaml": "1", "tables/b.yaml": "2", "tables/c.yaml": "3"})
    new = Documents({"tables/a.yaml": "1", "tables/c.yaml": "4", "tables/d.yaml": "5"})
    change = change_between(old, new)
    assert change == Change(written={"tables/c.yaml": "4", "tables/d.yaml": "5"}, removed=("tables/b.yaml",))
    assert old.changed_by(change) == new and old.changed_by(change).digest == new.digest
    assert not change_between(new, new)
    with pytest.raises(ValueError, match="removed but not there"):
        new.changed_by(Change(removed=("tables/b.yaml",)))


def test_the_digest_tells_where_a_text_stands() -> None:
    assert Documents({"tables/a.yaml": "x"}).digest != Documents({"tables/b.yaml": "x"}).digest
    assert Documents({"tables/a.yaml": "", "tables/b.yaml": "x"}).digest == Documents({"tables/b.yaml": "x", "tables/a.yaml": ""}).digest
