"""HBase: typed row keys, wide families, cells to Arrow; over Thrift, or over a local sorted cell store (`cells:DIR`)."""

from __future__ import annotations

from pathlib import Path

from adapters.hbase.adapter import HBaseAdapter
from adapters.hbase.cell_store import CellStore
from adapters.hbase.thrift_cells import ThriftCells
from adapters.hbase.thrift_options import URLS, thrift_options
from adapters.interface import Adapter, SourceError
from catalog.model import Source

__all__ = ["HBaseAdapter", "open_source"]


def open_source(source: Source) -> Adapter:
    """The adapter of one source; nothing is opened yet. `url`: a folder with a file <table>.cells.parquet for each table
    (cells:DIR), or a Thrift server (thrift://, http://, https://). Raises SourceError S110."""
    url = source.url or ""
    if url.startswith("cells:"):
        if url == "cells:":
            raise SourceError("S110", "the url of an HBase source names no folder", f"url: {URLS}")
        return HBaseAdapter(source, CellStore(Path(url.removeprefix("cells:")).expanduser()))
    options = thrift_options(source)
    return HBaseAdapter(source, ThriftCells(options), options.slots)
