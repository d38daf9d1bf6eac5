"""Writes into an HBase behind HTTPS, with happybase's service and thriftpy2's HTTP transport."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

import happybase  # noqa: F401 -- it makes the module Hbase_thrift
from Hbase_thrift import BatchMutation, Hbase, Mutation
from thriftpy2.http import make_client
from thriftpy2.protocol import TBinaryProtocolFactory

from tests.servers.hbase import SecuredHBaseServer


def put_over_https(server: SecuredHBaseServer, table: str, rows: Mapping[bytes, Mapping[bytes, bytes]]) -> None:
    client = make_client(
        Hbase,
        url=server.url,
        proto_factory=TBinaryProtocolFactory(decode_response=False),
        ssl_context_factory=lambda: ssl.create_default_context(cafile=str(server.authority)),
        timeout=60_000,
        keep_alive=True,
    )
    try:
        batches = [
            BatchMutation(row=key, mutations=[Mutation(column=column, value=value) for column, value in cells.items()])
            for key, cells in rows.items()
        ]
        client.mutateRows(table.encode(), batches, {})
    finally:
        client.close()
