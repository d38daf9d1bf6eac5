"""One planner serves many threads: the same plans, whoever asks first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.context import Principal, QueryContext
from gateway.planner.shared_cache import SharedCache

from .small_region import planner


def test_a_value_is_made_once_and_the_least_used_is_forgotten():
    made = []
    cache: SharedCache[str, str] = SharedCache(2)
    for key in "abac":
        assert cache.get(key, lambda key=key: made.append(key) or key.upper()) == key.upper()
    assert made == ["a", "b", "c"]
    cache.get("a", lambda: pytest.fail("a was used last but one"))
    cache.get("b", lambda: made.append("b again") or "B")
    assert made[-1] == "b again"


def test_what_fails_to_be_made_is_not_kept():
    cache: SharedCache[str, str] = SharedCache(2)
    with pytest.raises(ValueError, match="no"):
        cache.get("a", lambda: (_ for _ in ()).throw(ValueError("no")))
    assert cache.get("a", lambda: "A") == "A"


def test_many_threads_get_the_same_plans():
    shared, alone = planner(), planner()
    statements = [
        f"select {c} from patient p join vital_sign v on v.node = p.node where p.sex = 'm'"
        for c in ("city", "value", "p.patient_id", "unit")
    ]
    asked = [(sql, QueryContext(principal=Principal(name="t", role=role))) for sql in statements for role in ("demo", "analyst")]
    with ThreadPoolExecutor(8) as pool:
        plans = list(pool.map(lambda one: shared.plan(*one), asked * 20))
    expected = [alone.plan(*one) for one in asked]
    for index, plan in enumerate(plans):
        same = expected[index % len(expected)]
        assert (plan.merge, [f.projection for f in plan.fragments]) == (same.merge, [f.projection for f in same.fragments])
