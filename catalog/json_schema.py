"""JSON Schemas of the mapping files, for editors: made from the same forms that the loader checks, closed, with descriptions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, assert_never

from catalog.loader.forms import ByKey, Flag, Form, ListOf, MapOf, Plain, Shape, Text, Whole
from catalog.loader.shapes import BINDING, CATALOG, CODES, NODE, POLICY, VIRTUAL_TABLE, binding_shape
from catalog.model import CatalogSnapshot, VirtualTable

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_KINDS = {"catalog": CATALOG, "table": VIRTUAL_TABLE, "node": NODE, "binding": BINDING, "codes": CODES, "policy": POLICY}

Schema = dict[str, Any]


def schemas(snapshot: CatalogSnapshot) -> dict[str, Schema]:
    """The schema of each kind of file by name; `binding.<table>` for the bindings of each virtual table."""
    found = {kind: _document(kind, form_schema(shape)) for kind, shape in _KINDS.items()}
    for table in snapshot.tables.values():
        if table.view is None:
            found[f"binding.{table.name}"] = _binding(table)
    return found


def write_schemas(folder: Path, snapshot: CatalogSnapshot) -> None:
    """Write each schema to `folder`/<name>.json."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schema_texts(snapshot).items():
        (folder / name).write_text(text, encoding="utf-8")


def schema_texts(snapshot: CatalogSnapshot) -> dict[str, str]:
    """File name to content."""
    return {f"{name}.json": json.dumps(schema, indent=1, ensure_ascii=False) + "\n" for name, schema in schemas(snapshot).items()}


def _document(title: str, schema: Schema) -> Schema:
    return {"$schema": DRAFT, "title": f"hospital-gateway {title}", **schema}


def _binding(table: VirtualTable) -> Schema:
    """A binding's schema with the table's columns as properties, each with its type and description."""
    columns = {name: column for name, column in table.columns.items() if name != "node"}
    schema = form_schema(binding_shape(tuple(columns)))
    properties: dict[str, Schema] = schema["properties"]
    properties["table"] = {**properties["table"], "const": table.name}
    for key in ("columns", "constants"):
        for name, column in columns.items():
            facts = f"{column.type}" if column.nullable else f"{column.type}, never NULL"
            listed = f"; one of {', '.join(column.values)}" if column.values else ""
            words = f"{facts}{listed}" + (f": {column.description}" if column.description else "")
            properties[key]["properties"][name] = {**properties[key]["properties"][name], "description": words}
    return _document(f"binding of {table.name}", schema)


def form_schema(form: Form) -> Schema:
    match form:
        case Shape():
            return _shape(form)
        case ByKey(shapes=shapes):
            return {"oneOf": [_shape(shape) for shape in shapes.values()]}
        case MapOf():
            return _map(form)
        case ListOf(item=item, minimum=minimum, maximum=maximum):
            bounds = {"minItems": minimum} if minimum else {}
            return {"type": "array", "items": form_schema(item), **bounds, **({} if maximum is None else {"maxItems": maximum})}
        case Text(pattern=pattern, choices=choices, written=written):
            if choices:
                return {"enum": [*choices, None] if "null" in choices else list(choices)}
            types: Schema = {"type": ["string", "number", "boolean"] if written else "string"}
            return types if pattern is None else {**types, "pattern": f"^(?:{pattern})$"}
        case Whole(minimum=low, maximum=high):
            return {"type": "integer", **({} if low is None else {"minimum": low}), **({} if high is None else {"maximum": high})}
        case Flag():
            return {"type": "boolean"}
        case Plain():
            return {"type": ["string", "number", "boolean", "null"]}
        case _:
            assert_never(form)


def _shape(shape: Shape) -> Schema:
    required = [name for name, key in shape.keys.items() if key.required]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: {**form_schema(key.form), "description": key.description} for name, key in shape.keys.items()},
        **({"required": required} if required else {}),
    }


def _map(form: MapOf) -> Schema:
    value = form_schema(form.value)
    if form.names:
        return {"type": "object", "additionalProperties": False, "properties": {name: dict(value) for name in form.names}}
    names = {} if form.key_pattern is None else {"propertyNames": {"pattern": f"^(?:{form.key_pattern})$"}}
    return {"type": "object", "additionalProperties": value, **names}
