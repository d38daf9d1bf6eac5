"""The test's own way into the server: one JSON object a line over a second loopback port, one line of answer each."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable
from typing import Any

import duckdb

from tests.servers.tds.answers import Rows, Version
from tests.servers.tds.catalog import Catalog
from tests.servers.tds.errors import SqlServerError
from tests.servers.tds.faults import Faults
from tests.servers.tds.loading import load_table
from tests.servers.tds.statements import Batches


class Control:
    """Answers to what TdsServer asks. Each order is a transaction of its own."""

    def __init__(self, database: duckdb.DuckDBPyConnection, version: Version, faults: Faults, default: str) -> None:
        self._database, self._version, self._faults, self._default = database, version, faults, default
        self._lock = threading.Lock()
        self._orders: dict[str, Callable[[dict[str, Any]], Any]] = {
            "ping": lambda _: True,
            "execute": self._execute,
            "load": self._load,
            "deny": self._deny,
            "fault": lambda order: self._faults.change(order["changes"]),
            "clear": lambda _: self._faults.clear(),
            "statements": lambda _: self._faults.statements(),
            "forget": lambda _: self._faults.forget(),
        }

    def answer(self, order: dict[str, Any]) -> dict[str, Any]:
        try:
            with self._lock:
                return {"ok": self._orders[order["do"]](order)}
        except SqlServerError as error:
            return {"error": f"{error.number}: {error.message}"}
        except Exception as error:  # noqa: BLE001  the test reads it
            return {"error": repr(error)}

    def _batches(self, order: dict[str, Any]) -> Batches:
        cursor = self._database.cursor()
        return Batches(cursor, Catalog(cursor, order.get("database") or self._default), self._version)

    def _execute(self, order: dict[str, Any]) -> list[list[str]]:
        """Rows come back as text, for a look."""
        found: list[list[str]] = []
        batches = self._batches(order)
        for answer in batches.run(order["sql"]):
            if isinstance(answer, Rows):
                found = [[str(value) for value in row] for row in answer.cursor.fetchall()]
        batches.cursor.close()
        return found

    def _load(self, order: dict[str, Any]) -> int:
        batches = self._batches(order)
        try:
            return load_table(batches, order["table"], order["columns"], order["key"], order["file"])
        finally:
            batches.cursor.close()

    def _deny(self, order: dict[str, Any]) -> None:
        batches = self._batches(order)
        batches.catalog.deny(order["table"], order["denied"])
        batches.cursor.close()
        self._version.number += 1


class ControlServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int, control: Control) -> None:
        self.control = control
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(socketserver.StreamRequestHandler):
    server: ControlServer

    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(json.dumps(self.server.control.answer(json.loads(line))).encode() + b"\n")
