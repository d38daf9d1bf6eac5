"""The page docs/catalog-store.md works as it stands: its blocks are run in order, in an empty folder with the region's mappings."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.catalog.store.test_documents import REGION

PAGE = Path(__file__).resolve().parents[3] / "docs" / "catalog-store.md"


def test_the_page_works_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 9
    shutil.copytree(REGION, tmp_path / "mappings", ignore=shutil.ignore_patterns("data"))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    said = capsys.readouterr().out.splitlines()
    assert "~ hospital hosp_b, zone: America/New_York → America/Chicago" in said
    said = said[next(number for number, line in enumerate(said) if line[0].isdigit()) :]
    assert said[0].startswith("3 revision Anna not yet ") and any(
        line.startswith("standby (") and "has taken over" in line for line in said
    )
    assert said[-2:] == ["[]", "the log can be read up to record 6; nothing is to be repaired"]
    assert (tmp_path / "exported" / "policies" / "demo.yaml").read_text().endswith("# reviewed\n")
