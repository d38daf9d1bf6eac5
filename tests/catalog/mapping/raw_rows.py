"""The raw relations of the example region, read from its local files by plain code that knows nothing of adapters."""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from adapters.arrow_types import arrow_type
from catalog.relations import JoinRelation, Relation, TableRelation, UnnestRelation, WideRelation, relation_columns
from catalog.source_tables import HBaseTable, SqlTable

REGION = Path(__file__).parents[3] / "mappings"
LOCAL = REGION / "data" / "three_hospitals" / "local"
EXPECTED = REGION / "data" / "three_hospitals" / "expected"


def make_raw(connection: duckdb.DuckDBPyConnection, relation: Relation, name: str = "raw") -> None:
    """Makes the table `raw` with every column of the relation."""
    if isinstance(relation, WideRelation) or (isinstance(relation, TableRelation) and isinstance(relation.table, HBaseTable)):
        table = _hbase_rows(relation)
        connection.register("decoded", table)
        connection.execute(f"create or replace table {name} as select * from decoded")
        connection.unregister("decoded")
        return
    connection.execute(f"create or replace table {name} as {_sql(relation)}")


def _sql(relation: Relation) -> str:
    match relation:
        case TableRelation(table=SqlTable() as table):
            return _source(table)
        case UnnestRelation(table=table, column=column, alias=alias, ordinality=ordinality):
            element = next(c for c in table.columns if c.name == column).type.element
            assert element is not None
            fields = ", ".join(f'element."{field}" as "{alias}.{field}"' for field, _ in element.fields)
            place = f", place as {ordinality}" if ordinality else ""
            return (
                f"select * exclude (element, place), {fields}{place} from (select *, unnest({column}) as element, "
                f"unnest(range(1, len({column}) + 1)) as place from ({_source(table)}))"
            )
        case JoinRelation(alias=alias, table=table, joins=joins):
            columns = ", ".join(f'{name} as "{name}"' for name in relation_columns(relation))
            text = f"select {columns} from ({_source(table)}) {alias}"
            for join in joins:
                on = " and ".join(f"{left} = {right}" for left, right in join.on)
                text += f" {join.kind} join ({_source(join.table)}) {join.alias} on {on}"
            return text
        case _:
            raise AssertionError(relation)


def _source(table: SqlTable) -> str:
    hive, csv = LOCAL / "hospital_b_hive" / table.name, LOCAL / "hospital_c_sqlserver" / f"{table.name}.csv"
    if hive.exists():
        columns = ", ".join(f'"{c.name}"::{c.type.duckdb} as "{c.name}"' for c in table.columns)
        return f"select {columns} from read_parquet('{hive}/**/*.parquet', hive_partitioning = true)"
    columns = ", ".join(f'{_csv_value(c.name, c.type.name)}::{c.type.duckdb} as "{c.name}"' for c in table.columns)
    return f"select {columns} from read_csv('{csv}', all_varchar = true, nullstr = '')"


def _csv_value(name: str, type: str) -> str:
    return f"replace(\"{name}\", ' -0', '-0')" if type == "timestamp" else f'"{name}"'


# ------------------------------------------------------------------------------------------------------ HBase


@cache
def _cells(table: str) -> dict[bytes, dict[tuple[str, bytes], bytes]]:
    """Row key to (family, qualifier) to the newest value."""
    found: dict[bytes, dict[tuple[str, bytes], tuple[int, bytes]]] = {}
    for cell in pq.read_table(LOCAL / "hospital_a_hbase" / f"{table}.cells.parquet").to_pylist():
        row, family, qualifier, stamp, value = cell.values()
        known = found.setdefault(row, {}).get((family, qualifier))
        if known is None or stamp > known[0]:
            found[row][family, qualifier] = (stamp, value)
    return {row: {key: value for key, (_, value) in cells.items()} for row, cells in found.items()}


def _hbase_rows(relation: Any) -> pa.Table:
    table: HBaseTable = relation.table
    wide = table.family(relation.family) if isinstance(relation, WideRelation) else None
    rows: list[dict[str, Any]] = []
    for key, cells in _cells(table.name).items():
        row = _key(table.name, key)
        for cell in table.cells:
            value = cells.get((cell.family, cell.qualifier.encode()))
            row[cell.name] = None if value is None else _value(value, cell.codec)
        if wide is None:
            rows += [row] if all(row[cell.name] is not None for cell in table.cells if cell.required) else []
            continue
        for (family, qualifier), value in cells.items():
            if family == wide.family:
                rows.append(row | _qualifier(wide.family, qualifier) | {wide.value_name: _value(value, wide.value_codec)})
    columns = relation_columns(relation)
    schema = pa.schema([pa.field(name, arrow_type(column.type)) for name, column in columns.items()])
    return pa.Table.from_pylist([{name: row[name] for name in columns} for row in rows], schema=schema)


def _key(table: str, key: bytes) -> dict[str, Any]:
    if table == "obs":
        mrn, day = struct.unpack(">qq", key[1:])
        return {"mrn": mrn, "day_ms": 2**63 - 1 - day}
    parts = key.decode().split("|")
    found: dict[str, Any] = {"mrn": parts[1][::-1]}
    return found | {"adm_ms": 9999999999999 - int(parts[2]), "visit_id": parts[3]} if table == "visit" else found


def _qualifier(family: str, qualifier: bytes) -> dict[str, Any]:
    if family in ("v", "l"):
        return {"code": qualifier[:-5].decode(), "second": struct.unpack(">i", qualifier[-4:])[0]}
    if family == "i":
        cvx, given = qualifier.decode().split(":")
        return {"cvx": cvx, "given": given}
    return {"seq": qualifier.decode()}


def _value(value: bytes, codec: str) -> Any:
    if codec == "i64be":
        return struct.unpack(">q", value)[0]
    return struct.unpack(">d", value)[0] if codec == "f64be" else value.decode()
