"""At most `slots` sessions of one database, used again only if nothing went wrong on them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from adapters import connection_pool
from adapters.interface import ReadContext
from adapters.postgres.failures import missing_driver
from adapters.postgres.options import PostgresOptions

if TYPE_CHECKING:
    from adapters.postgres.connection import Connection

_IDLE_SECONDS = 300.0
"""What lay longer may have been forgotten by a firewall, silently."""


class ConnectionPool(connection_pool.ConnectionPool["Connection"]):
    def __init__(self, options: PostgresOptions) -> None:
        super().__init__(options.slots, partial(_connect, options), _IDLE_SECONDS)


def _connect(options: PostgresOptions, context: ReadContext) -> Connection:
    """Imports the driver."""
    try:
        from adapters.postgres.login import connect
    except ImportError:
        raise missing_driver() from None
    return connect(options, context)
