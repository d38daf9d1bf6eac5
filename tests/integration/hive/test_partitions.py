"""A condition on a partition column opens only the partitions wanted: EXPLAIN DEPENDENCY is the witness."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters.hive import HiveAdapter
from adapters.hive.hive_types import DEFAULT_PARTITION
from adapters.interface import Scan
from adapters.testing.conformance import read_all, rows_of
from catalog.conditions import AnyOf, Condition, Term
from catalog.conditions import Test as ColumnTest
from catalog.relations import Join, JoinRelation, Relation, TableRelation, UnnestRelation
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import parse_type
from catalog.values import NOT_NULL, NULL_ONLY, ValueSet
from tests.integration.hive.sources import opened
from tests.servers.hive import HiveServer

YEARS = (2022, 2023, 2024)
TABLE = SqlTable(
    name="visits",
    columns=tuple(
        RawColumn(name=name, type=parse_type(type))
        for name, type in {"id": "integer", "tags": "list(text)", "yr": "integer", "ward": "text", "day": "date"}.items()
    ),
)


@pytest.fixture(scope="module")
def visits(hive_server: HiveServer) -> Iterator[tuple[HiveServer, str, HiveAdapter]]:
    database = hive_server.new_database()
    location = hive_server.folder / "external" / database / "visits"
    for number, year in enumerate(YEARS):
        folder = location / f"yr={year}" / f"ward=w{number}" / f"day={year}-06-01"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"id": [number], "tags": [["a", str(year)]]}), folder / "part-0.parquet")
    partitions = {"yr": "int", "ward": "string", "day": "date"}
    hive_server.create_external({"id": "bigint", "tags": "array<string>"}, "visits", database, location, "parquet", partitions)
    adapter = opened(hive_server, database, {"visits": TABLE})
    yield hive_server, database, adapter
    adapter.close()
    hive_server.drop_database(database)


def years_opened(server: HiveServer, adapter: HiveAdapter, scan: Scan) -> list[int]:
    """Of each table in the statement as it is sent, the years of its partitions that Hive would open."""
    ((answer,),) = server.run(f"EXPLAIN DEPENDENCY {adapter.explain(scan)}")
    return sorted(int(found["partitionName"].partition("yr=")[2][:4]) for found in json.loads(answer)["input_partitions"])


def wanting(name: str, *values: Any) -> ColumnTest:
    return ColumnTest(Term(name), ValueSet.of(*values))


@pytest.mark.parametrize(
    ("condition", "years"),
    [
        (wanting("yr", 2023), [2023]),
        (wanting("yr", 2022, 2024, 2**40), [2022, 2024]),
        (wanting("yr", *range(2023, 2500)), [2023, 2024]),
        (ColumnTest(Term("yr"), ValueSet.range(low=2022)), [2023, 2024]),
        (ColumnTest(Term("yr"), ValueSet.of(2022).complement().without_null()), [2023, 2024]),
        (wanting("ward", "w1"), [2023]),
        (ColumnTest(Term("ward"), ValueSet.prefix("w")), [2022, 2023, 2024]),
        (ColumnTest(Term("day"), ValueSet.range(low=date(2023, 6, 1), low_closed=True)), [2023, 2024]),
        (AnyOf((wanting("yr", 2022), wanting("day", date(2024, 6, 1)))), [2022, 2024]),
    ],
    ids=str,
)
def test_only_the_wanted_partitions_are_opened(condition: Condition, years: list[int], visits: tuple[HiveServer, str, HiveAdapter]) -> None:
    server, _, adapter = visits
    scan = Scan(relation=TableRelation(table=TABLE), columns=("id", "yr"), conditions=(condition,))
    assert years_opened(server, adapter, scan) == years
    assert sorted(row["yr"] for row in rows_of(read_all(adapter, scan))) == years


RELATIONS: list[tuple[Relation, str, list[int]]] = [
    (UnnestRelation(table=TABLE, column="tags", alias="tag", ordinality="n"), "yr", [2023]),
    (JoinRelation(alias="a", table=TABLE, joins=(Join(kind="inner", alias="b", table=TABLE, on=(("a.id", "b.id"),)),)), "a.yr", [2023]),
]


@pytest.mark.parametrize(("relation", "column", "years"), RELATIONS, ids=["unnest", "join"])
def test_partitions_are_pruned_below_lists_and_joins(
    relation: Relation, column: str, years: list[int], visits: tuple[HiveServer, str, HiveAdapter]
) -> None:
    server, _, adapter = visits
    scan = Scan(relation=relation, columns=(column,), conditions=(wanting(column, 2023),))
    opened_years = years_opened(server, adapter, scan)
    assert set(years) <= set(opened_years)
    if isinstance(relation, UnnestRelation):
        assert opened_years == years


def test_a_plain_scan_with_conditions_and_a_limit_is_no_job(visits: tuple[HiveServer, str, HiveAdapter]) -> None:
    server, _, adapter = visits
    for relation, column in ((TableRelation(table=TABLE), "id"), (RELATIONS[0][0], "tag")):
        plan = server.run(
            f"EXPLAIN {adapter.explain(Scan(relation=relation, columns=(column,), conditions=(wanting('yr', 2023),), limit=5))}"
        )
        text = "\n".join(row[0] for row in plan)
        assert "Fetch Operator" in text
        assert "Tez" not in text


def test_the_default_partition_is_null_and_odd_names_of_partitions_are_found(hive_server: HiveServer, database: str) -> None:
    """Hive makes the folders itself, by dynamic partitions. It reads the default partition's text, and chooses partitions by NULL."""
    wards: list[str | None] = ["a", "ä b", "a/b%c=d", "😀", "ﬀ", "'q'", None]
    hive_server.run(
        f"CREATE TABLE {database}.visits (id BIGINT) PARTITIONED BY (ward STRING, yr INT) STORED AS PARQUET",
        "SET hive.exec.dynamic.partition.mode=nonstrict",
        f"INSERT INTO {database}.visits PARTITION (ward, yr) SELECT STACK(7, "
        + ", ".join(
            f"{number}L, {'CAST(NULL AS STRING)' if ward is None else repr_of(ward)}, {'CAST(NULL AS INT)' if ward is None else number}"
            for number, ward in enumerate(wards)
        )
        + ")",
    )
    table = SqlTable(
        name="visits",
        columns=tuple(
            RawColumn(name=name, type=parse_type(type)) for name, type in {"id": "integer", "ward": "text", "yr": "integer"}.items()
        ),
    )
    adapter = opened(hive_server, database, {"visits": table})
    relation = TableRelation(table=table)
    found = rows_of(read_all(adapter, Scan(relation=relation, columns=("id", "ward", "yr"))))
    assert {row["id"]: (row["ward"], row["yr"]) for row in found} == {
        number: (ward, None if ward is None else number) for number, ward in enumerate(wards)
    }
    sets = [ValueSet.of(ward) for ward in wards if ward is not None]
    sets += [NULL_ONLY, NOT_NULL, ValueSet.of("a").complement(), ValueSet.of("😀").complement().without_null()]
    sets += [
        ValueSet.range(low="a/"),
        ValueSet.range(high="ﬀ", high_closed=True),
        ValueSet.range(low="__"),
        ValueSet.of(DEFAULT_PARTITION),
        ValueSet.of("a") | NULL_ONLY,
    ]
    for wanted in sets:
        condition = ColumnTest(Term("ward"), wanted)
        came = {row["id"] for row in rows_of(read_all(adapter, Scan(relation=relation, columns=("id",), conditions=(condition,))))}
        assert came == {number for number, ward in enumerate(wards) if wanted.contains(ward)}, wanted
    for years in (NULL_ONLY, NOT_NULL, ValueSet.range(low=3), ValueSet.of(1).complement()):
        condition = ColumnTest(Term("yr"), years)
        came = {row["id"] for row in rows_of(read_all(adapter, Scan(relation=relation, columns=("id",), conditions=(condition,))))}
        assert came == {number for number, ward in enumerate(wards) if years.contains(None if ward is None else number)}, years
    adapter.close()


@pytest.mark.parametrize("type", ["VARCHAR(40)", "CHAR(40)"])
def test_partitions_by_varchar_and_char_are_compared_too(type: str, hive_server: HiveServer, database: str) -> None:
    """The metastore fails on some forms of a comparison with a partition column of these types."""
    wards = ["a", "b%", None]
    values = ", ".join(f"{number}L, {'NULL' if ward is None else repr_of(ward)}" for number, ward in enumerate(wards))
    hive_server.run(
        f"CREATE TABLE {database}.stays (id BIGINT) PARTITIONED BY (ward {type}) STORED AS PARQUET",
        "SET hive.exec.dynamic.partition.mode=nonstrict",
        f"INSERT INTO {database}.stays PARTITION (ward) SELECT id, CAST(ward AS {type}) FROM (SELECT STACK(3, {values}) AS (id, ward)) x",
    )
    columns = (RawColumn(name="id", type=parse_type("integer")), RawColumn(name="ward", type=parse_type("text")))
    table = SqlTable(name="stays", columns=columns)
    adapter = opened(hive_server, database, {"stays": table})
    for wanted in (
        NULL_ONLY,
        NOT_NULL,
        ValueSet.of("a"),
        ValueSet.of("a").complement(),
        ValueSet.of("a", "c").complement().without_null(),
        ValueSet.range(high="b") | NULL_ONLY,
        ValueSet.range(low="a"),
    ):
        scan = Scan(relation=TableRelation(table=table), columns=("id",), conditions=(ColumnTest(Term("ward"), wanted),))
        came = {row["id"] for row in rows_of(read_all(adapter, scan))}
        assert came == {number for number, ward in enumerate(wards) if wanted.contains(ward)}, wanted
    adapter.close()


def repr_of(text: str) -> str:
    return "'" + text.replace("'", "\\'") + "'"
