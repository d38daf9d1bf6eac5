"""What one role may see of one snapshot: the names that bind may know. The first half of the guard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from sqlglot import MappingSchema, exp

from catalog.errors import near_names
from catalog.model import CatalogSnapshot, Column, Policy, TablePolicy, VirtualTable
from catalog.types import Type
from gateway.errors import BindError, DeniedError, Position


@dataclass(frozen=True, kw_only=True)
class VisibleCatalog:
    """The tables a role may name, each with the columns it may name. `sees_all`: the role is granted every table."""

    snapshot: CatalogSnapshot
    policy: Policy
    tables: Mapping[str, Mapping[str, Column]]
    sees_all: bool

    @property
    def view_schema(self) -> str:
        """The schema in which the tables inside a view are bound: there a column hidden from the role still has its name."""
        return f"{self.snapshot.schema}$view"

    @cached_property
    def mapping_schema(self) -> MappingSchema:
        """The names and types for sqlglot, made once per role."""
        everything = {name: table.columns for name, table in self.snapshot.tables.items()}
        schemas = {self.snapshot.schema: self.tables, self.view_schema: everything}
        typed: dict[str, object] = {
            schema: {t: {c: sql_type(s.type) for c, s in cs.items()} for t, cs in tables.items()} for schema, tables in schemas.items()
        }
        return MappingSchema(typed, dialect="postgres")

    def columns(self, table: exp.Table) -> Mapping[str, Column]:
        """The columns that a table shows where it stands."""
        if table.db == self.view_schema:
            return self.snapshot.tables[table.name].columns
        return self.tables.get(table.name, {})

    def table(self, name: str, position: Position | None) -> VirtualTable:
        """The table of this name. Raises B101, or G101 alike for a table that is hidden and one that does not exist."""
        if name in self.tables:
            return self.snapshot.tables[name]
        hint = near_names(name, self.tables)
        if self.sees_all:
            raise BindError("B101", f"there is no table {name[:80]}", position=position, hint=hint)
        raise DeniedError("G101", f"the role {self.policy.role} is not granted a table {name[:80]}", position=position, hint=hint)


def visible_catalog(snapshot: CatalogSnapshot, role: str) -> VisibleCatalog:
    """Raises DeniedError G102 if no policy defines the role."""
    policy = snapshot.policies.get(role)
    if policy is None:
        raise DeniedError("G102", f"there is no role {role[:80]}", hint="roles are defined in policies/*.yaml")
    tables = {
        name: {column: spec for column, spec in snapshot.tables[name].columns.items() if column not in table.hide}
        for name, table in policy.tables.items()
        if name in snapshot.tables
    }
    return VisibleCatalog(snapshot=snapshot, policy=policy, tables=tables, sees_all=set(tables) == set(snapshot.tables))


def table_policy(policy: Policy, table: str) -> TablePolicy:
    """The role's policy of a table; for a table reached through a granted view only, an empty one."""
    return policy.tables.get(table, TablePolicy())


def sql_type(type: Type) -> str:
    """The spelling of a virtual column's type for sqlglot's type annotation."""
    match type.name:
        case "integer" | "bigint":
            return "BIGINT"
        case "timestamp":
            return "TIMESTAMPTZ"
        case "decimal":
            return f"DECIMAL({type.precision}, {type.scale})"
        case "list":
            assert type.element is not None
            return f"{sql_type(type.element)}[]"
        case _:
            return type.name.upper()
