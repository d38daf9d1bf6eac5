"""The answer's forms on stdout: table, JSON document, CSV, Arrow stream. Each takes the batches as they come."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from gateway.commands.session import Session, terminal_width
from gateway.commands.table_layout import TableLayout
from gateway.commands.values import json_values, texts, type_name

if TYPE_CHECKING:
    from gateway.result import NodeOutcome, Result

_MEASURED_ROWS = 1_000


class Writer(Protocol):
    """Called in order: begin, batch for each batch, end."""

    def begin(self, result: Result, /) -> None: ...
    def batch(self, batch: pa.RecordBatch, /) -> None: ...
    def end(self, result: Result, /) -> None: ...


def writer_of(form: str, session: Session, plan: object = None) -> Writer:
    """`plan` is put into a JSON document, when given."""
    match form:
        case "json":
            return JsonWriter(session, plan)
        case "csv":
            return CsvWriter(session)
        case "arrow":
            return ArrowWriter(session)
        case _:
            return TableWriter(session)


def cells(batch: pa.RecordBatch) -> Iterable[tuple[str | None, ...]]:
    """The rows of a batch as texts."""
    return zip(*(texts(column) for column in batch.columns), strict=True)


class TableWriter:
    """Lines that fit the terminal. Widths come from the first 1,000 rows; later values that are wider are cut and marked."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting: list[tuple[str | None, ...]] = []
        self._layout: TableLayout | None = None
        self._names: list[str] = []
        self._right: list[bool] = []

    def begin(self, result: Result) -> None:
        self._names = list(result.schema.names)
        self._right = [pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_decimal(t) for t in result.schema.types]

    def batch(self, batch: pa.RecordBatch) -> None:
        self._waiting += cells(batch)
        if self._layout is not None or len(self._waiting) >= _MEASURED_ROWS:
            self._flush()

    def end(self, _result: Result) -> None:
        self._flush()
        if self._layout is not None and self._layout.left_out:
            left_out = ", ".join(self._layout.left_out)
            self._session.say(f"{len(self._layout.left_out)} columns do not fit the terminal: {left_out} (--format csv shows all)")

    def _flush(self) -> None:
        if self._layout is None:
            self._layout = TableLayout.fitted(self._names, self._right, self._waiting[:_MEASURED_ROWS], terminal_width())
            self._session.write("".join(line + "\n" for line in self._layout.header()))
        self._session.write("".join(self._layout.row(row) + "\n" for row in self._waiting))
        self._waiting = []


class JsonWriter:
    """One document: {columns, types, rows, complete, sources, labels, revision}. It is whole only if the answer is: an error
    in the middle leaves text that is no JSON."""

    def __init__(self, session: Session, plan: object = None) -> None:
        self._session, self._plan, self._first = session, plan, True

    def begin(self, result: Result) -> None:
        head: dict[str, Any] = {"columns": list(result.schema.names), "types": [type_name(type) for type in result.schema.types]}
        if self._plan is not None:
            head["plan"] = self._plan
        self._session.write(_json(head)[:-1] + ', "rows": [')

    def batch(self, batch: pa.RecordBatch) -> None:
        rows = zip(*(json_values(column) for column in batch.columns), strict=True)
        for row in rows:
            self._session.write(("\n" if self._first else ",\n") + _json(row))
            self._first = False

    def end(self, result: Result) -> None:
        tail = {
            "complete": result.complete,
            "sources": [outcome_document(outcome) for outcome in result.outcomes],
            "labels": list(result.labels),
            "revision": result.revision,
        }
        self._session.write("\n], " + _json(tail)[1:] + "\n")


def outcome_document(outcome: NodeOutcome) -> dict[str, object]:
    """One source's part of an answer, for programs."""
    return {
        "node": outcome.node,
        "source": outcome.source,
        "status": outcome.status,
        "rows": outcome.rows,
        "bytes": outcome.bytes,
        "seconds": round(outcome.seconds, 6),
        "as_of": outcome.as_of,
        "reason": outcome.reason,
        "code": outcome.code,
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


class CsvWriter:
    """RFC 4180 with a header: NULL is an empty field, an empty text is `""`. Texts that a spreadsheet reads as formulas stay data."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin(self, result: Result) -> None:
        self._line(result.schema.names)

    def batch(self, batch: pa.RecordBatch) -> None:
        for row in cells(batch):
            self._line(row)

    def end(self, _result: Result) -> None:
        """A CSV has no end."""

    def _line(self, row: Iterable[str | None]) -> None:
        self._session.write(",".join(_csv_field(value) for value in row) + "\r\n")


def _csv_field(value: str | None) -> str:
    if value is None:
        return ""
    if value == "" or any(mark in value for mark in ',"\r\n'):
        return '"' + value.replace('"', '""') + '"'
    return value


class ArrowWriter:
    """An Arrow IPC stream, ended only if the answer is whole."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._stream: pa.RecordBatchStreamWriter | None = None

    def begin(self, result: Result) -> None:
        self._session.data_started = True
        self._stream = pa.ipc.new_stream(sys.stdout.buffer, result.schema)

    def batch(self, batch: pa.RecordBatch) -> None:
        assert self._stream is not None
        self._stream.write_batch(batch)

    def end(self, _result: Result) -> None:
        assert self._stream is not None
        self._stream.close()
