"""sys and INFORMATION_SCHEMA as far as clients ask: each view as DuckDB text over the catalog, with the types SQL Server gives its columns."""

from __future__ import annotations

from functools import cache

from tests.servers.tds.scope import OutputColumn, Table
from tests.servers.tds.sql_types import DEFAULT_COLLATION, SqlType, built
from tests.servers.tds.values import quoted

_OBJECTS = "FROM meta.tables WHERE lower(db) = lower({db})"
_COLUMNS = "FROM meta.columns c JOIN meta.tables t USING (object_id) WHERE lower(t.db) = lower({db})"
_NAME = "nvarchar(128)"

_VIEWS: dict[str, tuple[dict[str, str], str]] = {
    # schema.view: columns with their types; the query, whose columns come in this order
    "sys.databases": (
        {"name": _NAME, "database_id": "int", "collation_name": _NAME},
        f"SELECT name, database_id, '{DEFAULT_COLLATION}' FROM meta.databases",
    ),
    "sys.schemas": ({"name": _NAME, "schema_id": "int"}, "SELECT * FROM (VALUES ('dbo', 1), ('INFORMATION_SCHEMA', 3), ('sys', 4)) s"),
    "sys.tables": (
        {"name": _NAME, "object_id": "int", "schema_id": "int", "type": "char(2)", "type_desc": "nvarchar(60)", "is_ms_shipped": "bit"},
        f"SELECT name, object_id, 1, kind, 'USER_TABLE', 0::UTINYINT {_OBJECTS} AND kind = 'U '",
    ),
    "sys.views": (
        {"name": _NAME, "object_id": "int", "schema_id": "int", "type": "char(2)"},
        f"SELECT name, object_id, 1, kind {_OBJECTS} AND kind = 'V '",
    ),
    "sys.objects": (
        {"name": _NAME, "object_id": "int", "schema_id": "int", "type": "char(2)", "type_desc": "nvarchar(60)", "is_ms_shipped": "bit"},
        f"SELECT name, object_id, 1, kind, CASE kind WHEN 'V ' THEN 'VIEW' ELSE 'USER_TABLE' END, 0::UTINYINT {_OBJECTS}",
    ),
    "sys.columns": (
        {
            "object_id": "int",
            "name": _NAME,
            "column_id": "int",
            "system_type_id": "tinyint",
            "user_type_id": "int",
            "max_length": "smallint",
            "precision": "tinyint",
            "scale": "tinyint",
            "collation_name": _NAME,
            "is_nullable": "bit",
            "is_identity": "bit",
            "is_computed": "bit",
        },
        "SELECT c.object_id, c.name, c.column_id, c.system_type_id, c.system_type_id, c.max_length, c.shown_precision, c.shown_scale, "
        f"nullif(c.collation_name, ''), c.nullable::UTINYINT, 0::UTINYINT, 0::UTINYINT {_COLUMNS}",
    ),
    "sys.types": (
        {
            "name": _NAME,
            "system_type_id": "tinyint",
            "user_type_id": "int",
            "schema_id": "int",
            "max_length": "smallint",
            "precision": "tinyint",
            "scale": "tinyint",
            "is_user_defined": "bit",
        },
        "SELECT name, system_type_id, system_type_id, 4, max_length, precision, scale, 0::UTINYINT FROM meta.types",
    ),
    "sys.indexes": (
        {"object_id": "int", "name": _NAME, "index_id": "int", "type": "tinyint", "is_unique": "bit", "is_primary_key": "bit"},
        "SELECT DISTINCT t.object_id, 'PK_' || t.name, 1, 1, 1::UTINYINT, 1::UTINYINT " + _COLUMNS + " AND c.key_ordinal > 0",
    ),
    "sys.index_columns": (
        {
            "object_id": "int",
            "index_id": "int",
            "index_column_id": "int",
            "column_id": "int",
            "key_ordinal": "tinyint",
            "is_included_column": "bit",
        },
        "SELECT c.object_id, 1, c.key_ordinal, c.column_id, c.key_ordinal, 0::UTINYINT " + _COLUMNS + " AND c.key_ordinal > 0",
    ),
    "information_schema.tables": (
        {"TABLE_CATALOG": _NAME, "TABLE_SCHEMA": _NAME, "TABLE_NAME": _NAME, "TABLE_TYPE": "varchar(10)"},
        f"SELECT db, schema, name, CASE kind WHEN 'V ' THEN 'VIEW' ELSE 'BASE TABLE' END {_OBJECTS}",
    ),
    "information_schema.columns": (
        {
            "TABLE_CATALOG": _NAME,
            "TABLE_SCHEMA": _NAME,
            "TABLE_NAME": _NAME,
            "COLUMN_NAME": _NAME,
            "ORDINAL_POSITION": "int",
            "IS_NULLABLE": "varchar(3)",
            "DATA_TYPE": _NAME,
            "CHARACTER_MAXIMUM_LENGTH": "int",
            "CHARACTER_OCTET_LENGTH": "int",
            "NUMERIC_PRECISION": "tinyint",
            "NUMERIC_SCALE": "int",
            "DATETIME_PRECISION": "smallint",
            "COLLATION_NAME": _NAME,
        },
        "SELECT t.db, t.schema, t.name, c.name, c.column_id, CASE WHEN c.nullable THEN 'YES' ELSE 'NO' END, c.type, "
        "CASE WHEN c.type IN ('char', 'varchar', 'nchar', 'nvarchar', 'binary', 'varbinary') THEN c.length END, "
        "CASE WHEN c.type IN ('char', 'varchar', 'nchar', 'nvarchar', 'binary', 'varbinary') THEN c.max_length END, "
        "CASE WHEN c.type IN ('decimal', 'money', 'smallmoney', 'tinyint', 'smallint', 'int', 'bigint', 'float', 'real') "
        "THEN c.shown_precision END, "
        "CASE WHEN c.type IN ('decimal', 'money', 'smallmoney', 'tinyint', 'smallint', 'int', 'bigint') THEN c.shown_scale END, "
        "CASE c.type WHEN 'date' THEN 0 WHEN 'smalldatetime' THEN 0 WHEN 'datetime' THEN 3 WHEN 'time' THEN c.scale "
        f"WHEN 'datetime2' THEN c.scale WHEN 'datetimeoffset' THEN c.scale END, nullif(c.collation_name, '') {_COLUMNS}",
    ),
    "information_schema.table_constraints": (
        {"TABLE_SCHEMA": _NAME, "TABLE_NAME": _NAME, "CONSTRAINT_NAME": _NAME, "CONSTRAINT_TYPE": "varchar(11)"},
        "SELECT DISTINCT t.schema, t.name, 'PK_' || t.name, 'PRIMARY KEY' " + _COLUMNS + " AND c.key_ordinal > 0",
    ),
    "information_schema.key_column_usage": (
        {"TABLE_SCHEMA": _NAME, "TABLE_NAME": _NAME, "CONSTRAINT_NAME": _NAME, "COLUMN_NAME": _NAME, "ORDINAL_POSITION": "int"},
        "SELECT t.schema, t.name, 'PK_' || t.name, c.name, c.key_ordinal " + _COLUMNS + " AND c.key_ordinal > 0",
    ),
}


@cache
def _type(written: str) -> SqlType:
    name, _, arguments = written.rstrip(")").partition("(")
    return built(name, [arguments] if arguments else [], 1)


def system_view(schema: str, name: str, database: str) -> Table | None:
    """The view as a relation whose physical name is a query; None if there is no such view."""
    found = _VIEWS.get(f"{schema}.{name}".lower())
    if found is None:
        return None
    columns, query = found
    physical = [f"c{place}" for place in range(len(columns))]
    output = tuple(OutputColumn(column, alias, _type(written)) for alias, (column, written) in zip(physical, columns.items()))
    casts = ", ".join(f"CAST({column.physical} AS {column.type.stored}) AS {column.physical}" for column in output)
    text = f"(SELECT {casts} FROM ({query.replace('{db}', quoted(database))}) q({', '.join(physical)}))"
    return Table(f"{schema}.{name}", text, output)
