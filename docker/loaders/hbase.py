"""Put hospital A's cells into an HBase, every version under its own time.

    python docker/loaders/hbase.py thrift://127.0.0.1:9090

Tables that are there are dropped and made again. The server speaks Thrift 1 with frames (-f), or without: --transport buffered.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import happybase
import pyarrow.parquet as pq

DATA = Path(__file__).resolve().parents[2] / "mappings" / "data" / "three_hospitals" / "local" / "hospital_a_hbase"
VERSIONS = 5
CONNECTIONS = 4
AT_ONCE = 500
"""Cells of a request: HBase's Thrift server takes frames of 2 MB."""


class Address(NamedTuple):
    host: str
    port: int
    transport: str


def main() -> None:
    arguments = parse()
    url = urlsplit(arguments.url)
    address = Address(url.hostname or "127.0.0.1", url.port or 9_090, arguments.transport)
    wait_for(address, arguments.wait)
    for file in sorted(arguments.data.glob("*.cells.parquet")):
        table = file.name.removesuffix(".cells.parquet")
        print(f"{table}: {load(address, table, pq.read_table(file).to_pylist()):,} cells", flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make hospital A's tables in an HBase.")
    parser.add_argument("url", help="thrift://host:port")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder with a file <table>.cells.parquet for each table")
    parser.add_argument("--transport", choices=("framed", "buffered"), default="framed")
    parser.add_argument("--wait", type=float, default=0, help="seconds to wait for the server to come up")
    return parser.parse_args()


def opened(address: Address) -> happybase.Connection:
    return happybase.Connection(address.host, address.port, transport=address.transport, timeout=60_000)


def wait_for(address: Address, seconds: float) -> None:
    """Until the master answers: Thrift listens before."""
    until = time.monotonic() + seconds
    while True:
        try:
            with closing(opened(address)) as connection:
                connection.tables()
            return
        except Exception:  # whatever thriftpy2 raises while nobody answers
            if time.monotonic() >= until:
                raise
            time.sleep(1)


def load(address: Address, table: str, cells: list[dict[str, Any]]) -> int:
    """Makes the table with the families of its cells, and puts the cells. Gives how many."""
    with closing(opened(address)) as connection:
        if table.encode() in connection.tables():
            connection.delete_table(table, disable=True)
        connection.create_table(table, {family: {"max_versions": VERSIONS} for family in sorted({cell["family"] for cell in cells})})
    cells.sort(key=lambda cell: (cell["timestamp"], cell["row"]))
    moments = [(timestamp, list(group)) for timestamp, group in groupby(cells, key=lambda cell: cell["timestamp"])]
    with ThreadPoolExecutor(CONNECTIONS) as pool:  # one after the other, each request would wait for the disk
        list(pool.map(lambda number: write(address, table, moments[number::CONNECTIONS]), range(CONNECTIONS)))
    return len(cells)


def write(address: Address, table: str, moments: list[tuple[int, list[dict[str, Any]]]]) -> None:
    """A request for each moment: Thrift 1 takes one time for all cells of a request."""
    with closing(opened(address)) as connection:
        for timestamp, cells in moments:
            with connection.table(table).batch(timestamp=timestamp, batch_size=AT_ONCE) as batch:
                for cell in cells:
                    batch.put(cell["row"], {cell["family"].encode() + b":" + cell["qualifier"]: cell["value"]})


if __name__ == "__main__":
    main()
