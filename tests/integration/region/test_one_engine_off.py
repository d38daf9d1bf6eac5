"""One real engine killed, frozen or restarted: the answer says so in time, the others answer, and the next query works."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import pytest

from gateway.errors import GatewayError
from tests.integration.region.real_region import RealRegion
from tests.region.comparison import difference
from tests.region.harness import ask, context
from tests.region.oracle import Oracle

if TYPE_CHECKING:
    from gateway.engine import Engine

DEADLINE = 6.0
SLACK = 2.0
NODES = {"hosp_a": "hbase", "hosp_b": "hive", "hosp_c": "tds"}
ALL = "SELECT node, patient_id, city FROM patient"


class Server(Protocol):
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def kill(self) -> None: ...
    def restart(self) -> None: ...


def server_of(region: RealRegion, node: str) -> Server:
    found: Server = getattr(region, NODES[node])
    return found


def whole(engine: Engine, oracle: Oracle) -> None:
    answer = ask(engine, ALL)
    assert answer.complete
    assert difference(answer.rows, oracle.rows(ALL)) is None


def without(engine: Engine, oracle: Oracle, node: str, codes: set[str]) -> None:
    """Under fail an error that names hospital and reason; under partial the others' rows; both in time."""
    begun = time.monotonic()
    with pytest.raises(GatewayError) as caught:
        ask(engine, ALL, context(deadline=DEADLINE))
    assert time.monotonic() - begun < DEADLINE + SLACK
    assert caught.value.code in codes
    assert node in f"{caught.value.fact} {caught.value.detail}"
    begun = time.monotonic()
    answer = ask(engine, ALL, context(on_unavailable="partial", deadline=DEADLINE))
    assert time.monotonic() - begun < DEADLINE + SLACK
    assert not answer.complete
    assert {outcome.node for outcome in answer.outcomes if outcome.status == "failed"} == {node}
    assert difference(answer.rows, oracle.rows(f"{ALL} WHERE node <> '{node}'")) is None


@pytest.mark.parametrize("node", NODES)
def test_an_engine_that_is_dead_is_named_and_the_next_query_after_its_restart_works(
    real_engine: Engine, real_region: RealRegion, oracle: Oracle, node: str
) -> None:
    whole(real_engine, oracle)
    server_of(real_region, node).kill()
    try:
        without(real_engine, oracle, node, {"S101", "S102"})
    finally:
        server_of(real_region, node).restart()
    whole(real_engine, oracle)


@pytest.mark.parametrize("node", NODES)
def test_a_frozen_engine_is_named_within_the_deadline_and_the_next_query_works(
    real_engine: Engine, real_region: RealRegion, oracle: Oracle, node: str
) -> None:
    whole(real_engine, oracle)
    server_of(real_region, node).pause()
    try:
        without(real_engine, oracle, node, {"S103"})
    finally:
        server_of(real_region, node).resume()
    whole(real_engine, oracle)


@pytest.mark.parametrize("node", NODES)
def test_a_restart_between_two_queries_is_not_seen(real_engine: Engine, real_region: RealRegion, oracle: Oracle, node: str) -> None:
    whole(real_engine, oracle)
    server_of(real_region, node).restart()
    whole(real_engine, oracle)
