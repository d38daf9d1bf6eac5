"""Puts cells into a real HBase, with happybase."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from itertools import groupby

import happybase

from tests.adapters.hbase.cells import StoredCell
from tests.servers.hbase import HBaseServer

_AT_ONCE = 500  # a framed request may have 2 MB (hbase.regionserver.thrift.framed.max_frame_size_in_mb)
_PUT: dict[tuple[int, str], str] = {}


def stored(server: HBaseServer, table: str, cells: Sequence[StoredCell], families: Sequence[str] = (), splits: Sequence[bytes] = ()) -> str:
    """A table of this server with just these cells (row, family, qualifier, timestamp, value); the same cells are put once.

    Gives its name in HBase. It keeps five versions of each cell.
    """
    named = sorted({cell[1] for cell in cells} | set(families))
    content = hashlib.sha256(repr((sorted(cells), named, splits)).encode()).hexdigest()[:10]
    name = _PUT.get((server.port, content))
    if name is None:
        name = f"{table}_{content}"
        server.create(name, dict.fromkeys(named or ["d"], 5), splits)
        put(server, name, cells)
        _PUT[(server.port, content)] = name
    return name


def put(server: HBaseServer, table: str, cells: Sequence[StoredCell]) -> None:
    """Adds cells, each with its own timestamp."""
    with closing(happybase.Connection(server.host, server.port, transport="framed", timeout=60_000)) as connection:
        by_time = sorted(cells, key=lambda cell: cell[3])
        for timestamp, group in groupby(by_time, key=lambda cell: cell[3]):
            with connection.table(table).batch(timestamp=timestamp, batch_size=_AT_ONCE) as batch:
                for key, family, qualifier, _, value in group:
                    batch.put(key, {family.encode() + b":" + qualifier: value})
