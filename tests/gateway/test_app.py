"""How sources are put together: replacements, paths, unknown adapters, and closing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.interface import SourceError
from catalog.model import Source
from gateway.app import SourceRegistry, absolute_url, open_source, replaced_source
from gateway.settings import SourceReplacement


def source(**changed: Any) -> Source:
    given: dict[str, Any] = {"node": "n", "name": "s", "adapter": "duckdb", "url": None, "options": {}, "zone": "UTC", "tables": {}}
    return Source(**{**given, **changed})


@pytest.mark.parametrize(
    ("url", "adapter", "expected"),
    [
        ("cells:data/a", "hbase", "cells:/base/data/a"),
        ("parquet:/data/b", "duckdb", "parquet:/data/b"),
        ("clinic.duckdb", "duckdb", "/base/clinic.duckdb"),
        ("file:url.txt", "other", "file:/base/url.txt"),
        ("env:NAME", "duckdb", "env:NAME"),
        ("host:1433", "sqlserver", "host:1433"),
        ("hive://host:10000/db", "hive", "hive://host:10000/db"),
        ("name", "other", "name"),
        (None, "duckdb", None),
    ],
)
def test_only_paths_of_files_become_absolute(url: str | None, adapter: str, expected: str | None) -> None:
    assert absolute_url(url, adapter, Path("/base")) == expected


def test_a_replacement_changes_adapter_url_and_single_options_and_nothing_else() -> None:
    before = source(url="env:NAME", options={"a": 1, "b": 2})
    after = replaced_source(before, SourceReplacement(adapter="hbase", url="cells:x", options={"b": 3}, base=Path("/etc")), Path("/maps"))
    assert (after.adapter, after.url, after.options) == ("hbase", "cells:/etc/x", {"a": 1, "b": 3})
    assert (after.node, after.name, after.zone, after.tables) == ("n", "s", "UTC", {})


def test_without_a_replacement_paths_count_from_the_catalog() -> None:
    assert replaced_source(source(url="csv:x"), None, Path("/maps")).url == "csv:/maps/x"


def test_an_unknown_adapter_is_a_failure_of_its_source_that_names_near_ones() -> None:
    with pytest.raises(SourceError) as caught:
        open_source(source(adapter="duckbd"))
    assert caught.value.code == "S110" and "duckdb" in caught.value.hint


def test_secrets_are_read_when_the_source_is_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("URL_OF_TEST", f"parquet:{tmp_path}")
    adapter = open_source(source(url="env:URL_OF_TEST"))
    assert dict(adapter.describe()) == {}
    adapter.close()


def test_a_source_is_opened_once_and_closed_with_the_registry(tmp_path: Path) -> None:
    registry = SourceRegistry({("n", "s"): source(url=f"parquet:{tmp_path}")})
    assert registry("n", "s") is registry("n", "s")
    registry.close()
    assert registry("n", "s") is not None


def test_an_adapter_that_cannot_close_keeps_no_other_open_and_hides_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = SourceRegistry({("n", name): source(name=name, url=f"parquet:{tmp_path}") for name in ("a", "b")})
    closed: list[str] = []

    def fails() -> None:
        raise RuntimeError("busy")

    monkeypatch.setattr(registry("n", "a"), "close", fails)
    monkeypatch.setattr(registry("n", "b"), "close", lambda: closed.append("b"))
    registry.close()
    assert closed == ["b"]


def test_an_adapter_of_another_package_is_found_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "theirs_of_test.py").write_text("def open_source(source):\n    return ['theirs', source.url]\n", encoding="utf-8")
    information = tmp_path / "theirs-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n", encoding="utf-8")
    (information / "entry_points.txt").write_text("[hospital_gateway.adapters]\ntheirs = theirs_of_test:open_source\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert open_source(source(adapter="theirs", url="x")) == ["theirs", "x"]  # type: ignore[comparison-overlap]


def test_an_adapter_whose_driver_is_missing_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("gateway.app").app.BUILT_IN_ADAPTERS, "absent", "no_such_module_of_test:open_source")
    with pytest.raises(SourceError) as caught:
        open_source(source(adapter="absent"))
    assert caught.value.code == "S110" and "hospital-gateway[absent]" in caught.value.hint
