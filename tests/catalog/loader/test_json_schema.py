"""The JSON Schemas for editors: current, valid, closed, and at one with the loader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from catalog.json_schema import schema_texts, write_schemas
from catalog.loader import load_catalog
from catalog.model import CatalogSnapshot

REGION = Path(__file__).parents[3] / "mappings"
FILES = sorted(path for folder in ("tables", "nodes", "codes", "policies") for path in (REGION / folder).rglob("*.yaml"))


@pytest.fixture(scope="module")
def region() -> CatalogSnapshot:
    return load_catalog(REGION)


def plain(text: str) -> Any:
    """YAML 1.2 as an editor reads it."""
    return YAML(typ="safe", pure=True).load(text)


def schema_of(path: Path) -> dict[str, Any]:
    """The schema that the first line of a file points to."""
    first = path.read_text(encoding="utf-8").splitlines()[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    found: dict[str, Any] = json.loads((path.parent / first.removeprefix(prefix)).read_text(encoding="utf-8"))
    return found


def test_the_committed_schemas_are_current(region: CatalogSnapshot) -> None:
    texts = schema_texts(region)
    assert sorted(path.name for path in (REGION / "schemas").glob("*.json")) == sorted(texts)
    for name, text in texts.items():
        assert (REGION / "schemas" / name).read_text(encoding="utf-8") == text, f"write_schemas again: {name}"


def test_every_schema_is_a_valid_schema_and_closed(region: CatalogSnapshot, tmp_path: Path) -> None:
    write_schemas(tmp_path, region)

    def check_closed(schema: Any, where: str) -> None:
        if isinstance(schema, dict):
            if "properties" in schema and isinstance(schema["properties"], dict) and schema.get("type") == "object":
                assert schema["additionalProperties"] is False, where
            for key, value in schema.items():
                check_closed(value, f"{where}/{key}")
        elif isinstance(schema, list):
            for value in schema:
                check_closed(value, where)

    for path in tmp_path.glob("*.json"):
        schema = json.loads(path.read_text(encoding="utf-8"))
        Draft202012Validator.check_schema(schema)
        check_closed(schema, path.name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(REGION).as_posix())
def test_a_file_of_the_region_is_valid_and_an_unknown_key_in_it_is_not(path: Path) -> None:
    validator = Draft202012Validator(schema_of(path))
    document = plain(path.read_text(encoding="utf-8"))
    assert [error.message for error in validator.iter_errors(document)] == []
    assert not validator.is_valid({**document, "unheard_of": 1})


def test_every_key_and_column_has_a_description(region: CatalogSnapshot) -> None:
    schema = json.loads(schema_texts(region)["binding.vital_sign.json"])
    assert all(value["description"] for value in schema["properties"].values())
    columns = schema["properties"]["columns"]["properties"]
    assert list(columns) == [name for name in region.tables["vital_sign"].columns if name != "node"]
    assert "double" in columns["value"]["description"]


def test_a_binding_with_an_unknown_column_or_of_another_table_is_invalid() -> None:
    path = REGION / "nodes" / "hosp_b" / "vital_sign.yaml"
    validator = Draft202012Validator(schema_of(path))
    document = plain(path.read_text(encoding="utf-8"))
    assert not validator.is_valid({**document, "columns": {**document["columns"], "loinc_cod": "item.code"}})
    assert not validator.is_valid({**document, "absent": ["loinc_cod"]})
    assert not validator.is_valid({**document, "table": "patient"})
    assert not validator.is_valid({key: value for key, value in document.items() if key != "from"})
