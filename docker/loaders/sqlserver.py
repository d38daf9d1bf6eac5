"""Put hospital C's data into a SQL Server: the tables of its schema.sql, filled from its CSV files.

    PASSWORD=... python docker/loaders/sqlserver.py sqlserver://127.0.0.1:1433/HospitalC --user sa

The database is made if it is not there; tables that are there are dropped and made again. Empty fields become NULL. The password is
read from the variable PASSWORD, or the one that --password-env names. The connection is encrypted, but the certificate is not checked:
a server made from the image has one that nobody signed.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DATA = Path(__file__).resolve().parents[2] / "mappings" / "data" / "three_hospitals" / "local" / "hospital_c_sqlserver"
ROWS_AT_ONCE = 2_000
"""They travel as one JSON document, which the server reads into columns: VALUES would end at 1,000 rows and 2,100 parameters."""

_TABLE = re.compile(r"CREATE TABLE dbo\.(\w+)\s*\((.*?)\);", re.IGNORECASE | re.DOTALL)
_COLUMN = re.compile(r"\s*(\w+)\s+(\w+(?:\(\d+(?:,\d+)?\))?)")
_BETWEEN_COLUMNS = re.compile(r",(?![^(]*\))")


def main() -> None:
    arguments = parse()
    database = urlsplit(arguments.url).path.strip("/") or "HospitalC"
    with closing(connected(arguments, "master", arguments.wait)) as connection:
        make_database(connection, database)
    with closing(connected(arguments, database, 10)) as connection:
        schema = (arguments.data / "schema.sql").read_text(encoding="utf-8")
        tables = declared(schema)
        make_tables(connection, schema, tables)
        for table, columns in tables.items():
            print(f"{database}.dbo.{table}: {fill(connection, table, columns, arguments.data / f'{table}.csv'):,} rows")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make hospital C's tables in a SQL Server.")
    parser.add_argument("url", help="sqlserver://host:port/database")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder with schema.sql and a CSV file for each table")
    parser.add_argument("--user", default="sa")
    parser.add_argument("--password-env", default="PASSWORD", help="the variable that holds the password")
    parser.add_argument("--driver", default="FreeTDS", help="name or path of the ODBC driver")
    parser.add_argument("--plain", action="store_true", help="do not encrypt")
    parser.add_argument("--wait", type=float, default=60, help="seconds to wait for the server to come up")
    return parser.parse_args()


def connection_string(arguments: argparse.Namespace, database: str) -> str:
    url = urlsplit(arguments.url)
    host, port = url.hostname or "127.0.0.1", url.port or 1433
    freetds = "tds" in arguments.driver.lower()
    if freetds:
        words = {"SERVER": host, "PORT": str(port), "TDS_Version": "7.4", "ClientCharset": "UTF-8"}
        words["Encryption"] = "off" if arguments.plain else "require"
    else:
        words = {"SERVER": f"{host},{port}", "Encrypt": "no" if arguments.plain else "yes", "TrustServerCertificate": "yes"}
    account = {"UID": arguments.user, "PWD": os.environ.get(arguments.password_env, ""), "DATABASE": database}
    words |= {name: braced(value, freetds) for name, value in account.items()}
    return "".join(f"{name}={value};" for name, value in {"DRIVER": "{" + arguments.driver + "}", **words}.items())


def braced(value: str, freetds: bool) -> str:
    """FreeTDS reads to the first `};` and doubles nothing; other drivers want `}` doubled."""
    if freetds and "};" in value:
        raise SystemExit("FreeTDS cannot be given a user, password or database that holds '};'")
    return "{" + (value if freetds else value.replace("}", "}}")) + "}"


def connected(arguments: argparse.Namespace, database: str, wait: float) -> Any:
    """A connection that commits by itself; a server that comes up still refuses accounts and databases, so all errors are waited out."""
    import pyodbc

    pyodbc.pooling = False
    until = time.monotonic() + wait
    while True:
        try:
            return pyodbc.connect(connection_string(arguments, database), autocommit=True, timeout=10)
        except pyodbc.Error:
            if time.monotonic() >= until:
                raise
            time.sleep(1)


def make_database(connection: Any, database: str) -> None:
    if not connection.execute("SELECT COUNT(*) FROM sys.databases WHERE name = ?", database).fetchval():
        connection.execute(f"CREATE DATABASE {bracketed(database)}")


def declared(schema: str) -> dict[str, dict[str, str]]:
    """Each table's columns with their types, as schema.sql writes them."""
    tables = {}
    for name, body in _TABLE.findall(schema):
        columns = [match for part in _BETWEEN_COLUMNS.split(body) if (match := _COLUMN.match(part))]
        tables[name] = {column[1]: column[2] for column in columns}
    return tables


def make_tables(connection: Any, schema: str, tables: Mapping[str, Any]) -> None:
    for table in tables:
        connection.execute(f"DROP TABLE IF EXISTS dbo.{bracketed(table)}")
    for batch in re.split(r"^\s*GO\s*$", schema, flags=re.IGNORECASE | re.MULTILINE):
        if batch.strip():
            cursor = connection.execute(batch)
            while cursor.nextset():  # an error of a later statement shows here
                pass


def fill(connection: Any, table: str, columns: Mapping[str, str], file: Path) -> int:
    """All rows of a file, in one transaction. Answers their number."""
    from pyodbc import SQL_WLONGVARCHAR

    listed = ", ".join(bracketed(column) for column in columns)
    typed = ", ".join(f"{bracketed(column)} {type} '$.{column}'" for column, type in columns.items())
    statement = f"INSERT INTO dbo.{bracketed(table)} ({listed}) SELECT {listed} FROM OPENJSON(?) WITH ({typed})"  # noqa: S608  (names of our files)
    count = 0
    connection.autocommit = False
    cursor = connection.cursor()
    for rows in in_parts(records(file, columns)):
        document = json.dumps(rows, ensure_ascii=False)
        cursor.setinputsizes([(SQL_WLONGVARCHAR, len(document), 0)])  # FreeTDS cuts a shorter type off at 4,000 characters
        cursor.execute(statement, document)
        count += len(rows)
    connection.commit()
    connection.autocommit = True
    return count


def records(file: Path, columns: Mapping[str, str]) -> Iterator[dict[str, str | None]]:
    with file.open(encoding="utf-8", newline="") as lines:
        for record in csv.DictReader(lines):
            yield {column: record[column] or None for column in columns}


def in_parts(rows: Iterator[dict[str, str | None]]) -> Iterator[list[dict[str, str | None]]]:
    while part := list(islice(rows, ROWS_AT_ONCE)):
        yield part


def bracketed(name: str) -> str:
    return "[" + name.replace("]", "]]") + "]"


if __name__ == "__main__":
    main()
