"""PostgreSQL through psycopg: typed rows in PostgreSQL's binary form, decoded column by column into Arrow."""

from __future__ import annotations

from adapters.postgres.adapter import PostgresAdapter
from adapters.postgres.options import postgres_options
from catalog.model import Source

__all__ = ["PostgresAdapter", "open_source"]


def open_source(source: Source) -> PostgresAdapter:
    """The adapter of a source with url `postgresql://host:port/database`. Nothing is opened, no driver is imported. Raises S110."""
    return PostgresAdapter(source, postgres_options(source))
