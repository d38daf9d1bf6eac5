"""Batches: every statement T-SQL may send here, run one after the other on one DuckDB cursor."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import duckdb
from sqlglot import exp

from tests.servers.tds import catalog as kept
from tests.servers.tds.answers import Answer, Changed, Ready, Rows, Version
from tests.servers.tds.assignment import assigned_value, column_named
from tests.servers.tds.catalog import Catalog
from tests.servers.tds.declarations import declared_columns
from tests.servers.tds.errors import NotTranslated, SqlServerError, from_duckdb
from tests.servers.tds.expressions import Translation
from tests.servers.tds.grammar import parse, seconds_to_wait
from tests.servers.tds.queries import write_query
from tests.servers.tds.relations import named
from tests.servers.tds.scope import OutputColumn, Relation, Scope, Table
from tests.servers.tds.sql_types import DEFAULT_COLLATION, SqlType
from tests.servers.tds.values import Value, identifier, quoted

_SETTINGS = re.compile(
    r"(NOCOUNT|ANSI_\w+|QUOTED_IDENTIFIER|ARITHABORT|CONCAT_NULL_YIELDS_NULL|NUMERIC_ROUNDABORT|IMPLICIT_TRANSACTIONS|TEXTSIZE|ROWCOUNT"
    r"|LOCK_TIMEOUT|TRANSACTION|CURSOR_CLOSE_ON_COMMIT|XACT_ABORT|LANGUAGE|DATEFORMAT|DATEFIRST|NO_BROWSETABLE|FMTONLY|DEADLOCK_PRIORITY)\b",
    re.IGNORECASE,
)


_DATATYPE_INFO = re.compile(r"\s*(?:exec(?:ute)?\s+)?(?:\[?sys\]?\.)?sp_datatype_info(?:_\d+)?\b", re.IGNORECASE)


_NO_VALUES: Mapping[str, Any] = {}


@dataclass(slots=True)
class Batches:
    """One session's statements. `cancelled` is set from outside to end a WAITFOR; DuckDB is interrupted beside it."""

    cursor: duckdb.DuckDBPyConnection
    catalog: Catalog
    version: Version
    user: str = "sa"
    number: int = 51
    transactions: int = 0
    cancelled: Event = field(default_factory=Event)
    _held: bool = False
    _ready: dict[tuple[str, tuple[tuple[str, SqlType], ...]], Ready] = field(default_factory=dict)

    def run(self, batch: str, types: Mapping[str, SqlType] | None = None, values: Mapping[str, Any] = _NO_VALUES) -> Iterator[Answer]:
        """Each statement's answer, as it is done. `types` and `values` are by lower-case name with @. Raises SqlServerError."""
        types = dict(types or {})
        key = (batch, tuple(sorted(types.items())))
        ready = self._ready.get(key)
        try:
            if ready is not None and ready.version == self.version.number:
                yield self._executed(ready, values)
                return
            if _DATATYPE_INFO.match(batch):
                yield Rows(
                    (OutputColumn("TYPE_NAME", "c0", SqlType(name="nvarchar", length=128, collation=DEFAULT_COLLATION)),),
                    self.cursor.execute("SELECT '' WHERE false"),
                )
                return
            wait = seconds_to_wait(batch)
            if wait is not None:
                self.cancelled.wait(wait)
                yield Changed()
                return
            statements = parse(batch)
            if not statements:
                yield Changed()
            for statement in statements:
                translation = self._translation(types)
                if isinstance(statement, exp.Query | exp.Insert):
                    ready = self._prepared(statement, translation)
                    if len(statements) == 1:
                        self._ready[key] = ready
                    yield self._executed(ready, values)
                else:
                    yield self._other(statement, translation, values)
        except duckdb.InterruptException:
            raise
        except duckdb.Error as error:
            raise from_duckdb(error) from None

    def columns(self, batch: str, types: Mapping[str, SqlType]) -> tuple[OutputColumn, ...]:
        """The columns of the first result, without running anything."""
        statements = parse(batch)
        if len(statements) == 1 and isinstance(statements[0], exp.Query):
            return write_query(self._translation(dict(types)), statements[0])[1]
        return ()

    def _translation(self, types: dict[str, SqlType]) -> Translation:
        facts = {
            "user": quoted(self.user),
            "database": quoted(self.catalog.database),
            "db_id": f"(SELECT database_id FROM meta.databases WHERE lower(name) = {quoted(self.catalog.database.lower())})",
            "version": quoted("Microsoft SQL Server 2022 (test server) - 16.0.1000.6 (X64)"),
            "servername": quoted("testserver"),
            "spid": str(self.number),
            "trancount": str(self.transactions),
        }
        return Translation(self.catalog, types, write_query, facts)

    def _executed(self, ready: Ready, values: Mapping[str, Any]) -> Answer:
        bound = {name[1:]: values[name] for name in ready.used}
        if ready.columns is None:
            self._changing()
        self.cursor.execute(ready.sql, bound or None)
        if ready.columns is not None:
            return Rows(ready.columns, self.cursor)
        return Changed(self.cursor.fetchall()[0][0])

    def _prepared(self, statement: exp.Expression, translation: Translation) -> Ready:
        columns: tuple[OutputColumn, ...] | None
        if isinstance(statement, exp.Insert):
            sql, columns = self._insert(statement, translation), None
        else:
            sql, columns = write_query(translation, statement)
        return Ready(sql, columns, frozenset(translation.used), self.version.number)

    # -------------------------------------------------------------------------------------------------- what changes rows

    def _own(self, node: exp.Table) -> Table:
        return self.catalog.own_table(_name(node), node.db, node.catalog)

    def _insert(self, node: exp.Insert, translation: Translation) -> str:
        target = node.this.this if isinstance(node.this, exp.Schema) else node.this
        table = self._own(target)
        names = [column.name for column in node.this.expressions] if isinstance(node.this, exp.Schema) else [c.name for c in table.columns]
        columns = [column_named(table, name) for name in names]
        listed = ", ".join(identifier(column.physical) for column in columns)
        if isinstance(node.expression, exp.Values):
            if len(node.expression.expressions) > 1000:
                raise SqlServerError(
                    10738,
                    "The number of row value expressions in the INSERT statement exceeds the maximum allowed number of 1000 row values.",
                    severity=15,
                )
            rows = []
            for row in node.expression.expressions:
                if len(row.expressions) != len(columns):
                    raise SqlServerError(
                        110,
                        "There are fewer or more columns in the INSERT statement than values specified in the VALUES clause.",
                        severity=15,
                    )
                values = [translation.value(value, Scope()) for value in row.expressions]
                rows.append(f"({', '.join(assigned_value(value, column) for value, column in zip(values, columns))})")
            return f"INSERT INTO {table.physical} ({listed}) VALUES {', '.join(rows)}"
        text, output = write_query(translation, node.expression)
        if len(output) != len(columns):
            raise SqlServerError(
                120, "The select list for the INSERT statement contains another number of items than the insert list.", severity=15
            )
        assigned = [assigned_value(Value(f"i.{one.physical}", one.type), column) for one, column in zip(output, columns)]
        return f"INSERT INTO {table.physical} ({listed}) SELECT {', '.join(assigned)} FROM ({text}) i"

    def _filtered(self, node: exp.Expression, translation: Translation) -> tuple[Table, Scope, str]:
        table = self._own(node.this)
        scope = Scope([Relation(table.name.rpartition(".")[2], table.physical, table.columns)])
        where = f" WHERE {translation.predicate(node.args['where'].this, scope)}" if node.args.get("where") else ""
        return table, scope, where

    def _other(self, node: exp.Expression, translation: Translation, values: Mapping[str, Any]) -> Answer:
        match node:
            case exp.Delete() | exp.Update():
                table, scope, where = self._filtered(node, translation)
                if isinstance(node, exp.Delete):
                    sql = f"DELETE FROM {table.physical}{where}"
                else:
                    changes = []
                    for change in node.expressions:
                        column = column_named(table, change.this.name)
                        changes.append(
                            f"{identifier(column.physical)} = {assigned_value(translation.value(change.expression, scope), column)}"
                        )
                    sql = f"UPDATE {table.physical} SET {', '.join(changes)}{where}"
                return self._executed(Ready(sql, None, frozenset(translation.used), self.version.number), values)
            case exp.TruncateTable():
                self._changing()
                for table_node in node.expressions:
                    self.cursor.execute(f"DELETE FROM {self._own(table_node).physical}")
            case exp.Create():
                self._create(node)
            case exp.Drop():
                self._drop(node)
            case exp.IfBlock():
                chosen = self.cursor.execute(f"SELECT CASE WHEN {translation.predicate(node.this, Scope())} THEN 1 ELSE 0 END").fetchall()[
                    0
                ][0]
                branch = node.args.get("true") if chosen else node.args.get("false")
                for statement in branch.expressions if branch else []:
                    self._other(statement, translation, values)
            case exp.Use():
                name = node.this.name
                if not kept.database_exists(self.cursor, name):
                    raise SqlServerError(911, f"Database '{name}' does not exist. Make sure that the name is entered correctly.")
                self.catalog.database = name
            case exp.Transaction():
                self.begin()
            case exp.Commit():
                self.commit()
            case exp.Rollback():
                self.rollback()
            case exp.Execute():
                raise SqlServerError(2812, f"Could not find stored procedure '{node.this.name}'.")
            case exp.Set() | exp.Command() if _SETTINGS.search(node.sql("tsql")):
                pass
            case _:
                raise NotTranslated(f"the statement {type(node).__name__}")
        return Changed()

    def begin(self) -> None:
        """Count only: reads see what is committed now, as under READ COMMITTED, until the first change holds DuckDB's snapshot."""
        self.transactions += 1

    def _changing(self) -> None:
        if self.transactions and not self._held:
            self.cursor.execute("BEGIN TRANSACTION")
            self._held = True

    def commit(self) -> None:
        if not self.transactions:
            raise SqlServerError(3902, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.")
        self.transactions -= 1
        if not self.transactions and self._held:
            self._held = False
            try:
                self.cursor.execute("COMMIT")
            except duckdb.Error as error:
                raise from_duckdb(error) from None

    def rollback(self) -> None:
        if not self.transactions:
            raise SqlServerError(3903, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.")
        self.transactions = 0
        if self._held:
            self._held = False
            self.cursor.execute("ROLLBACK")
            self.version.number += 1

    # ------------------------------------------------------------------------------------------------ what changes tables

    def _create(self, node: exp.Create) -> None:
        self._changing()
        self.version.number += 1
        kind = str(node.kind).upper()
        if kind == "DATABASE":
            kept.create_database(self.cursor, node.this.name)
        elif kind == "INDEX":
            self._own(node.this.args["table"])  # an index changes no answer; its table must be there
        elif kind == "TABLE" and isinstance(node.this, exp.Schema):
            columns, key = declared_columns(node.this.expressions)
            target = node.this.this
            self.catalog.create_table(_name(target), target.db, target.catalog, columns, key)
        elif kind == "VIEW" and isinstance(node.this, exp.Table) and node.expression is not None:
            text, columns = write_query(self._translation({}), node.expression, Scope())
            self.catalog.create_view(node.this.name, node.this.db, node.this.catalog, text, named(columns, node.this.name))
        else:
            raise NotTranslated(f"CREATE {kind}")

    def _drop(self, node: exp.Drop) -> None:
        self._changing()
        self.version.number += 1
        if str(node.kind).upper() == "DATABASE":
            if not kept.database_exists(self.cursor, node.this.name if node.this else node.args["tables"][0].name):
                raise SqlServerError(
                    3701, "Cannot drop the database, because it does not exist or you do not have permission.", severity=11
                )
            kept.drop_database(self.cursor, node.this.name if node.this else node.args["tables"][0].name)
            return
        word = str(node.kind).upper()
        if word not in ("TABLE", "VIEW"):
            raise NotTranslated(f"DROP {word}")
        for table in node.args.get("tables") or [node.this]:
            self.catalog.drop_table(_name(table), table.db, table.catalog, if_exists=bool(node.args.get("exists")), word=word)


def _name(node: exp.Table) -> str:
    return ("#" if node.this.args.get("temporary") else "") + node.name
