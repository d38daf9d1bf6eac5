"""A hospital whose database is a Trino: one SELECT per scan over /v1/statement, pages of JSON turned into Arrow.

adapter.py is the contract; dialect.py what is pushed down; client.py the protocol; types.py and decode.py how Trino's types arrive;
tables.py what the source says of its tables; errors.py its faults in our words.
"""

from __future__ import annotations

from adapters.trino.adapter import TrinoAdapter, open_source

__all__ = ["TrinoAdapter", "open_source"]
