"""What the database's own catalog says of tables, columns and types. Asked once per table, and again when a statement fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.postgres.natives import Collation, Native, raw_type
from catalog.source_tables import RawColumn, SqlTable

Ask = Callable[[str, Sequence[str]], Sequence[tuple[str | None, ...]]]
"""Sends a statement with its parameters as text and gives the rows as text."""

# NOT NULL of a foreign table is a claim that nobody checks. Columns that a key's index only includes (INCLUDE) are not of the key.
# Catalog columns that came with a later version (collisdeterministic, datlocprovider) are looked for in the row as JSON.
_TABLES = """
SELECT c.oid, c.relname, c.reltuples::bigint, coalesce((
    SELECT json_agg(a.attname ORDER BY array_position(i.indkey::int2[], a.attnum))
    FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
    WHERE i.indrelid = c.oid AND i.indisprimary), '[]')
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind IN ('r', 'v', 'm', 'f', 'p') AND ($2 = '' OR c.relname = $2)
AND (pg_catalog.has_table_privilege(c.oid, 'SELECT') OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT') OR $2 <> '')
ORDER BY c.relname
"""
_COLUMNS = """
SELECT a.attrelid, a.attname, a.atttypid, a.atttypmod, a.attnotnull AND c.relkind <> 'f', a.attcollation
FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
"""
_TYPES = """
SELECT t.oid, t.typname, t.typtype, t.typcategory, t.typbasetype, t.typtypmod, t.typelem, t.typrelid, t.typcollation, t.typlen
FROM pg_catalog.pg_type AS t WHERE t.oid = ANY ($1::oid[])
"""
_COLLATIONS = """
SELECT c.oid, pg_catalog.to_json(c) FROM pg_catalog.pg_collation AS c WHERE c.oid = ANY ($1::oid[])
UNION ALL
SELECT 0, pg_catalog.to_json(d) FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()
"""
_DEFAULT_COLLATION = 100
_BYTE_ORDERS = frozenset({"C", "POSIX"})


@dataclass(frozen=True, slots=True)
class NativeColumn:
    name: str
    native: Native
    nullable: bool


@dataclass(frozen=True, slots=True)
class NativeTable:
    """A table or view as it is. `rows` is the server's estimate; None: it has none."""

    name: str
    columns: Mapping[str, NativeColumn]
    key: tuple[str, ...]
    rows: int | None

    def described(self) -> SqlTable:
        """As node.yaml would have it."""
        columns = tuple(
            RawColumn(name=column.name, type=raw_type(column.native), nullable=column.nullable) for column in self.columns.values()
        )
        return SqlTable(name=self.name, columns=columns, key=self.key, rows=self.rows)


def read_tables(ask: Ask, schema: str, name: str = "") -> dict[str, NativeTable]:
    """The tables and views of a schema that the account may read, or the one of this name, whether it may be read or not."""
    tables = ask(_TABLES, [schema, name])
    columns = _attributes(ask, [int(oid or 0) for oid, *_ in tables])
    types = _Types(ask)
    types.learn((attribute.type for found in columns.values() for attribute in found), columns)
    found = {}
    for oid, table, rows, key in tables:
        attributes = columns.get(int(oid or 0), [])
        found[str(table)] = NativeTable(
            name=str(table),
            columns={a.name: NativeColumn(a.name, types.native(a.type, a.modifier, a.collation), a.nullable) for a in attributes},
            key=tuple(json.loads(key or "[]")),
            rows=int(rows) if rows is not None and int(rows) >= 0 else None,
        )
    return found


@dataclass(frozen=True, slots=True)
class _Attribute:
    name: str
    type: int
    modifier: int
    nullable: bool
    collation: int


@dataclass(frozen=True, slots=True)
class _PgType:
    """A row of pg_type."""

    name: str
    kind: str
    category: str
    base: int
    base_modifier: int
    element: int
    relation: int
    collation: int
    length: int

    @property
    def is_array(self) -> bool:
        """A true array: not a type of a fixed length that may be subscripted, such as point."""
        return self.category == "A" and self.element != 0 and self.length == -1


def _attributes(ask: Ask, relations: Sequence[int]) -> dict[int, list[_Attribute]]:
    found: dict[int, list[_Attribute]] = {}
    if not relations:
        return found
    for relation, name, type, modifier, not_null, collation in ask(_COLUMNS, [_oids(relations)]):
        attribute = _Attribute(str(name), int(type or 0), int(modifier or -1), not_null == "f", int(collation or 0))
        found.setdefault(int(relation or 0), []).append(attribute)
    return found


@dataclass(slots=True)
class _Types:
    """pg_type and what hangs on it, as far as the columns at hand need it."""

    ask: Ask
    types: dict[int, _PgType] = field(default_factory=dict)
    fields: dict[int, list[_Attribute]] = field(default_factory=dict)
    collations: dict[int, Mapping[str, Any]] = field(default_factory=dict)

    def learn(self, wanted: Iterable[int], columns: Mapping[int, Sequence[_Attribute]]) -> None:
        """The types, and what they are made of, and the collations of all."""
        missing = set(wanted)
        while missing:
            rows = self.ask(_TYPES, [_oids(missing)])
            for oid, name, kind, category, *numbers in rows:
                self.types[int(oid or 0)] = _PgType(str(name), str(kind), str(category), *(int(number or 0) for number in numbers))
            new = [self.types[oid] for oid in missing if oid in self.types]
            relations = [type.relation for type in new if type.kind == "c"]
            self.fields |= _attributes(self.ask, relations)
            made_of = {oid for type in new for oid in (type.base, type.element) if oid}
            made_of |= {attribute.type for relation in relations for attribute in self.fields.get(relation, ())}
            missing = made_of - set(self.types)
        known = [attribute for found in (*columns.values(), *self.fields.values()) for attribute in found]
        collations = {attribute.collation for attribute in known} | {type.collation for type in self.types.values()}
        self.collations = {int(oid or 0): json.loads(row or "{}") for oid, row in self.ask(_COLLATIONS, [_oids(collations)])}

    def native(self, oid: int, modifier: int = -1, collation: int = 0) -> Native:
        type = self.types.get(oid)
        if type is None:
            return Native(name="unknown")
        if type.kind == "d":
            base = self.native(type.base, type.base_modifier, collation or type.collation)
            return _domain(base)
        if type.kind == "c":
            members = tuple((a.name, self.native(a.type, a.modifier, a.collation)) for a in self.fields.get(type.relation, ()))
            return Native(name="composite", fields=members)
        if type.is_array:
            return Native(name="array", element=self.native(type.element, modifier, collation))
        if type.kind in _KINDS:
            return Native(name=_KINDS[type.kind])
        collation = collation or type.collation
        if type.name == "numeric" and modifier >= 4:
            # The scale has eleven bits, and may be negative since PostgreSQL 15.
            precision, scale = ((modifier - 4) >> 16) & 0xFFFF, (((modifier - 4) & 0x7FF) ^ 1024) - 1024
            return Native(name="numeric", precision=precision, scale=scale)
        return Native(name=type.name, collation=self._collation(collation), collation_id=collation)

    def _collation(self, oid: int) -> Collation:
        row = self.collations.get(0 if oid == _DEFAULT_COLLATION else oid, {})
        provider, place = row.get("collprovider", row.get("datlocprovider", "c")), row.get("collcollate", row.get("datcollate"))
        if not row.get("collisdeterministic", True):
            return "loose"
        # `b` is PostgreSQL 17's own provider: all its locales sort by code point.
        return "bytes" if provider == "b" or (provider == "c" and place in _BYTE_ORDERS) else "exact"


_KINDS = {"e": "enum", "r": "range", "m": "range"}


def _domain(base: Native) -> Native:
    return Native(
        name=base.name,
        is_domain=True,
        precision=base.precision,
        scale=base.scale,
        collation=base.collation,
        collation_id=base.collation_id,
        element=base.element,
        fields=base.fields,
    )


def _oids(oids: Iterable[int]) -> str:
    return "{" + ",".join(str(oid) for oid in oids) + "}"
