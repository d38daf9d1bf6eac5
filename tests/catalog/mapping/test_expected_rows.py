"""Every row and value of the three hospitals, forward from their own tables."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest

from catalog.types import Type
from tests.catalog.mapping.raw_rows import EXPECTED
from tests.catalog.mapping.running import project, rows_of

BINDINGS = [
    (node, table)
    for node in ("hosp_a", "hosp_b", "hosp_c")
    for table in ("condition", "encounter", "immunization", "lab_result", "medication", "patient", "vital_sign")
]


@pytest.mark.parametrize(("node", "table"), BINDINGS)
def test_a_projection_gives_every_expected_row_and_value(node, table, compiled, raw_databases, snapshot):
    columns = snapshot.tables[table].columns
    found = rows_of(project(raw_databases[node, table], compiled[node, table], list(columns)))
    wanted = [row for row in pq.read_table(EXPECTED / f"{table}.parquet").to_pylist() if row["node"] == node]
    key = snapshot.tables[table].key
    assert sorted(tuple(row[k] for k in key) for row in found) == sorted(tuple(row[k] for k in key) for row in wanted)
    by_key = {tuple(row[k] for k in key): row for row in found}
    different = [
        (name, by_key[tuple(row[k] for k in key)][name], row[name])
        for row in wanted
        for name, column in columns.items()
        if not _same(by_key[tuple(row[k] for k in key)][name], row[name], column.type)
    ]
    assert different == []


def _same(found: Any, wanted: Any, type: Type) -> bool:
    if found is None or wanted is None:
        return found is wanted
    match type.name:
        case "double":
            return math.isclose(found, wanted, rel_tol=1e-12)
        case "date":
            return found == date.fromisoformat(wanted)
        case "decimal":
            return found == Decimal(str(wanted)).quantize(Decimal("0.0001"))
        case "timestamp":
            return _utc(found) == _utc(wanted)
        case _:
            return found == wanted


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


@pytest.mark.parametrize(("node", "table"), BINDINGS)
def test_each_column_alone_is_the_same_as_among_all(node, table, compiled, raw_databases, snapshot):
    """Whatever is asked for, the rows are the same: filters do not depend on the columns shown."""
    columns = list(snapshot.tables[table].columns)
    whole = project(raw_databases[node, table], compiled[node, table], columns)
    for name in ("node", columns[-1], columns[len(columns) // 2]):
        alone = project(raw_databases[node, table], compiled[node, table], [name])
        assert alone.num_rows == whole.num_rows
        assert alone.schema.names == [name]
        assert alone.schema.field(0).type == whole.schema.field(name).type
