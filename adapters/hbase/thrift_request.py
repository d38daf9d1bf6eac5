"""A cell request in Thrift's words: the columns to fetch and the filter to send with a scan. Pure."""

from __future__ import annotations

from adapters.hbase.cell_source import CellRequest
from adapters.hbase.server_filter import qualifier_filter

_COLUMNS_MOST = 1_000


def wanted_columns(request: CellRequest) -> list[bytes]:
    """Families (`d`) and columns (`d:name`); none is every family. A family of which ranges are wanted comes whole."""
    if request.columns and not request.loose and None not in request.families.values():
        return list(request.columns)  # no family is wanted for its own sake
    columns: list[bytes] = []
    for family, ranges in request.families.items():
        keys = [None] if ranges is None else [found.key for found in ranges]
        if None in keys or len(keys) > _COLUMNS_MOST:
            columns.append(family.encode())
        else:
            columns += [family.encode() + b":" + key for key in keys if key is not None]
    return columns


def checked_columns(request: CellRequest) -> tuple[bytes, ...]:
    """What the account must be allowed to read: each named column, and the families of which more is wanted."""
    whole = [family.encode() for family, ranges in request.families.items() if ranges is None or request.loose]
    return *request.columns, *whole


def wanted_filter(request: CellRequest) -> bytes | None:
    """One filter for everything that may stay on the server; the filters of one request never meet."""
    if request.existence and request.filter is None:
        return b"(FirstKeyOnlyFilter() AND KeyOnlyFilter())"
    if request.filter is not None:
        return request.filter
    if len(request.families) == 1 and request.versions == "latest":
        (ranges,) = request.families.values()
        if ranges and any(found.key is None for found in ranges):
            return qualifier_filter(ranges)
    return None
