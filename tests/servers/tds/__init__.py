"""A server that speaks SQL Server's protocol (TDS 7.4) and T-SQL by SQL Server's rules, for tests of the gateway. See docs/adr/0011.

    server = start(tmp_path)                 # or the fixture `tds_server`
    pyodbc.connect(server.connection_string()) # FreeTDS; server.host, .port, .user, .password, .database
    server.execute_ddl("CREATE TABLE dbo.t (id int PRIMARY KEY, name nvarchar(20) COLLATE Latin1_General_100_CS_AS)")
    server.load(table, rows, types={"name": "varchar(20)"})  # an SqlTable and its Arrow rows; types not given are _TYPES
    server.statements()                      # what clients sent since forget_statements()
    server.deny("dbo.t")                     # SELECT of it fails with 229; deny("dbo.t", False) allows it again
    server.fault(drop_mid_row=3)             # see tests.servers.tds.faults; server.fault(clear=True) ends them all
    server.pause(), .resume(), .kill(), .restart(), .stop()

The default collation is SQL_Latin1_General_CP1_CI_AS. Data stay over a restart (they are in a DuckDB file in the folder).
TLS: the certificate is server.certificates.certificate (name SERVER_NAME and 127.0.0.1), signed by .authority, not by .stranger.
What the server cannot translate is error 40517. Sessions also know WAITFOR DELAY '0:0:5', for cancelling.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalog.source_tables import SqlTable
from tests.servers.certificates import SERVER_NAME, Certificates, make_certificates
from tests.servers.process import OneProcess, ServerProcess, free_port

HOST, DATABASE, USER = "127.0.0.1", "hospital", "gateway"
PASSWORD = "p w'd\\;☃"  # a blank, a quote, a backslash, a semicolon and a sign beyond ASCII: whoever pastes it into a string trips
_ROOT = Path(__file__).parents[3]

_TYPES = {
    "integer": "bigint",
    "bigint": "bigint",
    "double": "float",
    "boolean": "bit",
    "date": "date",
    "timestamp": "datetimeoffset(7)",
    "local_timestamp": "datetime2(7)",
    "uuid": "uniqueidentifier",
}
"""Raw type to T-SQL type where a test gives none. Text is nvarchar, bytes varbinary, as wide as their longest value needs."""


class TdsRefused(AssertionError):
    """The server refused an order of the test."""


@dataclass(frozen=True, slots=True)
class TdsServer(OneProcess):
    """A running server. `user` may do everything."""

    process: ServerProcess
    port: int
    control: int
    folder: Path
    certificates: Certificates
    host: str = HOST
    database: str = DATABASE
    user: str = USER
    password: str = PASSWORD

    @property
    def url(self) -> str:
        return f"sqlserver://{self.host}:{self.port}/{self.database}"

    def connection_string(self, **more: str) -> str:
        """For pyodbc through FreeTDS. `more` adds or replaces keywords."""
        words = {
            "DRIVER": "FreeTDS", "SERVER": self.host, "PORT": str(self.port), "DATABASE": self.database, "UID": self.user,
            "PWD": "{" + self.password.replace("}", "}}") + "}", "TDS_Version": "7.4", "ClientCharset": "UTF-8", **more,
        }  # fmt: skip
        return ";".join(f"{name}={value}" for name, value in words.items())

    # ------------------------------------------------------------------------------------------------------------ data

    def execute_ddl(self, sql: str, database: str | None = None) -> list[list[str]]:
        """A T-SQL batch, outside of any client's session. Rows come back as text. Raises TdsRefused with number and message."""
        return list(self._order({"do": "execute", "sql": sql, "database": database}))

    def load(self, table: SqlTable, rows: pa.Table, *, types: Mapping[str, str] | None = None, database: str | None = None) -> int:
        """Drop and make the table, and put the rows in. `types` gives columns a T-SQL type (and collation). Answers their number."""
        file = self.folder / f"{uuid4()}.parquet"
        pq.write_table(_plain(rows), file)
        chosen = {column.name: (types or {}).get(column.name) or _type_of(table, rows, column.name) for column in table.columns}
        order = {"do": "load", "table": table.name, "columns": chosen, "key": list(table.key), "file": str(file), "database": database}
        try:
            return int(self._order(order))
        finally:
            file.unlink()

    def deny(self, table: str, denied: bool = True) -> None:
        """SELECT of the table fails with error 229, or not any more."""
        self._order({"do": "deny", "table": table, "denied": denied})

    # ---------------------------------------------------------------------------------------------------------- faults

    def fault(self, *, clear: bool = False, **changes: Any) -> None:
        """Switch faults (tests.servers.tds.faults.Faults); those not named stay. `clear` ends all first."""
        if clear:
            self._order({"do": "clear"})
        if changes:
            self._order({"do": "fault", "changes": changes})

    def statements(self) -> list[str]:
        """What clients sent: batches, and the text of prepared statements each time they run."""
        return list(self._order({"do": "statements"}))

    def forget_statements(self) -> None:
        self._order({"do": "forget"})

    def _order(self, order: Mapping[str, Any]) -> Any:
        with socket.create_connection((self.host, self.control), timeout=120) as connection, connection.makefile("rwb") as stream:
            stream.write(json.dumps(order).encode() + b"\n")
            stream.flush()
            answer = json.loads(stream.readline())
        if "error" in answer:
            raise TdsRefused(answer["error"])
        return answer["ok"]


def start(folder: Path, *, must_encrypt: bool = False) -> TdsServer:
    """A server with an empty database. Raises ServerFailed. `must_encrypt`: it refuses plain connections."""
    import pysqlbridge  # noqa: F401  so that a machine without it skips, and does not fail

    folder.mkdir(parents=True, exist_ok=True)
    certificates = make_certificates(folder / "certificates")
    port, control = free_port(), free_port()
    options = {
        "port": port, "control": control, "folder": folder, "certificate": certificates.certificate, "key": certificates.key,
        "database": DATABASE, "user": USER, "password": PASSWORD,
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.servers.tds", *(f"--{name}={value}" for name, value in options.items())]
    if must_encrypt:
        command.append("--must-encrypt")
    process = ServerProcess("tds", command, folder, lambda: server._order({"do": "ping"}), environment={"PYTHONPATH": str(_ROOT)}, wait=60)
    server = TdsServer(process, port, control, folder, certificates)
    process.start()
    return server


def _plain(rows: pa.Table) -> pa.Table:
    """Without dictionaries and large types, which Parquet would bring back."""
    return pa.table({name: rows.column(name) for name in rows.schema.names})


def _type_of(table: SqlTable, rows: pa.Table, name: str) -> str:
    kind = next(column.type for column in table.columns if column.name == name)
    if kind.name == "decimal":
        return f"decimal({kind.precision},{kind.scale})"
    if kind.name in ("text", "bytes"):
        column = rows.column(name)
        longest = (pc.max(pc.binary_length(column)).as_py() or 0) if len(column) else 0
        word, limits = ("nvarchar", (200, 4000)) if kind.name == "text" else ("varbinary", (200, 8000))
        return f"{word}({next((str(limit) for limit in limits if longest <= limit), 'max')})"
    return _TYPES[kind.name]


__all__ = ["SERVER_NAME", "TdsRefused", "TdsServer", "start"]
