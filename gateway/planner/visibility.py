"""What one role may see of one snapshot: the names that bind may know. The first half of the guard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.errors import near_names
from catalog.model import CatalogSnapshot, Column, Policy, TablePolicy, VirtualTable
from gateway.errors import BindError, DeniedError, Position


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibleCatalog:
    """The tables a role may name, each with the columns it may name. `sees_all`: the role is granted every table."""

    snapshot: CatalogSnapshot
    policy: Policy
    tables: Mapping[str, Mapping[str, Column]]
    sees_all: bool

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
