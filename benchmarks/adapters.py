"""Each adapter beside its raw driver, on real engines started one after the other. `python -m benchmarks.adapters [name ...]`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.side_by_side import Measured, load, table
from tests.servers.process import ServerFailed

_ENGINES = {
    "hbase": ("tests.servers.hbase", "benchmarks.hbase"),
    "hive": ("tests.servers.hive", "benchmarks.hive"),
    "odbc": ("tests.servers.postgres", "benchmarks.odbc"),
    "postgres": ("tests.servers.postgres", "benchmarks.postgres"),
    "trino": ("tests.servers.trino", "benchmarks.trino_source"),
}
"""Name to (the server's module, the module with `measure`). SQL Server's path is measured as `odbc`, over PostgreSQL through psqlODBC:
the TDS server of the tests is too slow to measure anything but itself."""


def adapters_beside_drivers(names: Sequence[str] = tuple(_ENGINES)) -> Iterator[str]:
    yield "## Adapters beside their raw drivers"
    yield ""
    yield "Medians of wall time of pairs in turn, in one run; ratio below 1: the gateway is faster. CPU is the client's, per row. Bars: a point lookup at"
    yield "most 1.2 times or 0.2 ms more than the raw call; a scan at least 0.9 of the throughput of the best raw way to Arrow (ratio at most 1.11)."
    yield "SQL Server's path (block fetch over ODBC) is measured against PostgreSQL through psqlODBC."
    yield ""
    found: list[Measured] = []
    reasons: list[str] = []
    for name in names:
        before = load()
        try:
            found += _measured(*_ENGINES[name])
        except (ServerFailed, ImportError) as error:
            reasons.append(f"{name}: not measured: {str(error).splitlines()[0]}")
        else:
            reasons.append(f"load average before and after {name}: {before}; {load()}")
    yield from table(found)
    yield ""
    yield from (f"- {reason}" for reason in reasons)


def _measured(server_module: str, benchmark: str) -> list[Measured]:
    with tempfile.TemporaryDirectory(prefix="hospital-gateway-bench-") as folder:
        server = import_module(server_module).start(Path(folder) / "server")
        try:
            measured: list[Measured] = import_module(benchmark).measure(server)
        finally:
            server.stop()
    return measured


if __name__ == "__main__":
    for line in adapters_beside_drivers(sys.argv[1:] or tuple(_ENGINES)):
        print(line, flush=True)
