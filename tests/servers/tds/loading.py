"""Arrow tables put into the server's: from a Parquet file, each column converted to what its T-SQL type is kept as."""

from __future__ import annotations

from tests.servers.tds.assignment import fitted
from tests.servers.tds.catalog import physical_name
from tests.servers.tds.conversion import converted
from tests.servers.tds.sql_types import TIMES, SqlType
from tests.servers.tds.statements import Batches
from tests.servers.tds.values import Value, identifier, quoted

_EPOCH_MICROSECONDS = 62_135_596_800_000_000
_EPOCH_DAYS = 719_162


def load_table(batches: Batches, name: str, columns: dict[str, str], key: list[str], file: str) -> int:
    """Drop and make the table, and fill it. `columns` is name to T-SQL declaration. Answers the number of rows."""
    declared = ", ".join(f"[{column}] {type}{' NOT NULL' if column in key else ''}" for column, type in columns.items())
    keyed = f", PRIMARY KEY ({', '.join(f'[{column}]' for column in key)})" if key else ""
    schema, _, table = name.rpartition(".")
    shown = f"[{schema or 'dbo'}].[{table}]"
    for statement in (f"DROP TABLE IF EXISTS {shown}", f"CREATE TABLE {shown} ({declared}{keyed})"):
        for _answer in batches.run(statement):
            pass
    made = batches.catalog.own_table(table, schema, "")
    described = {row[0]: row[1] for row in batches.cursor.execute(f"DESCRIBE SELECT * FROM read_parquet({quoted(file)})").fetchall()}
    chosen = [_loaded(column.name, described[column.name], column.type) for column in made.columns]
    physical = physical_name(batches.catalog.database, schema, table)
    batches.cursor.execute(f"INSERT INTO {physical} SELECT {', '.join(chosen)} FROM read_parquet({quoted(file)})")
    batches.version.number += 1
    return int(batches.cursor.execute(f"SELECT count(*) FROM {physical}").fetchall()[0][0])


def _loaded(column: str, arrow: str, kind: SqlType) -> str:
    """A column of the file as the type keeps it. What the type cannot hold is an error."""
    name = identifier(column)
    microseconds = f"(epoch_us({name}) + {_EPOCH_MICROSECONDS}) * 10"
    if arrow == "VARCHAR":
        longest = SqlType(name="nvarchar", length=-1, collation=kind.collation)
        if kind.is_text and kind.length > 0:
            name = fitted(name, kind, column)
        return converted(Value(name, longest), kind).sql
    if kind.name in ("float", "real"):
        return f"CASE WHEN isfinite({name}) OR {name} IS NULL THEN CAST({name} AS {kind.stored}) ELSE error('a float has no NaN and no infinity') END"
    if kind.name not in TIMES:
        return f"CAST({name} AS {kind.stored})"
    if arrow == "DATE":
        return converted(Value(f"CAST({name} - DATE '1970-01-01' + {_EPOCH_DAYS} AS INTEGER)", SqlType(name="date")), kind).sql
    if arrow == "TIME":
        return converted(Value(f"epoch_us({name}) * 10", SqlType(name="time", scale=7)), kind).sql
    return converted(Value(microseconds, SqlType(name="datetime2", scale=7)), kind).sql
