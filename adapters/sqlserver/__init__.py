"""The adapter for Microsoft SQL Server, over ODBC."""

from __future__ import annotations

from adapters.sqlserver.adapter import SqlServerAdapter, open_source

__all__ = ["SqlServerAdapter", "open_source"]
