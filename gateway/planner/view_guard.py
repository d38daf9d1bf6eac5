"""The guard of a derived table: its own row filter, hidden columns and masks, put around its SQL where it is expanded.

The tables below it are guarded at their leaves as everywhere. What is left for the view itself is done in the merge, which
has no key: a `token` mask passes a column that is already masked below, and is NULL for any other.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from catalog.model import Column, Mask, Policy
from gateway.planner.parse import parse_condition
from gateway.planner.visibility import VisibleCatalog, table_policy

POLICY = "policy"
"""The meta key of nodes that come from a policy's filter."""

_ROWS = "view_rows"


def guarded_view(view: exp.Expr, name: str, shown: list[str], visible: VisibleCatalog) -> exp.Select:
    """`SELECT shown columns, masked FROM (view) WHERE the role's filter`. `view` has its tables resolved."""
    table = visible.snapshot.tables[name]
    columns = [_shown(table.columns[column], name, view, visible) for column in shown]
    query = exp.select(*columns).from_(exp.Subquery(this=view, alias=exp.TableAlias(this=exp.to_identifier(_ROWS))))
    rule = table_policy(visible.policy, name)
    if rule.filter is None:
        return query
    condition = normalize_identifiers(parse_condition(rule.filter), dialect="postgres")
    for node in condition.walk():
        node.meta.clear()
        node.meta[POLICY] = True
    return query.where(condition, copy=False)


def _shown(column: Column, view_name: str, view: exp.Expr, visible: VisibleCatalog) -> exp.Expr:
    reference = exp.column(column.name, _ROWS)
    mask = visible.policy.mask_of(view_name, column)
    null = exp.cast(exp.Null(), column.type.duckdb, dialect="duckdb")
    match mask:
        case None:
            return reference
        case "token" if _masked_below(column.name, view, visible.policy, visible) is not None:
            return reference
        case "year" if column.type.name in ("date", "timestamp"):
            year = exp.TimestampTrunc(this=reference, unit=exp.var("YEAR"))
            return exp.alias_(exp.cast(year, column.type.duckdb, dialect="duckdb"), column.name)
        case _:
            return exp.alias_(null, column.name)


def _masked_below(column: str, view: exp.Expr, policy: Policy, visible: VisibleCatalog) -> Mask | None:
    """The mask that the leaf already puts on a column which the view passes through as it is."""
    if not isinstance(view, exp.Select):
        return None
    projection = next((p.unalias() for p in view.expressions if p.alias_or_name == column), None)
    tables = [table for table in view.find_all(exp.Table) if table.name in visible.snapshot.tables]
    from_ = view.args.get("from_")
    if not isinstance(projection, exp.Column) or len(tables) != 1 or from_ is None or from_.this is not tables[0]:
        return None  # a query between may have given the name to another column
    spec = visible.snapshot.tables[tables[0].name].columns.get(projection.name)
    return policy.mask_of(tables[0].name, spec) if spec is not None else None
