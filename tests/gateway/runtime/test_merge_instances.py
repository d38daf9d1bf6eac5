"""Instances made ahead: faster, but never shared."""

from __future__ import annotations

from pathlib import Path

from gateway.limits import Limits
from gateway.runtime.merge_instances import MergeInstances
from gateway.runtime.threads import Threads


def test_a_process_of_one_query_makes_no_spare_and_a_longer_one_does(folder: Path) -> None:
    threads = Threads()
    instances = MergeInstances(Limits(temp_folder=folder), threads)
    first = instances.take()
    instances.refill()
    assert threads.join(0)
    second = instances.take()
    instances.refill()
    assert threads.join(5)
    assert len(list(folder.iterdir())) == 3
    third = instances.take()
    assert third.connection is not first.connection
    assert third.connection is not second.connection
    for instance in (first, second, third):
        instance.close()
    instances.close()
    assert not list(folder.iterdir())


def test_one_query_sees_no_table_and_no_file_of_another(folder: Path) -> None:
    instances = MergeInstances(Limits(temp_folder=folder), Threads())
    first, second = instances.take(), instances.take()
    first.connection.execute("CREATE TABLE secret AS SELECT 1 AS a")
    assert second.connection.sql("SELECT count(*) FROM duckdb_tables()").to_arrow_table().column(0).to_pylist() == [0]
    assert first.folder.path != second.folder.path
    first.close()
    second.close()
