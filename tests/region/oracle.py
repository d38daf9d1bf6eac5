"""The oracle: the expected rows of the eight virtual tables, typed, in one plain DuckDB."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

SCHEMA = "health"
TABLES = ("patient", "encounter", "vital_sign", "lab_result", "condition", "medication", "immunization", "notifiable_case")
ROWS = {
    "patient": 905,
    "encounter": 8_274,
    "vital_sign": 17_179,
    "lab_result": 14_881,
    "condition": 1_906,
    "medication": 5_791,
    "immunization": 4_016,
    "notifiable_case": 18,
}
_CASTS = {
    "birth_date": "DATE",
    "death_date": "DATE",
    "onset_date": "DATE",
    "abatement_date": "DATE",
    "occurrence_date": "DATE",
    "total_cost": "DECIMAL(19,4)",
}
_DATA = Path(__file__).parents[2] / "mappings" / "data"


def expected_folder() -> Path:
    """The folder of the expected rows, which come with the example region."""
    return _DATA / "three_hospitals" / "expected"


def open_oracle(folder: Path | None = None) -> Oracle:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET threads = 1")
    connection.execute(f"CREATE SCHEMA {SCHEMA}")
    for table in TABLES:
        relation = connection.read_parquet(str((folder or expected_folder()) / f"{table}.parquet"))
        columns = ", ".join(
            f'"{name}"::{_CASTS.get(name, type)} AS "{name}"' for name, type in zip(relation.columns, relation.types, strict=True)
        )
        relation.query("expected", f"CREATE TABLE {SCHEMA}.{table} AS SELECT {columns} FROM expected")
    connection.execute(f"SET search_path = '{SCHEMA}'")
    return Oracle(connection)


class Oracle:
    """Runs DuckDB SQL over the expected rows. Not for use from several threads at once."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def rows(self, sql: str) -> pa.Table:
        """All rows. Read through Arrow: fetching zoned instants as Python values needs pytz, which is not there."""
        return self.connection.sql(sql).to_arrow_table()

    def only_nodes(self, *nodes: str) -> Oracle:
        """The oracle of a region where only these hospitals exist."""
        kept = ", ".join(f"'{node}'" for node in nodes)
        smaller = duckdb.connect()
        smaller.execute("SET TimeZone = 'UTC'; SET threads = 1")
        smaller.execute(f"CREATE SCHEMA {SCHEMA}")
        for table in TABLES:
            rows = self.rows(f"SELECT * FROM {SCHEMA}.{table} WHERE node IN ({kept})")  # noqa: F841  (DuckDB reads the variable by name)
            smaller.execute(f"CREATE TABLE {SCHEMA}.{table} AS SELECT * FROM rows")
        smaller.execute(f"SET search_path = '{SCHEMA}'")
        return Oracle(smaller)

    def columns(self, table: str) -> dict[str, str]:
        """Column names to DuckDB types."""
        described = self.connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position",
            [SCHEMA, table],
        )
        return dict(described.fetchall())
