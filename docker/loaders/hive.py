"""Put hospital B's data into a Hive: external tables over its Parquet files, partitioned by year.

    python docker/loaders/hive.py hive://127.0.0.1:10000/hospital_b --files /data/hospital_b

--data is where the files are here, --files the same place as HiveServer2 sees it; a --files that is not there yet is filled from
--data. Tables that are there are dropped and made again. The password, if one is needed, is read from the variable PASSWORD.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

DATA = Path(__file__).resolve().parents[2] / "mappings" / "data" / "three_hospitals" / "local" / "hospital_b_hive"


def main() -> None:
    arguments = parse()
    url = urlsplit(arguments.url)
    database = url.path.strip("/") or "hospital_b"
    if arguments.files.is_absolute() and not arguments.files.exists() and arguments.files.parent.exists():
        shutil.copytree(arguments.data, arguments.files)
    with (
        closing(connected(url.hostname or "127.0.0.1", url.port or 10_000, arguments)) as connection,
        closing(connection.cursor()) as cursor,
    ):
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS {quoted(database)}")
        for table in sorted(path for path in arguments.data.iterdir() if path.is_dir()):
            for statement in statements(table, database, arguments.files / table.name):
                cursor.execute(statement)
            cursor.execute(f"SELECT COUNT(*) FROM {quoted(database)}.{quoted(table.name)}")  # noqa: S608  (names of folders, quoted)
            print(f"{database}.{table.name}: {cursor.fetchone()[0]:,} rows")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make hospital B's tables in a Hive.")
    parser.add_argument("url", help="hive://host:port/database")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder with a folder of Parquet files for each table")
    parser.add_argument("--files", type=Path, required=True, help="that folder as the server sees it")
    parser.add_argument("--user", default="hive")
    parser.add_argument("--auth", choices=("PLAIN", "NOSASL"), default="PLAIN")
    parser.add_argument("--wait", type=float, default=0, help="seconds to wait for the server to come up")
    return parser.parse_args()


def connected(host: str, port: int, arguments: argparse.Namespace) -> Any:
    from impala.dbapi import connect

    until = time.monotonic() + arguments.wait
    while True:
        try:
            return connect(
                host=host, port=port, auth_mechanism=arguments.auth, user=arguments.user, password=os.environ.get("PASSWORD", "none")
            )
        except Exception:  # whatever the driver raises while nobody listens
            if time.monotonic() >= until:
                raise
            time.sleep(1)


def statements(table: Path, database: str, location: Path) -> Iterator[str]:
    """Drop and make one table. Folders such as yr=2024 are partitions; the other columns are those of the files."""
    name = f"{quoted(database)}.{quoted(table.name)}"
    files = sorted(table.rglob("*.parquet"))
    columns = ", ".join(f"{quoted(field.name)} {hive_type(field.type)}" for field in pq.read_schema(files[0]))
    partitions = [part.name.partition("=")[0] for part in files[0].relative_to(table).parents if "=" in part.name][::-1]
    by = f" PARTITIONED BY ({', '.join(f'{quoted(column)} INT' for column in partitions)})" if partitions else ""
    yield f"DROP TABLE IF EXISTS {name}"
    yield f"CREATE EXTERNAL TABLE {name} ({columns}){by} STORED AS PARQUET LOCATION 'file://{location}'"
    if partitions:
        yield f"MSCK REPAIR TABLE {name}"


def hive_type(type: pa.DataType) -> str:
    if pa.types.is_list(type):
        return f"ARRAY<{hive_type(type.value_type)}>"
    if pa.types.is_map(type):
        return f"MAP<{hive_type(type.key_type)}, {hive_type(type.item_type)}>"
    if pa.types.is_struct(type):
        return f"STRUCT<{', '.join(f'{quoted(field.name)}: {hive_type(field.type)}' for field in type)}>"
    return {"string": "STRING", "int32": "INT", "int64": "BIGINT", "double": "DOUBLE", "bool": "BOOLEAN"}[str(type)]


def quoted(name: str) -> str:
    return f"`{name}`"


if __name__ == "__main__":
    main()
