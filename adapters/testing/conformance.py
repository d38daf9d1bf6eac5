"""The conformance suite: what the contract promises, as tests that any adapter can inherit. A declared capability is checked.

class TestMine(ConformanceSuite):
    kinds = ("text", "integer", ...)                      # kinds of adapters.testing.sample that the source can hold
    def open_adapter(self, tables, folder): ...           # put these tables where the source reads them, and open it
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from adapters.arrow_types import scan_schema
from adapters.interface import Adapter, Exactness, ReadContext, Scan, SourceError
from adapters.testing.relations import Row, matching, relation_rows
from adapters.testing.sample import ROWS, arrow_table, parent_and_child, sample_table
from adapters.testing.value_sets import NESTED_KINDS, ORDERED_KINDS, combined, number_sets, sets_of
from catalog.conditions import Condition, Never, Term, Test, Unknown
from catalog.relations import Join, JoinRelation, Relation, TableRelation, UnnestRelation, relation_columns
from catalog.source_tables import SqlTable
from catalog.values import ValueSet

Tables = Mapping[str, tuple[SqlTable, pa.Table]]


def read_all(adapter: Adapter, scan: Scan, context: ReadContext | None = None) -> list[pa.RecordBatch]:
    """Every batch of every split."""
    context = context or ReadContext(deadline=time.monotonic() + 20)
    return [batch for split in adapter.splits(scan) for batch in adapter.read(split, context)]


def rows_of(batches: Sequence[pa.RecordBatch]) -> list[Row]:
    return [dict(row) for batch in batches for row in batch.to_pylist()]


def counted(rows: Sequence[Row]) -> Counter[str]:
    """Rows as a bag; NaN equals itself, and 1 is not True."""
    return Counter(repr({name: _comparable(value) for name, value in row.items()}) for row in rows)


def _comparable(value: Any) -> Any:
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


class ConformanceSuite:
    """Inherit, name the kinds of columns the source can hold, and open an adapter over given tables."""

    kinds: tuple[str, ...] = (*ORDERED_KINDS, *NESTED_KINDS)

    def open_adapter(self, tables: Tables, folder: Path) -> Adapter:
        raise NotImplementedError("a conformance test opens its own adapter")

    # ------------------------------------------------------------------------------------------------ the ground

    @contextmanager
    def opened(self, folder: Path, *tables: tuple[SqlTable, pa.Table]) -> Iterator[Adapter]:
        adapter = self.open_adapter({table.name: (table, rows) for table, rows in tables}, folder)
        try:
            yield adapter
        finally:
            adapter.close()

    def check_conditions(
        self, adapter: Adapter, relation: Relation, rows: Sequence[Row], conditions: Sequence[Condition], key: str
    ) -> None:
        """Each condition by itself: EXACT gives just its rows, SUPERSET those and maybe more, REFUSE pushes nothing."""
        for condition in conditions:
            scan = Scan(relation=relation, columns=(key,), conditions=(condition,))
            (verdict,) = adapter.classify(scan)
            if verdict.exactness is Exactness.REFUSE:
                assert isinstance(verdict.pushed, Unknown), condition
                assert verdict.reason, condition
                continue
            pushed = Scan(relation=relation, columns=(key,), conditions=(verdict.pushed,))
            got = counted(rows_of(read_all(adapter, pushed)))
            wanted = counted([{key: row[key]} for row in matching(list(rows), (condition,))])
            assert not wanted - got, f"rows are lost under {condition}"
            assert verdict.exactness is Exactness.SUPERSET or got == wanted, f"other rows come under EXACT {condition}"

    # ------------------------------------------------------------------------------------------- reading all of it

    def test_every_row_and_column_comes_as_declared(self, tmp_path: Path) -> None:
        table, rows = sample_table(self.kinds)
        with self.opened(tmp_path, (table, rows)) as adapter:
            scan = Scan(relation=TableRelation(table=table), columns=tuple(column.name for column in table.columns))
            batches = read_all(adapter, scan)
        assert all(batch.schema.equals(scan_schema(scan)) for batch in batches)
        assert counted(rows_of(batches)) == counted(rows_of(rows.to_batches()))

    def test_columns_come_in_the_order_asked(self, tmp_path: Path) -> None:
        table, rows = sample_table(self.kinds)
        names = tuple(reversed([column.name for column in table.columns]))
        with self.opened(tmp_path, (table, rows)) as adapter:
            batches = read_all(adapter, Scan(relation=TableRelation(table=table), columns=names))
        assert {tuple(batch.schema.names) for batch in batches} == {names}

    def test_a_scan_of_no_columns_still_counts_the_rows(self, tmp_path: Path) -> None:
        table, rows = sample_table(self.kinds)
        with self.opened(tmp_path, (table, rows)) as adapter:
            batches = read_all(adapter, Scan(relation=TableRelation(table=table), columns=()))
        assert sum(batch.num_rows for batch in batches) == ROWS
        assert all(batch.num_columns == 0 for batch in batches)

    def test_an_empty_table_gives_no_rows_and_no_error(self, tmp_path: Path) -> None:
        table, rows = sample_table(self.kinds, rows=0)
        with self.opened(tmp_path, (table, rows)) as adapter:
            assert rows_of(read_all(adapter, Scan(relation=TableRelation(table=table), columns=("id",)))) == []

    def test_splits_are_disjoint_and_together_whole(self, tmp_path: Path) -> None:
        table, rows = sample_table(self.kinds)
        with self.opened(tmp_path, (table, rows)) as adapter:
            found = rows_of(read_all(adapter, Scan(relation=TableRelation(table=table), columns=("id",))))
        assert sorted(row["id"] for row in found) == list(range(ROWS))

    def test_two_reads_at_once_each_get_their_own_rows(self, tmp_path: Path) -> None:
        table, rows = sample_table(self.kinds)
        scans = [Scan(relation=TableRelation(table=table), columns=(column.name,)) for column in table.columns] * 2
        with self.opened(tmp_path, (table, rows)) as adapter, ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda scan: rows_of(read_all(adapter, scan)), scans))
        for scan, answer in zip(scans, answers):
            assert counted(answer) == counted(rows_of(rows.select(list(scan.columns)).to_batches()))

    # --------------------------------------------------------------------------------------------------- verdicts

    @pytest.mark.parametrize("kind", [*ORDERED_KINDS, *NESTED_KINDS])
    def test_every_form_of_test_keeps_its_verdict(self, kind: str, tmp_path: Path) -> None:
        if kind not in self.kinds:
            pytest.skip(f"this source cannot hold {kind}")
        table, rows = sample_table([kind])
        relation = TableRelation(table=table)
        tests: list[Condition] = [Test(Term(f"{kind}_column"), wanted) for wanted in sets_of(kind)]
        if kind == "number_text":
            tests += [Test(Term(f"{kind}_column", "number"), wanted, exact=False) for wanted in number_sets()]
        with self.opened(tmp_path, (table, rows)) as adapter:
            self.check_conditions(adapter, relation, relation_rows(relation, {"sample": rows}), tests, "id")

    def test_conditions_under_and_and_or_keep_their_verdict(self, tmp_path: Path) -> None:
        table, rows = sample_table(self.kinds)
        relation = TableRelation(table=table)
        ordered = [kind for kind in self.kinds if kind in ORDERED_KINDS]
        with self.opened(tmp_path, (table, rows)) as adapter:
            self.check_conditions(adapter, relation, relation_rows(relation, {"sample": rows}), list(combined(ordered)), "id")

    def test_a_long_list_of_points_keeps_its_verdict(self, tmp_path: Path) -> None:
        table, rows = sample_table(["text", "integer"])
        relation = TableRelation(table=table)
        texts = ValueSet.of("a", "😀", *(f"key {number}" for number in range(3_000)))
        numbers = ValueSet.of(*range(0, 6_000, 2))
        conditions = [
            Test(Term("text_column"), texts),
            Test(Term("text_column"), texts.complement()),
            Test(Term("integer_column"), numbers),
            Test(Term("integer_column"), numbers.complement().without_null()),
        ]
        with self.opened(tmp_path, (table, rows)) as adapter:
            self.check_conditions(adapter, relation, relation_rows(relation, {"sample": rows}), conditions, "id")

    def test_conditions_that_no_row_meets_give_no_rows(self, tmp_path: Path) -> None:
        table, rows = sample_table(["text"])
        relation = TableRelation(table=table)
        with self.opened(tmp_path, (table, rows)) as adapter:
            nothing: list[Condition] = [
                Never(),
                Test(Term("text_column"), ValueSet.of("no such text")),
                Test(Term("id"), ValueSet.range(low=ROWS)),
            ]
            self.check_conditions(adapter, relation, relation_rows(relation, {"sample": rows}), nothing, "id")

    # ------------------------------------------------------------------------------------------------------ limits

    @pytest.mark.parametrize("limit", [0, 1, 7, ROWS, ROWS + 1])
    def test_a_limit_gives_so_many_rows_of_the_right_ones(self, limit: int, tmp_path: Path) -> None:
        table, rows = sample_table(["text"])
        with self.opened(tmp_path, (table, rows)) as adapter:
            if not adapter.capabilities.limit:
                pytest.skip("this source has no limit")
            found = rows_of(read_all(adapter, Scan(relation=TableRelation(table=table), columns=("id",), limit=limit)))
        assert len(found) == min(limit, ROWS)
        assert len({row["id"] for row in found}) == len(found)

    def test_batches_have_bounded_rows(self, tmp_path: Path) -> None:
        table, rows = sample_table(self.kinds, rows=500)
        context = ReadContext(deadline=time.monotonic() + 20, batch_rows=64)
        with self.opened(tmp_path, (table, rows)) as adapter:
            batches = read_all(adapter, Scan(relation=TableRelation(table=table), columns=("id",)), context)
        assert sum(batch.num_rows for batch in batches) == 500
        assert max(batch.num_rows for batch in batches) <= 64

    def test_batches_have_bounded_bytes(self, tmp_path: Path) -> None:
        table, _ = sample_table(["text"])
        rows = arrow_table(table, [list(range(400)), ["x" * 1_000] * 400])
        context = ReadContext(deadline=time.monotonic() + 20, batch_bytes=20_000)
        with self.opened(tmp_path, (table, rows)) as adapter:
            batches = read_all(adapter, Scan(relation=TableRelation(table=table), columns=("id", "text_column")), context)
        assert sum(batch.num_rows for batch in batches) == 400
        assert max(batch.nbytes for batch in batches) <= 20_000

    # -------------------------------------------------------------------------------------------- joins and lists

    @pytest.mark.parametrize("kind", ["inner", "left"])
    def test_joins_give_the_rows_of_the_join(self, kind: Any, tmp_path: Path) -> None:
        (parent, parents), (child, children) = parent_and_child()
        join = Join(kind=kind, alias="p", table=parent, on=(("c.parent_key", "p.key"),))
        relation = JoinRelation(alias="c", table=child, joins=(join,))
        conditions = [
            Test(Term("c.id"), ValueSet.range(low=1)),
            Test(Term("p.city"), ValueSet.of("Worcester", "")),
            Test(Term("p.key"), ValueSet((), True)),
            Test(Term("p.city"), ValueSet.of("Boston").complement()),
        ]
        with self.opened(tmp_path, (parent, parents), (child, children)) as adapter:
            if not adapter.capabilities.joins:
                pytest.skip("this source has no joins")
            rows = relation_rows(relation, {"parent": parents, "child": children})
            scan = Scan(relation=relation, columns=tuple(relation_columns(relation)))
            assert counted(rows_of(read_all(adapter, scan))) == counted(rows)
            self.check_conditions(adapter, relation, rows, conditions, "c.id")

    def test_elements_of_a_list_become_rows_with_their_place(self, tmp_path: Path) -> None:
        if "struct_list" not in self.kinds:
            pytest.skip("this source cannot hold lists")
        table, rows = sample_table(["struct_list", "text"])
        relation = UnnestRelation(table=table, column="struct_list_column", alias="d", ordinality="n")
        conditions = [
            Test(Term("d.code"), ValueSet.of("E11.9", "")),
            Test(Term("d.code"), ValueSet((), True)),
            Test(Term("n"), ValueSet.of(2)),
            Test(Term("text_column"), ValueSet.of("a", "", "7")),
        ]
        with self.opened(tmp_path, (table, rows)) as adapter:
            if not adapter.capabilities.unnest:
                pytest.skip("this source does not unnest")
            found = relation_rows(relation, {"sample": rows})
            scan = Scan(relation=relation, columns=("n", "d.code", "id", "d.seq", "text_column"))
            assert counted(rows_of(read_all(adapter, scan))) == counted([{name: row[name] for name in scan.columns} for row in found])
            self.check_conditions(adapter, relation, found, conditions, "id")

    def test_plain_elements_of_a_list_become_rows(self, tmp_path: Path) -> None:
        if "list" not in self.kinds:
            pytest.skip("this source cannot hold lists")
        table, rows = sample_table(["list"])
        relation = UnnestRelation(table=table, column="list_column", alias="item")
        with self.opened(tmp_path, (table, rows)) as adapter:
            if not adapter.capabilities.unnest:
                pytest.skip("this source does not unnest")
            found = rows_of(read_all(adapter, Scan(relation=relation, columns=("id", "item"))))
        assert counted(found) == counted([{"id": row["id"], "item": row["item"]} for row in relation_rows(relation, {"sample": rows})])

    # ------------------------------------------------------------------------------------------- ends and failures

    def test_a_cancelled_read_ends_soon(self, tmp_path: Path) -> None:
        table, rows = sample_table(["text"], rows=5_000)
        context = ReadContext(deadline=time.monotonic() + 20, batch_rows=10)
        with self.opened(tmp_path, (table, rows)) as adapter:
            (split, *_) = adapter.splits(Scan(relation=TableRelation(table=table), columns=("id",)))
            batches = adapter.read(split, context)
            next(batches)
            context.cancelled.set()
            begun = time.monotonic()
            with pytest.raises(SourceError) as caught:
                list(batches)
        assert caught.value.code == "S104"
        assert time.monotonic() - begun < 1

    def test_a_read_out_of_time_says_so(self, tmp_path: Path) -> None:
        table, rows = sample_table(["text"])
        with self.opened(tmp_path, (table, rows)) as adapter, pytest.raises(SourceError) as caught:
            read_all(adapter, Scan(relation=TableRelation(table=table), columns=("id",)), ReadContext(deadline=time.monotonic() - 1))
        assert caught.value.code == "S103"
        assert caught.value.transient

    def test_a_read_left_half_way_does_not_stop_the_next(self, tmp_path: Path) -> None:
        table, rows = sample_table(["text"], rows=5_000)
        scan = Scan(relation=TableRelation(table=table), columns=("id",))
        with self.opened(tmp_path, (table, rows)) as adapter:
            for _ in range(3):
                left = adapter.read(adapter.splits(scan)[0], ReadContext(deadline=time.monotonic() + 20, batch_rows=10))
                next(left)
                left.close()  # type: ignore[attr-defined]  # an adapter's read is a generator
            assert len(rows_of(read_all(adapter, scan))) == 5_000

    def test_a_column_that_is_gone_is_named_as_drift(self, tmp_path: Path) -> None:
        table, rows = sample_table(["text", "integer"])
        with self.opened(tmp_path, (table, rows.drop_columns(["integer_column"]))) as adapter, pytest.raises(SourceError) as caught:
            read_all(adapter, Scan(relation=TableRelation(table=table), columns=("id", "integer_column")))
        assert caught.value.code == "S120"
        assert "integer_column" in caught.value.fact

    def test_a_table_that_is_gone_is_named_as_drift(self, tmp_path: Path) -> None:
        table, rows = sample_table(["text"])
        gone, _ = sample_table(["text"], name="gone")
        with self.opened(tmp_path, (table, rows)) as adapter, pytest.raises(SourceError) as caught:
            read_all(adapter, Scan(relation=TableRelation(table=gone), columns=("id",)))
        assert caught.value.code == "S120"
        assert "gone" in caught.value.fact

    def test_describe_names_every_table_and_column(self, tmp_path: Path) -> None:
        table, rows = sample_table(self.kinds)
        (parent, parents), _ = parent_and_child()
        with self.opened(tmp_path, (table, rows), (parent, parents)) as adapter:
            found = adapter.describe()
            alone = adapter.describe("parent")
        assert sorted(found) == ["parent", "sample"]
        assert [column.name for column in found["sample"].columns] == [column.name for column in table.columns]
        assert list(alone) == ["parent"]

    def test_what_describe_writes_can_be_read(self, tmp_path: Path) -> None:
        table, rows = sample_table(self.kinds)
        with self.opened(tmp_path, (table, rows)) as adapter:
            described = adapter.describe()["sample"]
            scan = Scan(relation=TableRelation(table=described), columns=tuple(column.name for column in described.columns))
            assert sum(batch.num_rows for batch in read_all(adapter, scan)) == ROWS

    def test_a_source_that_is_there_answers_a_ping(self, tmp_path: Path) -> None:
        with self.opened(tmp_path, sample_table(["text"])) as adapter:
            adapter.ping(ReadContext(deadline=time.monotonic() + 5))

    def test_a_closed_adapter_refuses_and_may_be_closed_again(self, tmp_path: Path) -> None:
        table, rows = sample_table(["text"])
        with self.opened(tmp_path, (table, rows)) as adapter:
            adapter.close()
            with pytest.raises(SourceError):
                read_all(adapter, Scan(relation=TableRelation(table=table), columns=("id",)))
