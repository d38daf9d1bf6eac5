"""What the adapter makes of answers that a healthy Trino does not give."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from adapters.interface import ReadContext, Scan, SourceError
from adapters.trino import open_source
from catalog.model import Source
from catalog.relations import TableRelation
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import INTEGER
from tests.adapters.trino.coordinator import Coordinator, page

VISITS = TableRelation(table=SqlTable(name="visits", columns=(RawColumn(name="id", type=INTEGER),)))
INFORMATION = page(columns=[{"name": "c", "type": "varchar"}] * 4, data=[["visits", "id", "bigint", "YES"]])
NOTHING = page(columns=[{"name": "c", "type": "varchar"}] * 4)


def failed(name: str) -> Any:
    return page(error={"message": "patient 4711", "errorName": name, "errorType": "USER_ERROR"})


@pytest.fixture
def coordinator() -> Iterator[Coordinator]:
    server = Coordinator([INFORMATION])
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def read(coordinator: Coordinator, *answers: Any, times: int = 1) -> list[SourceError]:
    """What `times` reads raise, the answers given in turn."""
    coordinator.answers[:] = answers
    url = f"trino://127.0.0.1:{coordinator.server_port}/clinic/public"
    source = Source(node="t", name="m", adapter="trino", url=url, options={"user": "reader"}, zone="UTC", tables={})
    raised = []
    with closing(open_source(source)) as adapter:
        (split,) = adapter.splits(Scan(relation=VISITS, columns=("id",)))
        for _ in range(times):
            with pytest.raises(SourceError) as caught:
                list(adapter.read(split, ReadContext(deadline=time.monotonic() + 5)))
            raised.append(caught.value)
    return raised


def test_a_refusal_of_the_connector_behind_trino_names_the_table(coordinator: Coordinator) -> None:
    (error,) = read(coordinator, INFORMATION, failed("PERMISSION_DENIED"))
    assert (error.code, error.fact) == ("S108", "the account may not read table visits")


def test_drift_between_the_look_and_the_read_is_named_by_a_second_look(coordinator: Coordinator) -> None:
    (error,) = read(coordinator, INFORMATION, failed("TABLE_NOT_FOUND"), NOTHING, failed("TABLE_NOT_FOUND"), NOTHING)
    assert (error.code, error.fact) == ("S120", "the source has no table visits")


def test_drift_that_a_second_look_does_not_find_is_still_drift(coordinator: Coordinator) -> None:
    (error,) = read(coordinator, INFORMATION, failed("TYPE_MISMATCH"), INFORMATION)
    assert (error.code, error.fact) == ("S120", "the source's tables are not as they are declared")


def test_a_table_is_looked_at_once_and_again_after_a_failure(coordinator: Coordinator) -> None:
    read(
        coordinator,
        INFORMATION,
        failed("NO_NODES_AVAILABLE"),
        failed("NO_NODES_AVAILABLE"),
        failed("DIVISION_BY_ZERO"),
        INFORMATION,
        failed("X"),
        times=4,
    )
    assert [method for method, _ in coordinator.asked] == ["POST"] * 6


def test_types_that_come_are_held_against_the_declared_ones(coordinator: Coordinator) -> None:
    (error,) = read(coordinator, INFORMATION, page(columns=[{"name": "id", "type": "double"}], data=[[1.5]]))
    assert error.code == "S120"
    assert error.fact == "table visits, column id is not integer"


def test_a_value_that_is_none_of_its_type_is_not_repeated(coordinator: Coordinator) -> None:
    (error,) = read(coordinator, INFORMATION, page(columns=[{"name": "id", "type": "bigint"}], data=[["4711"]]))
    assert error.code == "S121"
    assert error.fact == "a value of table visits, column id cannot be read as its declared type"
