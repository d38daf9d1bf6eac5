"""Runs statements through the engine and holds the answers to the oracle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import exp

from gateway.context import Principal, QueryContext
from gateway.errors import GatewayError
from gateway.planner.plan import Plan
from gateway.result import NodeOutcome, OnUnavailable, Result
from tests.region.comparison import difference
from tests.region.generator import Statement
from tests.region.oracle import Oracle


class Answers(Protocol):
    """What the tests need of the engine."""

    def plan(self, sql: str, context: QueryContext) -> Plan: ...
    def run(self, sql: str, context: QueryContext) -> Result: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: its rows, and what the result says of the sources."""

    rows: pa.Table
    outcomes: tuple[NodeOutcome, ...]
    labels: tuple[str, ...]
    complete: bool

    @property
    def ok_nodes(self) -> tuple[str, ...]:
        return tuple(
            sorted(
                {o.node for o in self.outcomes if o.status == "ok"} - {o.node for o in self.outcomes if o.status not in ("ok", "pruned")}
            )
        )


def context(pushdown: str = "on", on_unavailable: OnUnavailable = "fail", role: str = "demo", deadline: float = 30.0) -> QueryContext:
    return QueryContext(principal=Principal(name="test", role=role), pushdown=pushdown, on_unavailable=on_unavailable, deadline=deadline)


def ask(engine: Answers, sql: str, asked: QueryContext | None = None) -> Answer:
    """The whole answer of one statement. Raises what the engine raises."""
    result = engine.run(sql, asked or context())
    try:
        rows = pa.Table.from_batches(list(result.batches), schema=result.schema)
    finally:
        result.close()
    return Answer(rows, tuple(result.outcomes), tuple(result.labels), result.complete)


def disagreement(engine: Answers, oracle: Oracle, statement: Statement, switches: tuple[str, ...] = ("on", "off")) -> str | None:
    """What is wrong with the engine's answers to a statement, in words; None if nothing is.

    With every switch the answer is that of the bound statement over the expected rows. An evaluation error (M103) is
    right where the oracle fails too. Any other error of the engine is a failure: the statements are all allowed.
    """
    try:
        inner = engine.plan(statement.sql, context()).inner
    except GatewayError as error:
        return f"refused {error.code}: {error.fact}"
    try:
        expected = oracle.rows(inner)
    except duckdb.Error as error:
        expected = None
        failed = f"{type(error).__name__}: {str(error).splitlines()[0]}"
    for switch in switches:
        try:
            rows = ask(engine, statement.sql, context(switch)).rows
        except GatewayError as error:
            if expected is None and error.code == "M103":
                continue
            return f"pushdown {switch}: {error.code}: {error.fact} {error.detail}"
        if expected is None:
            return f"pushdown {switch}: {rows.num_rows} rows, where the oracle says {failed}"
        found = difference(rows, expected, ordered=statement.ordered, tolerance=statement.tolerance)
        if found is not None:
            return f"pushdown {switch}: {found}"
    return None


def independent(oracle: Oracle, statement: Statement) -> pa.Table:
    """The statement's rows as sqlglot's own translation from PostgreSQL gives them: a check on bind, which `inner` comes from."""
    tree = sqlglot.parse_one(statement.sql, read="postgres")
    for like in list(tree.find_all(exp.Like)):
        if not isinstance(like.parent, exp.Escape):
            like.replace(exp.Escape(this=like.copy(), expression=exp.Literal.string("\\")))
    return oracle.rows(tree.sql("duckdb"))
