"""Views and policies are SQL: whether they bind is checked when a catalog is attached. What does not bind denies."""

from __future__ import annotations

from catalog.errors import Problem
from catalog.model import CatalogSnapshot, Policy, VirtualTable
from gateway.errors import GatewayError
from gateway.planner.guard import bind_filter
from gateway.planner.inner import kind_of, to_inner
from gateway.planner.names import resolve
from gateway.planner.parse import parse
from gateway.planner.visibility import VisibleCatalog


def policy_problems(snapshot: CatalogSnapshot) -> tuple[Problem, ...]:
    """Every view that does not bind or does not yield its declared columns, every filter that does not bind, every mask that does not fit."""
    everything = _everything(snapshot)
    found = [problem for table in snapshot.tables.values() if table.view is not None for problem in _view_problems(table, everything)]
    for policy in snapshot.policies.values():
        found += _filter_problems(policy, everything)
        found += _mask_problems(policy, snapshot)
    return tuple(found)


def _everything(snapshot: CatalogSnapshot) -> VisibleCatalog:
    tables = {name: table.columns for name, table in snapshot.tables.items()}
    return VisibleCatalog(snapshot=snapshot, policy=Policy(role="", tables={}), tables=tables, sees_all=True)


def _view_problems(table: VirtualTable, everything: VisibleCatalog) -> list[Problem]:
    text = table.view or ""
    try:
        tree = to_inner(resolve(parse(text), text, everything), text)
    except GatewayError as error:
        return [Problem("C214", table.place, f"the view {table.name} does not bind: {error.fact}", error.hint)]
    got = list(getattr(tree, "named_selects", ()))
    missing = [name for name in table.columns if name not in got]
    if missing:
        return [Problem("C214", table.place, f"the view {table.name} does not yield {', '.join(missing)}", f"it yields {', '.join(got)}")]
    return []


def _filter_problems(policy: Policy, everything: VisibleCatalog) -> list[Problem]:
    found = []
    for name, rule in policy.tables.items():
        if rule.filter is None or name not in everything.snapshot.tables:
            continue
        try:
            condition = bind_filter(rule.filter, everything.snapshot.tables[name], everything)
            if kind_of(condition) not in ("boolean", "", "null"):
                found.append(Problem("C213", policy.place, f"the filter of {name} for role {policy.role} is not a condition"))
        except GatewayError as error:
            found.append(
                Problem("C213", policy.place, f"the filter of {name} for role {policy.role} does not bind: {error.fact}", error.hint)
            )
    return found


def _mask_problems(policy: Policy, snapshot: CatalogSnapshot) -> list[Problem]:
    found = []
    for name in policy.tables:
        table = snapshot.tables.get(name)
        for column in table.columns.values() if table is not None else ():
            mask = policy.mask_of(name, column)
            fits = (
                mask in (None, "null")
                or (mask == "token" and column.type.is_text)
                or (mask == "year" and column.type.name in ("date", "timestamp"))
            )
            if not fits and (name, column.name) in policy.column_masks:
                fact = f"the mask {mask} does not fit {name}.{column.name} of type {column.type}"
                found.append(Problem("C213", policy.place, fact, "token masks text, year masks date and timestamp; use 'null'"))
    return found
