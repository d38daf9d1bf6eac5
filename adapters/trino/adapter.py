"""The adapter for a hospital whose database is a Trino."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from adapters.arrow_batches import bounded
from adapters.arrow_types import scan_schema
from adapters.interface import Capabilities, ReadContext, Scan, SourceError, Split, Verdict
from adapters.sql import classify_condition, write_statement
from adapters.trino.client import Page, TrinoClient
from adapters.trino.decode import Decoder, UnreadableValueError, decoder
from adapters.trino.dialect import trino_dialect
from adapters.trino.errors import NOT_AS_DECLARED
from adapters.trino.limits import within_limits
from adapters.trino.options import TrinoOptions, read_options
from adapters.trino.tables import SourceTables, other_type
from adapters.trino.types import fits, found_type
from catalog.model import Source
from catalog.relations import JoinRelation, Relation, relation_columns, relation_tables
from catalog.source_tables import SqlTable

_DESCRIBE_SECONDS = 60


def open_source(source: Source) -> TrinoAdapter:
    """The adapter of a source with url trino://HOST:PORT/CATALOG/SCHEMA. Nothing is opened before it is needed. Raises S110."""
    return TrinoAdapter(read_options(source))


class TrinoAdapter:
    """One statement per scan, each on a connection of its own while it runs."""

    def __init__(self, options: TrinoOptions) -> None:
        self.capabilities = Capabilities(filter=True, limit=True, joins=True, unnest=True, slots=options.slots)
        self._dialect = trino_dialect(options.catalog, options.schema)
        self._client = TrinoClient(options)
        self._tables = SourceTables(self._client, options.catalog, options.schema)

    # ------------------------------------------------------------------------------------------------ the pure half

    def classify(self, scan: Scan) -> Sequence[Verdict]:
        columns = relation_columns(scan.relation)
        return within_limits([classify_condition(self._dialect, condition, columns) for condition in scan.conditions])

    def explain(self, scan: Scan) -> str:
        return write_statement(scan, self._dialect).shown()

    def splits(self, scan: Scan) -> Sequence[Split]:
        return [Split(scan=scan)]

    # -------------------------------------------------------------------------------------------- the half with I/O

    def describe(self, table: str | None = None) -> Mapping[str, SqlTable]:
        return self._tables.describe(ReadContext(deadline=time.monotonic() + _DESCRIBE_SECONDS), table)

    def ping(self, context: ReadContext) -> None:
        self._client.rows("SELECT 1", context)

    def close(self) -> None:
        self._client.close()

    def read(self, split: Split, context: ReadContext) -> Iterator[pa.RecordBatch]:
        context.check()
        scan = split.scan
        tables = relation_tables(scan.relation)
        self._tables.check(tables, context)
        statement = write_statement(scan, self._dialect)
        context.statements.append(statement.sql)
        context.touched.setdefault("rows", 0)
        try:
            yield from self._batches(statement.sql, scan, context)
        except SourceError as error:
            if error.code in ("S105", "S108", "S120"):
                self._tables.forget(tables)
            if error.code == "S108":
                raise SourceError("S108", f"the account may not read {' and '.join(f'table {table.name}' for table in tables)}") from None
            if error.fact == NOT_AS_DECLARED:
                self._tables.check(tables, context)  # names what is wrong; if nothing is any more, what Trino said stands
            raise

    def _batches(self, sql: str, scan: Scan, context: ReadContext) -> Iterator[pa.RecordBatch]:
        schema = scan_schema(scan)
        decoders: list[Decoder] = []
        for page in self._client.pages(sql, context):
            context.check()
            decoders = decoders or _decoders(scan, page)
            if not page.rows:
                continue
            for part in bounded(_batch(page, decoders, scan, schema), context.batch_rows, context.batch_bytes):
                context.touched["rows"] += part.num_rows
                yield part
                context.check()


def _decoders(scan: Scan, page: Page) -> list[Decoder]:
    """One for each column of the scan; the types that came are held against the declared ones once more."""
    columns = relation_columns(scan.relation)
    found: list[Decoder] = []
    for name, text in zip(scan.columns, page.types):
        type = found_type(text)
        if not fits(type, columns[name].type):
            raise other_type(*_home(scan.relation, name), columns[name].type, type)
        found.append(decoder(type, columns[name].type))
    return found


def _batch(page: Page, decoders: Sequence[Decoder], scan: Scan, schema: pa.Schema) -> pa.RecordBatch:
    if not scan.columns:
        return pa.RecordBatch.from_struct_array(pa.array([{}] * len(page.rows), pa.struct([])))
    arrays: list[pa.Array] = []
    for name, decode, values in zip(scan.columns, decoders, zip(*page.rows)):
        try:
            arrays.append(decode(values))
        except UnreadableValueError:
            table, column = _home(scan.relation, name)
            fact = f"a value of table {table}, column {column} cannot be read as its declared type"
            raise SourceError("S121", fact) from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _home(relation: Relation, name: str) -> tuple[str, str]:
    """The source's table and column behind a name of the relation."""
    if isinstance(relation, JoinRelation):
        alias, _, column = name.partition(".")
        table = next((join.table for join in relation.joins if join.alias == alias), relation.table)
        return table.name, column
    return relation_tables(relation)[0].name, name
