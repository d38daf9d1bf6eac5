"""What a change would do, by meaning: tables, columns, bindings, sources, codes, units and roles that are added, removed or changed.

Comments, layout and the order of keys are no change. What is compared are two loaded snapshots, flattened into facts: a path of words to a text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Literal, TypeGuard

from catalog.errors import Place
from catalog.mapping.errors import ExpressionError
from catalog.mapping.tokens import tokenize
from catalog.model import CatalogSnapshot, Lookup, Source, Units
from catalog.source_tables import HBaseTable, SqlTable
from catalog.store.documents import load_documents
from catalog.store.log import open_log
from catalog.store.storage import Storage
from catalog.types import Type

Words = tuple[str, ...]
Loading = Callable[[Mapping[str, str]], CatalogSnapshot]


@dataclass(frozen=True, slots=True)
class Fact:
    """`value` is compared, `shown` is what people see: options of sources, which may hold secrets, are not shown."""

    value: str
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`what`: from the whole to the part, such as ("table patient", "column sex", "type"). `old`, `new`: empty for what is added, removed.

    `breaks`: what may stop working, empty if nothing is known to.
    """

    kind: Literal["added", "removed", "changed"]
    what: Words
    old: str = ""
    new: str = ""
    breaks: str = ""

    def __str__(self) -> str:
        sign = {"added": "+", "removed": "-", "changed": "~"}[self.kind]
        values = f": {self.old} → {self.new}" if self.kind == "changed" else ""
        return f"{sign} {', '.join(self.what)}{values}" + (f"  ({self.breaks})" if self.breaks else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`base`: the revision that was compared with, to be given to `apply`. `files`: paths whose text differs, in whatever way."""

    base: int
    differences: tuple[Difference, ...]
    files: tuple[str, ...]


def plan(storage: Storage, documents: Mapping[str, str], *, load: Loading = load_documents) -> Plan:
    """What applying the documents would change. Raises CatalogError if they are no catalog, Damaged, StorageError."""
    image = open_log(storage).image
    new = facts(load(documents))
    old = facts(load(image.documents)) if image.revision else {}
    paths = {*image.documents, *documents}
    changed = sorted(path for path in paths if image.documents.get(path) != documents.get(path))
    return Plan(base=image.revision, differences=tuple(differences(old, new)), files=tuple(changed))


def differences(old: Mapping[Words, Fact], new: Mapping[Words, Fact]) -> Iterator[Difference]:
    """The largest things that are only on one side, and the facts that differ within what both have; in order of their words."""
    wholes_old, wholes_new = _wholes(old), _wholes(new)
    told: set[Words] = set()
    for path in sorted({*old, *new}):
        before, after = old.get(path), new.get(path)
        if before is not None and after is not None:
            if before.value != after.value:
                yield Difference(
                    kind="changed", what=path, old=before.shown, new=after.shown, breaks=_consequence("changed", path, before, after)
                )
            continue
        own, others = (wholes_old, wholes_new) if after is None else (wholes_new, wholes_old)
        whole = next(path[:length] for length in range(1, len(path) + 1) if path[:length] not in others)
        assert whole in own
        if whole not in told:
            told.add(whole)
            kind: Literal["removed", "added"] = "removed" if after is None else "added"
            yield Difference(kind=kind, what=whole, breaks=_consequence(kind, whole, before, after))


def _wholes(found: Iterable[Words]) -> set[Words]:
    return {path[:length] for path in found for length in range(1, len(path) + 1)}


# ------------------------------------------------------------------------------------------------- what breaks

_BREAKS: dict[tuple[str, Words], str] = {
    ("removed", ("table",)): "queries, GraphQL fields and policies that name it fail",
    ("removed", ("table", "column")): "queries, GraphQL fields and policies that name it fail",
    ("removed", ("table", "relationship")): "GraphQL queries that follow it fail",
    ("changed", ("table", "column", "type")): "queries that compare it with the old type may fail; its GraphQL type changes",
    ("changed", ("table", "column", "unit")): "numbers mean something else; rules and reports must follow",
    ("changed", ("table", "key")): "GraphQL identifies its rows in another way",
    ("removed", ("hospital",)): "its rows are in no table any more",
    ("removed", ("hospital", "source")): "bindings to it are gone",
    ("removed", ("binding",)): "its rows are not in the table any more",
    ("removed", ("code map", "row")): "rows with this code have no meaning any more",
    ("removed", ("units", "spelling")): "values in this unit become NULL",
    ("removed", ("units", "conversion")): "values in this unit become NULL",
    ("removed", ("role",)): "accounts of this role are refused",
    ("removed", ("role", "table")): "the role does not see the table any more",
}


def _consequence(kind: str, path: Words, before: Fact | None, after: Fact | None) -> str:
    kinds = tuple(_word_of(word) for word in path)
    if kind == "changed" and kinds == ("table", "column", "nullable") and after is not None and after.value == "True":
        return "GraphQL clients that rely on a value may meet none"
    if kind == "changed" and kinds[0] == "role" and before is not None:
        return "the role sees other rows or columns"
    return _BREAKS.get((kind, kinds), "")


def _word_of(word: str) -> str:
    """`column sex` is a column."""
    return next((kind for kind in _KINDS if word == kind or word.startswith(f"{kind} ")), word)


# ------------------------------------------------------------------------------------------------- facts

_SINGULAR = {
    "columns": "column",
    "relationships": "relationship",
    "sources": "source",
    "tables": "table",
    "constants": "constant",
    "lookups": "lookup",
    "checks": "check",
    "segments": "segment",
    "cells": "cell",
    "wide": "wide family",
    "partitions": "partition",
    "options": "option",
    "tag_masks": "mask of tag",
    "column_masks": "mask of column",
}
_KINDS = ("table", "column", "relationship", "hospital", "source", "binding", "code map", "row", "units", "spelling", "conversion", "role")
_EXPRESSIONS = {"columns", "where", "keep", "test", "view", "filter", "key", "expression"}


def facts(snapshot: CatalogSnapshot) -> dict[Words, Fact]:
    """Everything that the snapshot says, but for where it stands in which file."""
    found: dict[Words, Fact] = {("catalog", "schema"): _plain(snapshot.schema)}
    for name, table in snapshot.tables.items():
        found |= _flat(table, (f"table {name}",))
    for name, node in snapshot.nodes.items():
        found |= _flat(node, (f"hospital {name}",))
    for binding in snapshot.bindings:
        found |= _flat(binding, (f"binding {binding.id}",))
    for name, lookup in snapshot.lookups.items():
        found |= _codes(lookup, f"code map {name}")
    for role, policy in snapshot.policies.items():
        found |= _flat(policy, (f"role {role}",))
    return found | _units(snapshot.units)


def _flat(value: object, path: Words, field: str = "") -> dict[Words, Fact]:
    if isinstance(value, SqlTable | HBaseTable) and field == "table":  # of a binding's relation: what it is like stands at its source
        return {path: _plain(value.name)}
    if is_dataclass(value) and not isinstance(value, (type, Type)):
        inside: dict[Words, Fact] = {}
        for each in fields(value):
            part = getattr(value, each.name)
            if isinstance(part, Place) or each.name in ("places", "name", "table" if isinstance(value, Source) else ""):
                continue
            if isinstance(value, Source) and each.name == "options":
                inside |= {(*path, f"option {key}"): Fact(repr(option), "(not shown)") for key, option in part.items()}
            else:
                inside |= _flat(part, _below(path, each.name, part), each.name)
        return inside or {path: _plain("")}
    if isinstance(value, Mapping):
        found: dict[Words, Fact] = {}
        for key, part in value.items():
            word = ".".join(key) if isinstance(key, tuple) else str(key)
            found |= _flat(part, (*path, f"{_SINGULAR.get(field, field)} {word}"), field)
        return found
    if _has_named_parts(value):
        found = {}
        for part in value:
            found |= _flat(part, (*path, f"{_SINGULAR.get(field, field)} {_name_of(part)}"), field)
        return found
    return {path: _text(value, field)}


def _below(path: Words, field: str, part: object) -> Words:
    """Things with names of their own stand below their whole at once; a plain field below its own name."""
    return path if field in _SINGULAR and (isinstance(part, Mapping) or _has_named_parts(part)) else (*path, field)


def _has_named_parts(value: object) -> TypeGuard[tuple[object, ...]]:
    return isinstance(value, tuple) and bool(value) and all(is_dataclass(part) and _name_of(part) is not None for part in value)


def _name_of(part: object) -> str | None:
    return next((getattr(part, field) for field in ("alias", "name", "column") if hasattr(part, field)), None)


def _text(value: object, field: str) -> Fact:
    if isinstance(value, str) and field in _EXPRESSIONS:
        return Fact(_tokens(value), " ".join(value.split()))
    if isinstance(value, frozenset):
        return _plain(", ".join(sorted(str(each) for each in value)))
    if isinstance(value, tuple):
        return Fact(repr(value), ", ".join(str(each) for each in value))
    return Fact(repr(value), "none" if value is None else str(value))


def _plain(text: str) -> Fact:
    return Fact(text, text)


def _tokens(text: str) -> str:
    """The text of an expression without its layout; as it is, if it is not one of the mapping language."""
    try:
        return repr([(token.kind, token.text) for token in tokenize(text)])
    except ExpressionError:
        return text


def _codes(lookup: Lookup, name: str) -> dict[Words, Fact]:
    found: dict[Words, Fact] = {
        (name, "version"): _plain(lookup.version),
        (name, "columns of the file"): _plain(", ".join((*lookup.key, *lookup.values))),
    }
    for row in lookup.rows:
        key, values = row[: len(lookup.key)], row[len(lookup.key) :]
        found[name, f"row {', '.join(str(cell) for cell in key)}"] = _plain(", ".join("" if cell is None else cell for cell in values))
    return found


def _units(units: Units) -> dict[Words, Fact]:
    found: dict[Words, Fact] = {("units", f"spelling {spelling}"): _plain(unit) for spelling, unit in units.spellings.items()}
    for each in units.conversions:
        word = f"conversion {each.source_unit} to {each.unit}" + (f" of {each.loinc}" if each.loinc else "")
        found["units", word] = _plain(f"(x + {each.add}) * {each.multiply} / {each.divide}")
    return found
