"""The server's own tables about tables: kept in DuckDB beside the data, so that a transaction that makes a table can be rolled back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import duckdb

from tests.servers.tds.collations import collation
from tests.servers.tds.errors import SqlServerError
from tests.servers.tds.scope import OutputColumn, Table
from tests.servers.tds.sql_types import SYSTEM_TYPES, SqlType
from tests.servers.tds.system_views import system_view
from tests.servers.tds.values import identifier, quoted

_SCHEMA = (
    "CREATE SCHEMA IF NOT EXISTS meta",
    "CREATE SEQUENCE IF NOT EXISTS meta.ids START 901578250",
    "CREATE TABLE IF NOT EXISTS meta.databases (database_id INTEGER, name VARCHAR)",
    "CREATE TABLE IF NOT EXISTS meta.tables (object_id INTEGER, db VARCHAR, schema VARCHAR, name VARCHAR, kind VARCHAR, denied BOOLEAN)",
    """CREATE TABLE IF NOT EXISTS meta.columns (object_id INTEGER, column_id INTEGER, name VARCHAR, type VARCHAR, written VARCHAR,
    length INTEGER, precision INTEGER, scale INTEGER, system_type_id INTEGER, max_length INTEGER, shown_precision INTEGER,
    shown_scale INTEGER, collation_name VARCHAR, nullable BOOLEAN, key_ordinal INTEGER)""",
    "CREATE TABLE IF NOT EXISTS meta.types (name VARCHAR, system_type_id INTEGER, max_length INTEGER, precision INTEGER, scale INTEGER)",
)
SYSTEM_DATABASES = ("master", "tempdb", "model", "msdb")


def checked_collation(name: str) -> str:
    """Raises SqlServerError 448 for a name that is no collation."""
    return collation(name).name


def create_catalog(cursor: duckdb.DuckDBPyConnection, database: str) -> None:
    """Make the tables of the catalog where they are not there yet."""
    for statement in _SCHEMA:
        cursor.execute(statement)
    cursor.execute("DELETE FROM meta.types")
    cursor.executemany("INSERT INTO meta.types VALUES (?, ?, ?, ?, ?)", [[name, *facts] for name, facts in SYSTEM_TYPES.items()])
    for name in (*SYSTEM_DATABASES, database):
        if not database_exists(cursor, name):
            create_database(cursor, name)


def database_exists(cursor: duckdb.DuckDBPyConnection, name: str) -> bool:
    return bool(cursor.execute("SELECT 1 FROM meta.databases WHERE lower(name) = lower(?)", [name]).fetchall())


def create_database(cursor: duckdb.DuckDBPyConnection, name: str) -> None:
    if database_exists(cursor, name):
        raise SqlServerError(1801, f"Database '{name}' already exists. Choose a different database name.")
    cursor.execute("INSERT INTO meta.databases SELECT coalesce(max(database_id), 0) + 1, ? FROM meta.databases", [name])


def drop_database(cursor: duckdb.DuckDBPyConnection, name: str) -> None:
    found = cursor.execute("SELECT kind, schema || '.' || name FROM meta.tables WHERE lower(db) = lower(?)", [name]).fetchall()
    for kind, table in sorted(found, reverse=True):  # views first
        cursor.execute(f"DROP {'VIEW' if kind == 'V ' else 'TABLE'} {identifier(f'{name}.{table}'.lower())}")
    cursor.execute("DELETE FROM meta.columns WHERE object_id IN (SELECT object_id FROM meta.tables WHERE lower(db) = lower(?))", [name])
    cursor.execute("DELETE FROM meta.tables WHERE lower(db) = lower(?)", [name])
    cursor.execute("DELETE FROM meta.databases WHERE lower(name) = lower(?)", [name])


@dataclass(slots=True)
class Catalog:
    """What one session sees: `database` is its current one; `temporary` its # tables."""

    cursor: duckdb.DuckDBPyConnection
    database: str
    temporary: dict[str, Table] = field(default_factory=dict)

    def table(self, name: str, schema: str, database: str) -> Table:
        """A table or a system view to read from. Raises SqlServerError 208 (no such object) or 229 (may not be read)."""
        database = database or self.database
        if view := system_view(schema, name, database):
            return view
        found = self.own_table(name, schema, database)
        denied = self.cursor.execute(f"SELECT denied FROM meta.tables WHERE {self._named(name, schema, database)}").fetchall()
        if denied and denied[0][0]:
            raise SqlServerError(
                229, f"The SELECT permission was denied on the object '{name}', database '{database}', schema 'dbo'.", severity=14, state=5
            )
        return found

    def own_table(self, name: str, schema: str, database: str) -> Table:
        """A table that was created. Raises SqlServerError 208."""
        if name.startswith("#"):
            if name.lower() not in self.temporary:
                raise SqlServerError(208, f"Invalid object name '{name}'.", state=0)
            return self.temporary[name.lower()]
        rows = self.cursor.execute(
            f"""SELECT c.name, c.type, c.length, c.precision, c.scale, c.collation_name, c.nullable, t.schema, t.name
            FROM meta.columns c JOIN meta.tables t USING (object_id) WHERE {self._named(name, schema, database or self.database, "t.")}
            ORDER BY c.column_id"""
        ).fetchall()
        if not rows:
            raise SqlServerError(208, f"Invalid object name '{f'{schema}.' if schema else ''}{name}'.")
        columns = tuple(
            OutputColumn(column, column, SqlType(name=type, length=length, precision=precision, scale=scale, collation=collation), nullable)
            for column, type, length, precision, scale, collation, nullable, _, _ in rows
        )
        return Table(f"{rows[0][7]}.{rows[0][8]}", physical_name(database or self.database, schema, name), columns)

    def _named(self, name: str, schema: str, database: str, prefix: str = "") -> str:
        wanted = {"db": database, "schema": schema or "dbo", "name": name}
        return " AND ".join(f"lower({prefix}{column}) = {quoted(value.lower())}" for column, value in wanted.items())

    def object_id(self, name: str) -> int | None:
        """OBJECT_ID of a name of one to three parts, with or without brackets."""
        parts = [part.strip('[]" ') for part in name.split(".")]
        database, schema, table = ["", "", *parts][-3:]
        found = self.cursor.execute(
            f"SELECT object_id FROM meta.tables WHERE {self._named(table, schema, database or self.database)}"
        ).fetchall()
        return found[0][0] if found else None

    def create_table(self, name: str, schema: str, database: str, columns: list[OutputColumn], key: list[str]) -> None:
        """Raises SqlServerError 2714 for a name that is taken, 1911 for a key column that is not there."""
        lowered = [column.name.lower() for column in columns]
        if len(set(lowered)) < len(lowered):
            raise SqlServerError(2705, f"Column names in each table must be unique in table '{name}'.")
        for wanted in key:
            if wanted.lower() not in lowered:
                raise SqlServerError(1911, f"Column name '{wanted}' does not exist in the target table or view.")
        keys = [wanted.lower() for wanted in key]
        columns = [replace(column, nullable=column.nullable and column.name.lower() not in keys) for column in columns]
        temporary = name.startswith("#")
        database, schema = database or self.database, schema or "dbo"
        if name.lower() in self.temporary or (not temporary and self.object_id(f"{database}.{schema}.{name}") is not None):
            raise SqlServerError(2714, f"There is already an object named '{name}' in the database.")
        physical = identifier(name.lower()) if temporary else physical_name(database, schema, name)
        text = [f"{identifier(c.physical)} {c.type.stored}{'' if c.nullable else ' NOT NULL'}" for c in columns]
        if key and all(
            columns[lowered.index(one)].type.name not in ("nvarchar", "nchar", "varchar", "char", "datetimeoffset") for one in keys
        ):
            text.append(f"PRIMARY KEY ({', '.join(identifier(columns[lowered.index(one)].physical) for one in keys)})")
        self.cursor.execute(f"CREATE {'TEMP ' if temporary else ''}TABLE {physical} ({', '.join(text)})")
        if temporary:
            self.temporary[name.lower()] = Table(name, physical, tuple(columns))
        else:
            self._register("U ", name, schema, database, columns, keys)

    def create_view(self, name: str, schema: str, database: str, text: str, columns: Sequence[OutputColumn]) -> None:
        """`text` is the query in DuckDB's words. Raises SqlServerError 2714 for a name that is taken."""
        database, schema = database or self.database, schema or "dbo"
        if self.object_id(f"{database}.{schema}.{name}") is not None:
            raise SqlServerError(2714, f"There is already an object named '{name}' in the database.")
        chosen = ", ".join(f"{column.physical} AS {identifier(column.name)}" for column in columns)
        self.cursor.execute(f"CREATE VIEW {physical_name(database, schema, name)} AS SELECT {chosen} FROM ({text})")
        self._register("V ", name, schema, database, [replace(column, physical=column.name) for column in columns], [])

    def _register(self, kind: str, name: str, schema: str, database: str, columns: Sequence[OutputColumn], keys: Sequence[str]) -> None:
        ((number,),) = self.cursor.execute("SELECT nextval('meta.ids')").fetchall()
        self.cursor.execute("INSERT INTO meta.tables VALUES (?, ?, ?, ?, ?, false)", [number, database, schema, name, kind])
        for place, column in enumerate(columns):
            type, lowered = column.type, column.name.lower()
            ordinal = keys.index(lowered) + 1 if lowered in keys else 0
            facts = [type.name, type.written(), type.length, type.precision, type.scale, *type.in_catalog(), type.collation]
            self.cursor.execute(
                "INSERT INTO meta.columns VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [number, place + 1, column.name, *facts, column.nullable, ordinal],
            )

    def drop_table(self, name: str, schema: str, database: str, *, if_exists: bool, word: str = "TABLE") -> None:
        """Or a view, by `word`. Raises SqlServerError 3701."""
        try:
            table = self.own_table(name, schema, database)
        except SqlServerError:
            if if_exists:
                return
            raise SqlServerError(
                3701, f"Cannot drop the table '{name}', because it does not exist or you do not have permission.", severity=11
            ) from None
        self.cursor.execute(f"DROP {word} {table.physical}")
        if self.temporary.pop(name.lower(), None) is None:
            number = self.object_id(f"{database or self.database}.{schema or 'dbo'}.{name}")
            self.cursor.execute("DELETE FROM meta.columns WHERE object_id = ?", [number])
            self.cursor.execute("DELETE FROM meta.tables WHERE object_id = ?", [number])

    def deny(self, name: str, denied: bool) -> None:
        """Make SELECT of a table fail with 229, or not any more. Raises SqlServerError 15151."""
        number = self.object_id(name)
        if number is None:
            raise SqlServerError(15151, f"Cannot find the object '{name}', because it does not exist or you do not have permission.")
        self.cursor.execute("UPDATE meta.tables SET denied = ? WHERE object_id = ?", [denied, number])


def physical_name(database: str, schema: str, name: str) -> str:
    """The table's quoted name in DuckDB."""
    return identifier(f"{database}.{schema or 'dbo'}.{name}".lower())
