"""Hive through HiveServer2's Thrift service: column lists straight to Arrow, sessions that are made anew when the server forgot them."""

from __future__ import annotations

from adapters.hive.adapter import HiveAdapter
from adapters.hive.options import hive_options
from catalog.model import Source

__all__ = ["HiveAdapter", "open_source"]


def open_source(source: Source) -> HiveAdapter:
    """The adapter of a source with url `hive://host:port/database`. Nothing is imported or opened before it is needed. Raises S110."""
    return HiveAdapter(hive_options(source))
