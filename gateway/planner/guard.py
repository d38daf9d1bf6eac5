"""guard: the role's row filters and masks, put at the leaf before anything of the user's. It cannot be skipped: cut asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from catalog.model import Mask, VirtualTable
from catalog.predicates import Predicate
from gateway.errors import DeniedError
from gateway.planner.inner import to_inner
from gateway.planner.leaf_filters import split_and
from gateway.planner.names import resolve
from gateway.planner.parse import parse_condition
from gateway.planner.predicates import columns_of, to_predicate
from gateway.planner.visibility import VisibleCatalog, table_policy

POLICY_ROWS = "policy_rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafGuard:
    """What a role's policy does to one table: the row filter (over unmasked columns) and the mask of each masked column.

    `conjuncts` are the filter's parts for the sources; `condition` is the whole filter for the projection, over bare columns.
    """

    masks: Mapping[str, Mask]
    condition: exp.Expr | None
    conjuncts: tuple[tuple[str, Predicate], ...]
    filter_columns: frozenset[str]

    def allows(self, predicate: Predicate) -> bool:
        """Whether a condition of the user's may run below the masks: only if it names no masked column."""
        return not any(column in self.masks for column in columns_of(predicate))

    def apply(self, query: exp.Select, table: VirtualTable, columns: Sequence[str]) -> exp.Select:
        """The projection `query` (of the columns asked and of the filter's) with filter first, then masks."""
        if not self.masks and self.condition is None:
            return query
        shown = [exp.alias_(_masked(name, self.masks.get(name), table), name, quoted=True) for name in columns]
        guarded = exp.select(*shown).from_(query.subquery(POLICY_ROWS))
        return guarded.where(self.condition.copy()) if self.condition is not None else guarded


def check_statement(tree: exp.Expr, visible: VisibleCatalog) -> None:
    """Raises DeniedError G104 if the role may not aggregate and the statement does."""
    if not visible.policy.allow_aggregations and _aggregates(tree):
        raise DeniedError("G104", f"the role {visible.policy.role} may not aggregate", hint="ask for the rows themselves")


def _aggregates(tree: exp.Expr) -> bool:
    """Whether a value of the statement is made of several rows: by groups, windows (row_number counts too) or ARRAY(SELECT ...)."""
    if tree.find(exp.AggFunc, exp.Group, exp.Window) is not None:
        return True
    return any(isinstance(item, exp.Query) for array in tree.find_all(exp.Array) for item in array.expressions)


def leaf_guard(visible: VisibleCatalog, table: VirtualTable, *, in_view: bool) -> LeafGuard:
    """The policy of a role for one table. A hidden column that a view still reads is NULL. Raises GatewayError if the filter does not bind."""
    policy = table_policy(visible.policy, table.name)
    masks: dict[str, Mask] = {}
    for column in table.columns.values():
        mask = visible.policy.mask_of(table.name, column)
        if mask is not None:
            masks[column.name] = mask
    if in_view:
        masks.update(dict.fromkeys(policy.hide, "null"))
    if policy.filter is None:
        return LeafGuard(masks=masks, condition=None, conjuncts=(), filter_columns=frozenset())
    condition = bind_filter(policy.filter, table, visible)
    types = {name: spec.type for name, spec in table.columns.items()}
    conjuncts = tuple((str(part.sql("postgres")), to_predicate(part, types)) for part in split_and(condition))
    names = frozenset(column.name for column in condition.find_all(exp.Column))
    for named in condition.find_all(exp.Column):
        named.set("table", None)
        named.this.set("quoted", True)
    return LeafGuard(masks=masks, condition=condition, conjuncts=conjuncts, filter_columns=names)


def bind_filter(text: str, table: VirtualTable, visible: VisibleCatalog) -> exp.Expr:
    """A policy's filter, bound in the catalog's scope over all columns of its table. Raises GatewayError."""
    everything = VisibleCatalog(snapshot=visible.snapshot, policy=visible.policy, tables={table.name: table.columns}, sees_all=True)
    source = exp.Table(this=exp.to_identifier(table.name), db=exp.to_identifier(visible.snapshot.schema))
    statement = exp.select(exp.Literal.number(1)).from_(source).where(parse_condition(text))
    if table.view is not None:
        statement = exp.select(exp.Literal.number(1)).from_(_typed_rows(table)).where(parse_condition(text))
    bound = to_inner(resolve(statement, text, everything), text)
    condition: exp.Expr = bound.args["where"].this
    return condition


def _typed_rows(table: VirtualTable) -> exp.Subquery:
    """A stand-in for a view's rows with its declared types, to bind a filter against."""
    columns = [exp.alias_(exp.cast(exp.Null(), spec.type.duckdb, dialect="duckdb"), name) for name, spec in table.columns.items()]
    return exp.Subquery(this=exp.select(*columns), alias=exp.TableAlias(this=exp.to_identifier(table.name)))


def _masked(name: str, mask: Mask | None, table: VirtualTable) -> exp.Expr:
    column = exp.column(name, quoted=True)
    type_ = table.columns[name].type
    if mask is None:
        return column
    if mask == "token" and type_.is_text:
        return _token(column)
    if mask == "year" and type_.name in ("date", "timestamp"):
        return exp.cast(exp.Anonymous(this="date_trunc", expressions=[exp.Literal.string("year"), column]), type_.duckdb, dialect="duckdb")
    return exp.cast(exp.Null(), type_.duckdb, dialect="duckdb")


def _token(column: exp.Expr) -> exp.Expr:
    """The first 128 bits of HMAC-SHA-256 (RFC 2104) of the value under the gateway's key, in hexadecimal; NULL stays NULL.

    A plain hash of an identifier can be reversed by trying all identifiers; the key is in a table only the projection has.
    """

    def pad(name: str) -> exp.Expr:
        return exp.select(exp.column(name, quoted=True)).from_(exp.to_identifier("token_key", quoted=True)).subquery()

    def call(name: str, *arguments: exp.Expr) -> exp.Expr:
        return exp.Anonymous(this=name, expressions=list(arguments))

    inner = call("sha256", exp.DPipe(this=pad("inner_pad"), expression=call("encode", column)))
    outer = call("sha256", exp.DPipe(this=pad("outer_pad"), expression=call("unhex", inner)))
    return call("substr", outer, exp.Literal.number(1), exp.Literal.number(32))
