"""A latest_by whose order can leave two rows equal is warned of, and of no other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from catalog.loader import load_catalog

REGION = Path(__file__).parents[3] / "mappings"
BINDING = "nodes/hosp_c/vital_sign.yaml"


@pytest.fixture
def region(tmp_path: Path) -> Path:
    ignore = shutil.ignore_patterns("data", "schemas")
    return Path(shutil.copytree(REGION, tmp_path / "mappings", ignore=ignore))


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_region_has_no_warning(region: Path) -> None:
    assert load_catalog(region).warnings == ()


def test_an_order_without_the_tables_key_is_warned_of_where_it_stands(region: Path) -> None:
    _edit(region / BINDING, "o.RowVer desc, o.ObsID desc", "o.RowVer desc")
    (warning,) = load_catalog(region).warnings
    assert (warning.code, warning.place.file) == ("C216", BINDING)
    assert "latest_by" in (region / BINDING).read_text().splitlines()[warning.place.line - 1]
    assert "ObservationEav (ObsID)" in warning.hint


def test_a_joined_table_without_a_declared_key_leaves_the_row_open(region: Path) -> None:
    node = region / "nodes/hosp_c/node.yaml"
    _edit(node, "        key: [AttrCode]\n", "")
    assert {warning.code for warning in load_catalog(region).warnings} == {"C216"}
