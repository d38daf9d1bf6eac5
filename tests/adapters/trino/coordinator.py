"""A stand-in for Trino's HTTP side: it answers what it is told, also what no Trino says."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, bytes]
GO_ON = {"id": "q1", "nextUri": "http://elsewhere.test:1/v1/statement/executing/q1/x/1"}
COLUMNS = {"columns": [{"name": "n", "type": "bigint"}]}


class Coordinator(ThreadingHTTPServer):
    """Answers requests in turn with what it was given; the last answer stays."""

    daemon_threads = True

    def __init__(self, answers: list[Answer | Callable[[Any], None]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers, self.asked = answers, list[tuple[str, str]]()
        self.headers: list[dict[str, str]] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Coordinator

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path))
        self.server.headers.append(dict(self.headers))
        answer = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
        if callable(answer):
            answer(self)
            return
        status, body = answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815  the base class finds them by name

    def log_message(self, format: str, *args: object) -> None:
        pass


def page(**parts: Any) -> Answer:
    return 200, json.dumps({"id": "q1"} | parts).encode()
