"""References of a statement: the columns each needs, and which become tables before the merge."""

from __future__ import annotations

import pytest

from gateway.context import Principal, QueryContext

from .small_region import planner

CONTEXT = QueryContext(principal=Principal(name="t", role="demo"))
PLANNER = planner()


def references(sql: str):
    return PLANNER.plan(sql, CONTEXT).references


SPOOLED = {
    "select sex from patient": [False],
    "select 1 from patient a join patient b on a.sex = b.sex": [False, False],
    "select sex from patient union select unit from vital_sign": [False, False],
    "with x as (select * from patient) select 1 from x": [False],
    "with x as (select * from patient) select 1 from x a join x b on a.sex = b.sex": [True],
    "with x as (select * from patient), y as (select * from x) select 1 from y a, y b": [True],
    "with recursive x(n) as (select beds from encounter union select n + 1 from x where n < 3) select n from x": [True],
    "select 1 from patient p where exists (select 1 from encounter e where e.patient_id = p.patient_id)": [True, True],
    "select 1 from patient p where p.patient_id in (select patient_id from encounter)": [False, False],
    "select 1 from patient p, lateral (select 1 from encounter e where e.patient_id = p.patient_id limit 1) l": [True, True],
    "select 1 from patient p, encounter e, vital_sign v where e.patient_id = p.patient_id and v.patient_id = p.patient_id": [
        True,
        True,
        True,
    ],
}


@pytest.mark.parametrize("sql", SPOOLED)
def test_what_may_be_read_twice_or_decides_the_order_of_joins_becomes_a_table(sql):
    assert [reference.spool for reference in references(sql)] == SPOOLED[sql]


COLUMNS = {
    "select * from notifiable_case": [["node", "patient_id", "encounter_id", "code", "onset_date"]],
    "select patient_id from notifiable_case": [["patient_id", "code"]],
    "select count(*) from patient": [["node"]],
    "select a.sex from patient a join patient b on a.city = b.city": [["sex", "city"], ["city"]],
    "select p.sex from patient p where exists (select 1 from encounter e where e.beds = 1 and e.patient_id = p.patient_id)": [
        ["patient_id", "sex"],
        ["patient_id", "beds"],
    ],
    "select x from (select sex as x, city as y from patient) t": [["sex"]],
    "select x from (select distinct sex as x, city as y from patient) t": [["sex", "city"]],
    "select max(x) from (select sex as x, city from patient order by city limit 3) t": [["sex", "city"]],
}


@pytest.mark.parametrize("sql", COLUMNS)
def test_only_the_columns_that_the_statement_needs_are_read(sql):
    assert [[name for name, _ in reference.columns] for reference in references(sql)] == COLUMNS[sql]


def test_a_self_join_has_two_references_with_their_own_filters():
    first, second = references("select 1 from patient a join patient b on a.city = b.city where a.sex = 'm' and b.sex = 'f'")
    assert [[c.text for c in r.fragments[0].conjuncts] for r in (first, second)] == [["a.sex = 'm'"], ["b.sex = 'f'"]]
