"""The server's process: `python -m tests.servers.tds --port … --control … --folder …`. Started by tests.servers.tds.start."""

from __future__ import annotations

import argparse
import logging
import socket
import threading
from pathlib import Path

import duckdb
from pysqlbridge.certificate import load

from tests.servers.tds.answers import Version
from tests.servers.tds.catalog import create_catalog
from tests.servers.tds.control import Control, ControlServer
from tests.servers.tds.conversion import MACROS
from tests.servers.tds.faults import Faults
from tests.servers.tds.natives import FUNCTIONS
from tests.servers.tds.session import Session


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.servers.tds")
    for name in ("port", "control"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("folder", "certificate", "key"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("database", "user", "password"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--must-encrypt", action="store_true")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")

    database = open_database(options.folder / "server.duckdb", options.database)
    faults, version = Faults(must_encrypt=options.must_encrypt), Version()
    certificate = load(options.certificate, options.key)
    listener = socket.create_server(("127.0.0.1", options.port), backlog=64)
    control = ControlServer(options.control, Control(database, version, faults, options.database))
    threading.Thread(target=control.serve_forever, daemon=True).start()
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session = Session(client, certificate, database, version, faults, options.user, options.password)
        threading.Thread(target=session.serve, daemon=True).start()


def open_database(file: Path | str, database: str) -> duckdb.DuckDBPyConnection:
    """DuckDB with the server's functions and catalog. A lock of a process that was just killed is waited for by the caller."""
    connection = duckdb.connect(str(file), config={"threads": 2, "memory_limit": "512MB"})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET preserve_insertion_order = true")
    for name, (function, arguments, result) in FUNCTIONS.items():
        connection.create_function(name, function, list(arguments), result)
    for macro in MACROS:
        connection.execute(macro)
    create_catalog(connection, database)
    return connection


if __name__ == "__main__":
    main()
