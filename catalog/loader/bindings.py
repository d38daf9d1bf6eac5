"""Reads nodes/<node>/<table>[.<name>].yaml into bindings. Expressions stay texts: catalog.mapping compiles them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from catalog.errors import Place, near_names
from catalog.loader.document import Entries
from catalog.loader.forms import Reading, read_form
from catalog.loader.nodes import check_zone
from catalog.loader.problems import UNREADABLE, Problems
from catalog.loader.relations import RelationError, parse_relation
from catalog.loader.shapes import BINDING
from catalog.mapping.reading import FLAGS
from catalog.model import Check, LatestBy, Lookup, LookupUse, Node, Source, TableBinding, VirtualTable
from catalog.relations import JoinRelation, Relation, relation_columns, relation_tables
from catalog.source_tables import HBaseTable


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a binding may name. `broken_tables`: virtual tables whose files could not be read."""

    node: Node
    tables: Mapping[str, VirtualTable]
    broken_tables: frozenset[str]
    lookups: Mapping[str, Lookup]
    lookups_known: bool


@dataclass(frozen=True, slots=True)
class ReadBinding:
    """A binding as read. `sound` False: a name that its expressions may use is a problem already, so nothing is said of them."""

    binding: TableBinding
    sound: bool


def read_binding(document: Entries, file: str, stem: str, around: Surroundings, problems: Problems) -> ReadBinding | None:
    """The binding, or None if its table, source or relation is not known, so that its expressions mean nothing."""
    reading = read_form(document, BINDING, problems)
    data = reading.data
    table = _table(reading, stem, around, problems)
    if table is not None:
        _check_columns(reading, table, problems)
    lookups = _lookups(reading, around, problems)
    source = _source(reading, around.node, problems)
    relation = None if source is None or "from" not in data else _relation(data["from"], reading.at("from"), source, problems)
    zone = check_zone(data.get("zone"), reading.at("zone"), problems)
    if table is None or source is None or relation is None:
        return None
    _check_aliases(lookups, relation, reading, problems)
    names = _RawNames(relation, reading, problems)
    binding = TableBinding(
        name=stem,
        node=around.node.name,
        table=table.name,
        source=source.name,
        relation=relation,
        columns={name: text for name, text in data.get("columns", {}).items() if name in table.columns},
        constants={name: value for name, value in data.get("constants", {}).items() if name in table.columns},
        absent=frozenset(name for name in data.get("absent", ()) if name in table.columns),
        where=data.get("where"),
        keep=data.get("keep"),
        dedupe=names.resolve_all(data.get("dedupe", []), "dedupe"),
        latest_by=_latest_by(data.get("latest_by"), names),
        lookups=lookups,
        on_error=data.get("on_error", {}),
        checks=_checks(reading),
        zone=zone or next((t.zone for t in relation_tables(relation) if t.zone), source.zone),
        case_insensitive=not any(isinstance(t, HBaseTable) for t in relation_tables(relation)),
        places=reading.places,
        place=Place(file, 1),
    )
    types = [*(c.type for c in table.columns.values()), *(c.type for c in relation_columns(relation).values())]
    readable = UNREADABLE not in types
    return ReadBinding(binding, sound=readable and len(lookups) == len(data.get("lookups", {})))


def _table(reading: Reading, stem: str, around: Surroundings, problems: Problems) -> VirtualTable | None:
    name = reading.data.get("table", stem.partition(".")[0])
    if name != stem.partition(".")[0]:
        problems.add("C104", reading.at("table"), f"the binding is for {name}, but its file is {stem}.yaml", f"call it {name}.yaml")
    table = around.tables.get(name)
    if table is None:
        if name not in around.broken_tables:
            problems.add("C202", reading.at("table"), f"unknown virtual table {name}", near_names(name, around.tables))
        return None
    if table.view is not None:
        problems.add("C202", reading.at("table"), f"{name} is a view and takes no bindings", "bind the tables it reads")
        return None
    return table


def _check_columns(reading: Reading, table: VirtualTable, problems: Problems) -> None:
    """Every virtual column is said once: in columns, constants or absent."""
    said: dict[str, Place] = {}
    for section in ("columns", "constants", "absent"):
        for index, name in enumerate(reading.data.get(section, ())):
            place = reading.at("absent", str(index)) if section == "absent" else reading.at_key(section, name)
            if name == "node":
                problems.add("C104", place, "the column node is set by the gateway", "leave it out")
            elif name not in table.columns:
                problems.add("C204", place, f"unknown virtual column {name}", near_names(name, table.columns))
            elif name in said:
                problems.add("C105", place, f"the column {name} is said twice", f"the first is at line {said[name].line}")
            elif section == "absent" and not table.columns[name].nullable:
                problems.add(
                    "C210", place, f"the column {name} is never NULL, so it cannot be absent", "give it an expression or a constant"
                )
            said.setdefault(name, place)
    for name in table.columns:
        written = reading.key_places.get(f"columns.{name}") or reading.key_places.get(f"constants.{name}")
        if name not in ("node", FLAGS) and name not in said and written is None:
            hint = "add it to columns, constants or absent"
            problems.add("C209", reading.at_key("columns"), f"the column {name} of {table.name} has no expression", hint)
    for name in reading.data.get("on_error", ()):
        if name not in reading.data.get("columns", {}):
            place = reading.at_key("on_error", name)
            problems.add(
                "C204", place, f"on_error names {name}, which has no expression", near_names(name, reading.data.get("columns", {}))
            )


def _source(reading: Reading, node: Node, problems: Problems) -> Source | None:
    name = reading.data.get("source")
    if name is None:
        return None
    source = node.sources.get(name)
    if source is None:
        problems.add("C201", reading.at("source"), f"{node.name} has no source {name}", near_names(name, node.sources))
    return source


def _relation(text: str, place: Place, source: Source, problems: Problems) -> Relation | None:
    try:
        return parse_relation(text, source.tables)
    except RelationError as error:
        single_line = "\n" not in text.strip()
        at = Place(place.file, place.line, place.column + error.offset) if single_line else place
        problems.add(error.code, at, error.fact, error.hint)
        return None


class _RawNames:
    """Brings names of raw columns to the spelling in which the relation delivers them."""

    def __init__(self, relation: Relation, reading: Reading, problems: Problems) -> None:
        self._columns = relation_columns(relation)
        self._folded = {} if isinstance(relation_tables(relation)[0], HBaseTable) else {name.lower(): name for name in self._columns}
        self._joined = isinstance(relation, JoinRelation)
        self._reading, self._problems = reading, problems

    def resolve(self, name: str, *path: str) -> str | None:
        found = name if name in self._columns else self._folded.get(name.lower())
        if found is None:
            unqualified = self._joined and "." not in name
            hint = "with a join, qualify every column, as in x.key" if unqualified else near_names(name, self._columns)
            self._problems.add("C203", self._reading.at(*path), f"unknown raw column {name}", hint)
        return found

    def resolve_all(self, names: list[str], *path: str) -> tuple[str, ...]:
        found = [self.resolve(name, *path, str(index)) for index, name in enumerate(names)]
        return tuple(name for name in found if name is not None)

    def resolve_order(self, texts: list[str], *path: str) -> tuple[tuple[str, bool], ...]:
        found: list[tuple[str, bool]] = []
        for index, text in enumerate(texts):
            name, _, direction = text.partition(" ")
            if direction.strip().lower() not in ("", "asc", "desc"):
                hint = "write a column, then desc or asc"
                self._problems.add("C104", self._reading.at(*path, str(index)), f"{text} is not an order", hint)
            column = self.resolve(name, *path, str(index))
            if column is not None:
                found.append((column, direction.strip().lower() == "desc"))
        return tuple(found)


def _latest_by(data: dict[str, Any] | None, names: _RawNames) -> LatestBy | None:
    if data is None:
        return None
    key = names.resolve_all(data.get("key", []), "latest_by", "key")
    return LatestBy(key=key, order=names.resolve_order(data.get("order", []), "latest_by", "order"))


def _checks(reading: Reading) -> tuple[Check, ...]:
    return tuple(
        Check(name=name, test=data["test"], severity=data.get("severity", "flag"), place=reading.at("checks", name, "test"))
        for name, data in reading.data.get("checks", {}).items()
        if "test" in data
    )


def _lookups(reading: Reading, around: Surroundings, problems: Problems) -> tuple[LookupUse, ...]:
    found: list[LookupUse] = []
    for alias, data in reading.data.get("lookups", {}).items():
        name = data.get("lookup")
        if name is None:
            continue
        lookup = around.lookups.get(name)
        if lookup is None:
            if around.lookups_known:
                place = reading.at("lookups", alias, "lookup")
                problems.add("C205", place, f"unknown lookup {name}", near_names(name, around.lookups))
            continue
        _check_lookup_key(alias, data, lookup, reading, problems)
        missing: Literal["null", "drop", "flag", "fail"] = data.get("missing", "null")
        place = reading.at_key("lookups", alias)
        found.append(
            LookupUse(alias=alias, lookup=name, where=data.get("where", {}), key=data.get("key", {}), missing=missing, place=place)
        )
    return tuple(found)


def _check_aliases(lookups: tuple[LookupUse, ...], relation: Relation, reading: Reading, problems: Problems) -> None:
    """`item.code` must mean one thing."""
    prefixes = {name.partition(".")[0].lower() for name in relation_columns(relation) if "." in name}
    for use in lookups:
        if use.alias.lower() in prefixes:
            problems.add(
                "C105", reading.at_key("lookups", use.alias), f"the name {use.alias} is already a prefix in from", "choose another"
            )


def _check_lookup_key(alias: str, data: dict[str, Any], lookup: Lookup, reading: Reading, problems: Problems) -> None:
    """`where` and `key` together name each key column of the lookup once."""
    given: set[str] = set()
    for section in ("where", "key"):
        for column in data.get(section, {}):
            place = reading.at_key("lookups", alias, section, column)
            if column not in lookup.key:
                problems.add("C205", place, f"{column} is not a key column of the lookup {lookup.name}", near_names(column, lookup.key))
            elif column in given:
                problems.add("C105", place, f"the key column {column} is given twice", "in where or in key")
            given.add(column)
    for column in lookup.key:
        if column not in given:
            problems.add(
                "C205", reading.at_key("lookups", alias), f"the key column {column} of {lookup.name} is not given", "add it to where or key"
            )
