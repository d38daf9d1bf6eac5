"""The conformance suite against the TDS server, with the texts in columns of each kind that a hospital may have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from adapters.interface import Adapter
from adapters.testing.conformance import ConformanceSuite, Tables
from tests.integration.sqlserver.sources import open_over

if TYPE_CHECKING:
    from tests.servers.tds import TdsServer

KINDS = (
    "text",
    "number_text",
    "integer",
    "bigint",
    "double",
    "boolean",
    "decimal",
    "date",
    "timestamp",
    "local_timestamp",
    "uuid",
    "bytes",
)


class _Suite(ConformanceSuite):
    """NaN and infinities are not among the kinds: no float column of SQL Server can hold them."""

    kinds = KINDS
    types: ClassVar[Mapping[str, str]] = {}
    server: TdsServer

    @pytest.fixture(autouse=True)
    def _server(self, tds_server: TdsServer) -> None:
        type(self).server = tds_server

    def open_adapter(self, tables: Tables, folder: Path) -> Adapter:
        return open_over(self.server, tables, dict.fromkeys(tables, self.types))


class TestTextsInACaseInsensitiveCollation(_Suite):
    """nvarchar under the database's SQL_Latin1_General_CP1_CI_AS; rows are read in blocks."""


class TestTextsInACaseSensitiveCollation(_Suite):
    types: ClassVar = {
        "text_column": "nvarchar(1000) COLLATE Latin1_General_100_CS_AS",
        "number_text_column": "nvarchar(60) COLLATE Latin1_General_100_BIN2",
    }


class TestColumnsWithoutABound(_Suite):
    """They have no buffer: every row is read singly."""

    types: ClassVar = {"text_column": "nvarchar(max)", "number_text_column": "varchar(max)", "bytes_column": "varbinary(max)"}


class TestTextsInACodePage(_Suite):
    """Only what the page holds: numbers written as texts."""

    kinds = ("number_text", "integer", "local_timestamp")
    types: ClassVar = {"number_text_column": "varchar(40)", "local_timestamp_column": "datetime2(6)"}
