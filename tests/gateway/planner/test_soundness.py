"""What a missing hospital does to an answer, statement by statement (design.md 4)."""

from __future__ import annotations

import pytest

from gateway.context import Principal, QueryContext

from .small_region import planner

CONTEXT = QueryContext(principal=Principal(name="t", role="demo"))
PLANNER = planner()
JOIN = "encounter e on e.patient_id = p.patient_id"

SOUND = [
    "select sex from patient where city = 'W'",
    "select distinct sex from patient",
    "select sex from patient limit 3",
    "select sex from patient order by sex limit 3",
    f"select 1 from patient p join {JOIN}",
    "select 1 from patient union all select 2 from encounter",
    "select sex from patient union select unit from vital_sign",
    "select sex from patient intersect select unit from vital_sign",
    "select 1 from patient p where exists (select 1 from encounter e where e.patient_id = p.patient_id)",
    "select 1 from patient p where p.patient_id in (select patient_id from encounter) and (p.sex = 'm' or exists (select 1 from encounter))",
    "with x as (select * from patient) select 1 from x a join x b on a.sex = b.sex",
    "select 1 from (select sex from patient limit 5) t",
]


@pytest.mark.parametrize("sql", SOUND)
def test_a_missing_node_only_removes_rows(sql):
    assert [r.unsound for r in PLANNER.plan(sql, CONTEXT).references if r.unsound is not None] == []


UNSOUND = {
    "select count(*) from patient": {"r0"},
    "select array(select sex from patient) as a": {"r0"},
    "select 1 from encounter where array(select sex from patient) = array['m']": {"r1"},
    "select sex, max(city) from patient group by sex": {"r0"},
    "select sex from patient group by sex": {"r0"},
    f"select 1 from patient p left join {JOIN}": {"r1"},
    f"select 1 from patient p right join {JOIN}": {"r0"},
    f"select 1 from patient p full join {JOIN}": {"r0", "r1"},
    "select 1 from patient p where not exists (select 1 from encounter e where e.patient_id = p.patient_id)": {"r1"},
    "select 1 from patient p where p.patient_id not in (select patient_id from encounter)": {"r1"},
    "select 1 from patient p where (exists (select 1 from encounter)) = false": {"r1"},
    "select 1 from patient p where case when exists (select 1 from encounter) then false else true end": {"r1"},
    "select sex from patient except select unit from vital_sign": {"r1"},
    "select (select max(beds) from encounter) from patient": {"encounter"},
    "select 1 from patient p where p.city = (select unit from vital_sign limit 1)": {"r1"},
    "select row_number() over (order by sex) from patient": {"r0"},
    "select sum(beds) over () from encounter": {"r0"},
    "select distinct on (sex) sex, city from patient order by sex, city": {"r0"},
    "select 1 from (select sex from patient order by city limit 5) t": {"r0"},
    "select 1 from patient p where p.city > all (select unit from vital_sign)": {"r1"},
    "select 1 from patient p left join encounter e on e.beds = 1 and p.sex in (select unit from vital_sign)": {"r1", "r2"},
    "with x as (select * from patient) select 1 from vital_sign v left join x on x.patient_id = v.patient_id": {"patient"},
    "select 1 from (select count(*) c from patient) t": {"r0"},
    "select 1 from patient having count(*) > 1": {"r0"},
}


@pytest.mark.parametrize("sql", UNSOUND)
def test_a_missing_node_would_make_the_answer_wrong(sql):
    references = PLANNER.plan(sql, CONTEXT).references
    unsound = {name for r in references if r.unsound is not None for name in (r.name, r.table)}
    sound = {name for r in references if r.unsound is None for name in (r.name,)}
    assert UNSOUND[sql] <= unsound
    assert not UNSOUND[sql] & sound


def test_counting_is_told_apart_from_what_is_wrong_in_other_ways():
    counted, missing = PLANNER.plan("select count(*) from patient p where not exists (select 1 from encounter)", CONTEXT).references
    assert counted.aggregated
    assert not missing.aggregated


@pytest.mark.parametrize(
    ("sql", "expected"), [("select sex from patient order by sex limit 3", True), ("select sex from patient limit 3", False)]
)
def test_order_by_with_limit_is_marked(sql, expected):
    assert PLANNER.plan(sql, CONTEXT).top_n is expected


COUNTED = {
    "select count(*) from patient": True,
    "select sex, count(*), count(distinct city) from patient group by sex": True,
    "select sum(beds) from encounter": False,
    "select avg(beds) from encounter": False,
    "select 100 - count(*) from patient": False,
    "select sex, count(*) from patient group by sex having count(*) < 5": False,
    "select n from (select count(*) n from patient) t where n < 5": False,
}


@pytest.mark.parametrize("sql", COUNTED)
def test_only_bare_counts_are_a_lower_bound(sql):
    (reference,) = PLANNER.plan(sql, CONTEXT).references
    assert reference.unsound is not None
    assert reference.aggregated is COUNTED[sql]
