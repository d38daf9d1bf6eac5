"""The catalog as immutable values: nodes, sources, source tables, virtual tables, bindings, lookups, policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from catalog.errors import NOWHERE, Place
from catalog.types import INTEGER, Type

if TYPE_CHECKING:
    from catalog.binding import CompiledBinding

# ---------------------------------------------------------------------------------------------- source tables


@dataclass(frozen=True, slots=True, kw_only=True)
class RawColumn:
    """A column as the adapter delivers it. `nullable` False: declared never NULL."""

    name: str
    type: Type
    nullable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A partition column and the raw column it follows from.

    `function` is `local_year`, `local_month` or `local_date`. `expression` is the text of its argument as written: an
    instant expression such as `from_epoch_ms(ts_ms)`, or a local text column.
    """

    column: str
    function: Literal["local_year", "local_month", "local_date"]
    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlTable:
    """A table that a source describes by columns. `key` is a true unique key; `rows` an estimate, None is unknown."""

    name: str
    columns: tuple[RawColumn, ...]
    key: tuple[str, ...] = ()
    rows: int | None = None
    partitions: tuple[Partition, ...] = ()
    zone: str | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Salt:
    """A salt segment: hash of another segment's logical value (as UTF-8 text; `over` = stored: its stored bytes)."""

    hash: Literal["crc32", "md5", "murmur3"]
    of: str
    modulo: int | None = None
    hex: int | None = None
    over: Literal["logical", "stored"] = "logical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One part of a row key.

    `codec` is a codec name of mapping-language (text, text(gbk), digits, u8, i16be, i32be, i64be, ...). `width` is in
    bytes (characters for text), None only for a last or delimited segment. The raw column is the logical value:
    `reversed` text is turned back, `subtract_from` - stored gives the value. A salt is never delivered.
    """

    name: str
    codec: str = "text"
    width: int | None = None
    reversed: bool = False
    subtract_from: int | None = None
    salt: Salt | None = None
    type: Type = INTEGER


@dataclass(frozen=True, slots=True, kw_only=True)
class RowKey:
    """The layout of an HBase row key: segments in order, between them `delimiter` (None: fixed widths)."""

    segments: tuple[Segment, ...]
    delimiter: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A fixed column of an HBase table. `required`: every row that counts as a row of the table has it."""

    name: str
    family: str
    qualifier: str
    codec: str
    type: Type
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QualifierPart:
    """A field of a wide qualifier (`name` and `codec`), or a constant between fields (`constant`)."""

    name: str = ""
    codec: str = "text"
    type: Type = INTEGER
    constant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WideFamily:
    """A family whose qualifiers carry data: each cell becomes a row. `ranges`: declared bounds of numeric fields."""

    name: str
    family: str
    qualifier: tuple[QualifierPart, ...]
    value_name: str
    value_codec: str
    value_type: Type
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HBaseTable:
    """An HBase table. `versions` all adds the raw column `_timestamp` (milliseconds, integer)."""

    name: str
    row_key: RowKey
    cells: tuple[Cell, ...] = ()
    wide: tuple[WideFamily, ...] = ()
    versions: Literal["latest", "all"] = "latest"
    rows: int | None = None
    zone: str | None = None
    place: Place = NOWHERE

    def family(self, name: str) -> WideFamily:
        return next(wide for wide in self.wide if wide.name == name)


SourceTable = SqlTable | HBaseTable

# -------------------------------------------------------------------------------------------------- relations


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRelation:
    """`from: ods_vitals`, or the rows of an HBase table."""

    table: SourceTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """One joined table: `on` pairs (qualified column of an earlier table, qualified column of this one)."""

    kind: Literal["inner", "left"]
    alias: str
    table: SqlTable
    on: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRelation:
    """`from: a x join b y on y.k = x.k`. Columns are named `x.column`."""

    alias: str
    table: SqlTable
    joins: tuple[Join, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnnestRelation:
    """`from: t unnest diags as d [with ordinality n]`. The table's columns keep their names, the element's are `d.field`
    (a list of plain values: `d`); ordinality starts at 1."""

    table: SqlTable
    column: str
    alias: str
    ordinality: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WideRelation:
    """`from: obs.v`: the cells of one wide family as rows; columns are key segments, fixed cells, qualifier fields, value."""

    table: HBaseTable
    family: str


Relation = TableRelation | JoinRelation | UnnestRelation | WideRelation


def relation_columns(relation: Relation) -> dict[str, RawColumn]:
    """Every raw column a relation delivers, by the name under which it is delivered, in order."""
    match relation:
        case TableRelation(table=either):
            if isinstance(either, SqlTable):
                return _named(list(either.columns))
            return _named([*_key_columns(either), *_cell_columns(either), *_timestamp_column(either)])
        case WideRelation(table=hbase, family=family):
            wide = hbase.family(family)
            fields = [RawColumn(name=p.name, type=p.type, nullable=False) for p in wide.qualifier if p.constant is None]
            value = RawColumn(name=wide.value_name, type=wide.value_type, nullable=False)
            return _named([*_key_columns(hbase), *_cell_columns(hbase), *fields, value, *_timestamp_column(hbase)])
        case JoinRelation(alias=alias, table=table, joins=joins):
            found = [RawColumn(name=f"{alias}.{c.name}", type=c.type, nullable=c.nullable) for c in table.columns]
            for join in joins:
                optional = join.kind == "left"
                found += [
                    RawColumn(name=f"{join.alias}.{c.name}", type=c.type, nullable=c.nullable or optional) for c in join.table.columns
                ]
            return _named(found)
        case UnnestRelation(table=table, column=column, alias=alias, ordinality=ordinality):
            found = list(table.columns)
            element = next(c for c in table.columns if c.name == column).type.element
            assert element is not None
            if element.name == "struct":
                found += [RawColumn(name=f"{alias}.{name}", type=type) for name, type in element.fields]
            else:
                found.append(RawColumn(name=alias, type=element))
            if ordinality is not None:
                found.append(RawColumn(name=ordinality, type=INTEGER, nullable=False))
            return _named(found)


def relation_tables(relation: Relation) -> tuple[SourceTable, ...]:
    """The source tables a relation reads."""
    match relation:
        case JoinRelation(table=table, joins=joins):
            return (table, *(join.table for join in joins))
        case TableRelation(table=any_table) | WideRelation(table=any_table) | UnnestRelation(table=any_table):
            return (any_table,)


def _key_columns(table: HBaseTable) -> list[RawColumn]:
    return [RawColumn(name=s.name, type=s.type, nullable=False) for s in table.row_key.segments if s.salt is None]


def _cell_columns(table: HBaseTable) -> list[RawColumn]:
    return [RawColumn(name=c.name, type=c.type, nullable=not c.required) for c in table.cells]


def _timestamp_column(table: HBaseTable) -> list[RawColumn]:
    return [RawColumn(name="_timestamp", type=INTEGER, nullable=False)] if table.versions == "all" else []


def _named(columns: list[RawColumn]) -> dict[str, RawColumn]:
    return {column.name: column for column in columns}


# ---------------------------------------------------------------------------------------- nodes and virtual tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One database of a node: which adapter reads it, where it is (a URL or `env:NAME`), its tables."""

    node: str
    name: str
    adapter: str
    url: str | None
    options: Mapping[str, object]
    zone: str
    tables: Mapping[str, SourceTable]
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A hospital. `zone` is an IANA time zone name."""

    name: str
    title: str
    zone: str
    sources: Mapping[str, Source]
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a virtual table. `values` is the closed list of its texts, if it has one."""

    name: str
    type: Type
    nullable: bool = True
    tags: frozenset[str] = frozenset()
    unit: str | None = None
    unit_column: str | None = None
    code_system: str | None = None
    values: tuple[str, ...] = ()
    gb_level: int | None = None
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """A named way from one virtual table to another: `join` maps own column to the other's; `many` on the many side."""

    name: str
    table: str
    join: Mapping[str, str]
    many: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualTable:
    """A table that users see. `view` is its SQL over other virtual tables, None if it has bindings. `node` is its first column."""

    name: str
    columns: Mapping[str, Column]
    key: tuple[str, ...]
    relationships: Mapping[str, Relationship] = field(default_factory=dict)
    view: str | None = None
    description: str = ""
    place: Place = NOWHERE


# ---------------------------------------------------------------------------------------------------- bindings


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A code map: `key` columns to `values` columns, all text; empty cells are NULL. `digest` is the CSV's SHA-256."""

    name: str
    key: tuple[str, ...]
    values: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    version: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """value = (x + add) * multiply / divide, in that order; `loinc` None: any analyte."""

    source_unit: str
    unit: str
    loinc: str | None
    add: float
    multiply: float
    divide: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """Conversions, and spellings (how a hospital writes a unit to its UCUM code)."""

    conversions: tuple[Conversion, ...] = ()
    spellings: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupUse:
    """One lookup of a binding: `where` fixes key columns to constants, `key` fills others with expressions (text)."""

    alias: str
    lookup: str
    where: Mapping[str, str]
    key: Mapping[str, str]
    missing: Literal["null", "drop", "flag", "fail"] = "null"
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A quality rule over virtual columns: rows that fail `test` are flagged or dropped."""

    name: str
    test: str
    severity: Literal["flag", "drop"] = "flag"
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestBy:
    """Survivorship: per `key` the first row by `order` (column, descending)."""

    key: tuple[str, ...]
    order: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableBinding:
    """How one source fills one virtual table. Expressions are texts as written; `places` has where each stands."""

    name: str
    node: str
    table: str
    source: str
    relation: Relation
    columns: Mapping[str, str]
    constants: Mapping[str, object] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    where: str | None = None
    keep: str | None = None
    dedupe: tuple[str, ...] = ()
    latest_by: LatestBy | None = None
    lookups: tuple[LookupUse, ...] = ()
    on_error: Mapping[str, Literal["null", "drop", "fail"]] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    zone: str = "UTC"
    case_insensitive: bool = True
    places: Mapping[str, Place] = field(default_factory=dict)
    place: Place = NOWHERE

    @property
    def id(self) -> str:
        """The binding's name in the whole catalog."""
        return f"{self.node}/{self.name}"


# ---------------------------------------------------------------------------------------------------- policies

Mask = Literal["token", "year", "null"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePolicy:
    """What a role sees of one table: rows where `filter` (SQL over unmasked columns) is TRUE, without `hide` columns."""

    filter: str | None = None
    hide: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A role. A table not in `tables` is denied. `column_masks` (table, column) win over `tag_masks`; None lifts the mask."""

    role: str
    tables: Mapping[str, TablePolicy]
    tag_masks: Mapping[str, Mask] = field(default_factory=dict)
    column_masks: Mapping[tuple[str, str], Mask | None] = field(default_factory=dict)
    allow_aggregations: bool = True
    max_rows: int | None = None
    place: Place = NOWHERE

    def mask_of(self, table: str, column: Column) -> Mask | None:
        """The mask of a column: its own rule, else the strictest rule of its tags (null, then token, then year)."""
        if (table, column.name) in self.column_masks:
            return self.column_masks[table, column.name]
        found = {self.tag_masks[tag] for tag in column.tags if tag in self.tag_masks}
        order: tuple[Mask, ...] = ("null", "token", "year")
        return next((mask for mask in order if mask in found), None)


# ---------------------------------------------------------------------------------------------------- snapshot


@dataclass(frozen=True, kw_only=True)
class CatalogSnapshot:
    """One revision of the catalog, whole and immutable. `revision` is a digest of everything in it.

    `compiled` has the compiled form of each binding by its id.
    """

    revision: str
    schema: str
    nodes: Mapping[str, Node]
    tables: Mapping[str, VirtualTable]
    bindings: tuple[TableBinding, ...]
    lookups: Mapping[str, Lookup]
    units: Units
    policies: Mapping[str, Policy]
    compiled: Mapping[str, CompiledBinding] = field(default_factory=dict)

    @cached_property
    def bindings_by_table(self) -> dict[str, tuple[TableBinding, ...]]:
        """The bindings of each table that is not a view, by node and name."""
        found: dict[str, list[TableBinding]] = {name: [] for name, table in self.tables.items() if table.view is None}
        for binding in sorted(self.bindings, key=lambda b: (b.node, b.name)):
            found[binding.table].append(binding)
        return {name: tuple(bindings) for name, bindings in found.items()}

    def source(self, binding: TableBinding) -> Source:
        return self.nodes[binding.node].sources[binding.source]
