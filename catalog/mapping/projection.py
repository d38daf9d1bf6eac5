"""The forward direction of a binding: one DuckDB SELECT from raw rows to virtual rows.

From the inside out: where, dedupe, latest_by; then lookups and columns; then keep and checks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from catalog.binding import LookupTable, Projection
from catalog.mapping import sql
from catalog.mapping.forward import VIRTUAL, Joined, Writer
from catalog.mapping.reading import FLAGS, Trees
from catalog.mapping.tree import Call, Node, raw_names, virtual_names, walk
from catalog.model import TableBinding
from catalog.relations import relation_columns
from catalog.types import TEXT, Type

_PLAIN = ("boolean", "integer", "bigint", "date", "timestamp", "double", "text")


@dataclass(frozen=True)
class Projector:
    """Makes projections of one binding. `flags_type`: the type of quality_flags, None if the table has no such column."""

    binding: TableBinding
    trees: Trees
    writer: Writer
    flags_type: Type | None

    def project(self, columns: Sequence[str]) -> Projection:
        inner = self._inner_columns(columns)
        selected = [self._select(name) for name in inner if name != FLAGS] + self._signals(columns)
        nodes = self._nodes(inner, columns)
        joins = self._joins(nodes)
        raw = self._raw_columns(nodes, joins)
        query = exp.Select(expressions=selected or [exp.alias_(sql.integer(1), "_", quoted=True)])
        query.set("from_", exp.From(this=self._source(raw)))
        for join in joins:
            query.append("joins", _join(join))
        conditions = [] if self._windowed or self.trees.where is None else [self.writer.write(self.trees.where)]
        conditions += self._demands()
        if conditions:
            query.set("where", exp.Where(this=sql.both(*conditions)))
        query = self._outer(query, columns, inner)
        return Projection(raw_columns=raw, query=query, tables=_tables(joins), row_wise=not self._windowed)

    # ------------------------------------------------------------------------------------ what is needed

    @property
    def _windowed(self) -> bool:
        return bool(self.binding.dedupe) or self.binding.latest_by is not None

    def _filters(self) -> list[Node]:
        """The tests over virtual columns that drop rows."""
        dropping = [self.trees.checks[check.name] for check in self.binding.checks if check.severity == "drop"]
        return [*([self.trees.keep] if self.trees.keep else []), *dropping]

    def _flag_tests(self, columns: Sequence[str]) -> list[tuple[str, Node]]:
        if self.flags_type is None or FLAGS not in columns:
            return []
        return [(check.name, self.trees.checks[check.name]) for check in self.binding.checks if check.severity == "flag"]

    def _inner_columns(self, columns: Sequence[str]) -> list[str]:
        """The virtual columns asked for and those that filters and flags look at."""
        tests = [*self._filters(), *(test for _, test in self._flag_tests(columns))]
        wanted = dict.fromkeys([*columns, *sorted(virtual_names(*tests))])
        return list(wanted)

    def _policed(self, policy: str) -> list[str]:
        return [name for name, found in self.binding.on_error.items() if found == policy and name in self.trees.columns]

    def _signalling(self, columns: Sequence[str]) -> list[tuple[str, exp.Expr]]:
        """What the lookups and units of a row have to say for its quality flags, as (flag, condition)."""
        if self.flags_type is None or FLAGS not in columns:
            return []
        found: list[tuple[str, exp.Expr]] = []
        for alias, slice in self.trees.lookups.items():
            if slice.use.missing == "flag":
                found.append((f"{alias}_missing", sql.is_null(sql.column(slice.alias, f"key_{slice.keys[0][0]}"))))
        for name, node in self.trees.columns.items():
            calls = [part for part in walk(node) if isinstance(part, Call) and part.function == "convert_unit"]
            unknown = [
                sql.both(*(sql.is_not_null(self.writer.write(a)) for a in call.arguments[:2]), sql.is_null(self.writer.write(call)))
                for call in calls
            ]
            if unknown:
                found.append((f"{name}_unit_unknown", sql.either(*unknown)))
        return found

    def _signals(self, columns: Sequence[str]) -> list[exp.Expr]:
        found = [(f"_flag_{flag}", condition) for flag, condition in self._signalling(columns)]
        for name in self._policed("drop"):
            failed = self.writer.failed(self.trees.columns[name])
            if failed is not None:
                found.append((f"_failed_{name}", failed))
        return [exp.alias_(condition, name, quoted=True) for name, condition in found]

    def _nodes(self, inner: Sequence[str], columns: Sequence[str]) -> list[Node]:
        names = [name for name in [*inner, *self._policed("drop"), *self._policed("fail")] if name != FLAGS]
        if self._signalling(columns):
            names += [
                n for n, node in self.trees.columns.items() if any(isinstance(p, Call) and p.function == "convert_unit" for p in walk(node))
            ]
        return [self.trees.columns[name] for name in dict.fromkeys(names)]

    def _joins(self, nodes: Sequence[Node]) -> list[Joined]:
        """Those of the expressions, and every lookup that has a say in which rows there are."""
        return self.writer.joins(*nodes, always=[alias for alias, s in self.trees.lookups.items() if s.use.missing != "null"])

    def _raw_columns(self, nodes: Sequence[Node], joins: Sequence[Joined]) -> tuple[str, ...]:
        named = set(raw_names(*nodes, *([self.trees.where] if self.trees.where else [])))
        named |= {column.name for join in joins for column in join.on.find_all(exp.Column) if column.table == "raw"}
        named |= set(self.binding.dedupe)
        if self.binding.latest_by is not None:
            named |= {*self.binding.latest_by.key, *(name for name, _ in self.binding.latest_by.order)}
        known = relation_columns(self.binding.relation)
        if not named:
            named = {min(known, key=lambda name: _PLAIN.index(known[name].type.name) if known[name].type.name in _PLAIN else len(_PLAIN))}
        return tuple(name for name in known if name in named)

    # ------------------------------------------------------------------------------------------ the parts

    def _select(self, name: str) -> exp.Expr:
        return exp.alias_(self.writer.output(self.trees.columns[name]), name, quoted=True)

    @property
    def _title(self) -> str:
        return f"{self.binding.node}/{self.binding.name}"

    def _where(self) -> list[exp.Expr]:
        return [] if self.trees.where is None else [self.writer.write(self.trees.where)]

    def _demands(self) -> list[exp.Expr]:
        """A lookup with `missing: fail` stops the query at a code it does not have; the message names only the lookup."""
        found = []
        for alias, slice in self.trees.lookups.items():
            if slice.use.missing == "fail":
                missing = sql.is_null(sql.column(slice.alias, f"key_{slice.keys[0][0]}"))
                failure = _error(f"the lookup {alias} of {self._title} lacks a code")
                found.append(sql.when((sql.both(*self._where(), missing), failure), otherwise=exp.Boolean(this=True)))
        for name in self._policed("fail"):
            failed = self.writer.failed(self.trees.columns[name])
            if failed is not None:
                failure = _error(f"the column {name} of {self._title} cannot read a value")
                found.append(sql.when((sql.both(*self._where(), failed), failure), otherwise=exp.Boolean(this=True)))
        return found

    def _source(self, raw: Sequence[str]) -> exp.Expr:
        """`raw` itself, or what where, dedupe and latest_by leave of it, under the same name."""
        if not self._windowed:
            return exp.to_table("raw")
        query = self._survivors(exp.to_table("raw"), raw, self.binding.dedupe, (), self._where())
        if self.binding.latest_by is not None:
            source: exp.Expr = exp.to_table("raw")
            conditions = self._where()
            if self.binding.dedupe:
                source, conditions = exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier("raw", quoted=True))), []
            query = self._survivors(source, raw, self.binding.latest_by.key, self.binding.latest_by.order, conditions)
        return exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier("raw", quoted=True)))

    def _survivors(
        self, source: exp.Expr, raw: Sequence[str], key: Sequence[str], order: Sequence[tuple[str, bool]], conditions: list[exp.Expr]
    ) -> exp.Select:
        """The first row of each key."""
        query = exp.Select(expressions=[sql.raw_column(name) for name in raw])
        query.set("from_", exp.From(this=source))
        if conditions:
            query.set("where", exp.Where(this=sql.both(*conditions)))
        ordered = [exp.Ordered(this=sql.raw_column(name), desc=descending, nulls_first=False) for name, descending in order]
        window = exp.Window(
            this=sql.function("row_number"),
            partition_by=[sql.raw_column(name) for name in key],
            order=exp.Order(expressions=ordered) if ordered else None,
            over="OVER",
        )
        query.set("qualify", exp.Qualify(this=exp.EQ(this=window, expression=sql.integer(1))))
        return query

    def _outer(self, query: exp.Select, columns: Sequence[str], inner: Sequence[str]) -> exp.Select:
        """The columns asked for, of the rows that keep, checks and on_error leave."""
        conditions = [self.writer.write(self.trees.keep)] if self.trees.keep is not None else []
        conditions += [
            sql.function("coalesce", self.writer.write(self.trees.checks[check.name]), exp.Boolean(this=True))
            for check in self.binding.checks
            if check.severity == "drop"
        ]
        for name in self._policed("drop"):
            if self.writer.failed(self.trees.columns[name]) is not None:
                conditions.append(exp.Not(this=sql.column(VIRTUAL, f"_failed_{name}")))
        if not conditions and list(inner) == list(columns) and FLAGS not in columns:
            return query
        shown = [self._flags(columns) if name == FLAGS else sql.column(VIRTUAL, name) for name in columns]
        outer = exp.Select(expressions=shown or [exp.alias_(sql.integer(1), "_", quoted=True)])
        outer.set("from_", exp.From(this=exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(VIRTUAL, quoted=True)))))
        if conditions:
            outer.set("where", exp.Where(this=sql.both(*conditions)))
        return outer

    def _flags(self, columns: Sequence[str]) -> exp.Expr:
        assert self.flags_type is not None
        conditions = [(flag, sql.column(VIRTUAL, f"_flag_{flag}")) for flag, _ in self._signalling(columns)]
        tests = [(name, exp.Not(this=sql.wrapped(self.writer.write(test)))) for name, test in self._flag_tests(columns)]
        found: exp.Expr = sql.cast(exp.Array(expressions=[]), Type("list", element=TEXT))
        for flag, condition in [*conditions, *tests]:
            one = sql.when((condition, exp.Array(expressions=[sql.text(flag)])), otherwise=exp.Array(expressions=[]))
            found = sql.function("list_concat", found, sql.cast(one, Type("list", element=TEXT)))
        if self.flags_type.is_text:
            found = sql.function("nullif", sql.function("array_to_string", found, sql.text(",")), sql.text(""))
        return exp.alias_(found, FLAGS, quoted=True)


def _error(message: str) -> exp.Expr:
    return sql.function("error", sql.text(message))


def _join(join: Joined) -> exp.Join:
    table = exp.to_table(join.table.name)
    table.set("alias", exp.TableAlias(this=exp.to_identifier(join.alias, quoted=True)))
    return exp.Join(this=table, on=join.on, kind="INNER" if join.inner else None, side=None if join.inner else "LEFT")


def _tables(joins: Sequence[Joined]) -> tuple[LookupTable, ...]:
    return tuple({join.table.name: join.table for join in joins}.values())
