"""HBase: typed row keys, wide families, cells to Arrow, over a local sorted cell store (`cells:DIR`)."""

from __future__ import annotations

from pathlib import Path

from adapters.hbase.adapter import HBaseAdapter
from adapters.hbase.cell_store import CellStore
from adapters.interface import Adapter, SourceError
from catalog.model import Source

__all__ = ["HBaseAdapter", "open_source"]


def open_source(source: Source) -> Adapter:
    """The adapter of one source. `url` is `cells:DIR`: a folder with a file <table>.cells.parquet for each table."""
    url = source.url or ""
    if not url.startswith("cells:") or url == "cells:":
        raise SourceError("S110", "an hbase source takes a url of the form cells:DIR", "DIR holds <table>.cells.parquet files")
    return HBaseAdapter(source, CellStore(Path(url.removeprefix("cells:")).expanduser()))
