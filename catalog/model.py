"""The catalog as immutable values: nodes, sources, source tables, virtual tables, bindings, lookups, policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from catalog.errors import NOWHERE, Place, Problem
from catalog.types import Type

if TYPE_CHECKING:
    from catalog.binding import CompiledBinding

from catalog.relations import Relation
from catalog.source_tables import SourceTable

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

    `compiled` has the compiled form of each binding by its id. `warnings`: what is allowed but likely wrong.
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
    warnings: tuple[Problem, ...] = ()

    @cached_property
    def bindings_by_table(self) -> dict[str, tuple[TableBinding, ...]]:
        """The bindings of each table that is not a view, by node and name."""
        found: dict[str, list[TableBinding]] = {name: [] for name, table in self.tables.items() if table.view is None}
        for binding in sorted(self.bindings, key=lambda b: (b.node, b.name)):
            found[binding.table].append(binding)
        return {name: tuple(bindings) for name, bindings in found.items()}

    def source(self, binding: TableBinding) -> Source:
        return self.nodes[binding.node].sources[binding.source]
