"""Which conditions go below joins and derived tables, statement by statement."""

from __future__ import annotations

import pytest

from gateway.planner.inner import to_inner
from gateway.planner.leaf_filters import assign_conjuncts
from gateway.planner.leaves import find_leaves, narrow
from gateway.planner.names import resolve
from gateway.planner.parse import parse
from gateway.planner.visibility import visible_catalog

from .small_region import snapshot

VISIBLE = visible_catalog(snapshot(), "demo")


def conjuncts(sql: str) -> dict[str, set[str]]:
    tree = to_inner(resolve(parse(sql), sql, VISIBLE), sql)
    narrow(tree)
    leaves = find_leaves(tree, VISIBLE.snapshot)
    assign_conjuncts(tree, leaves)
    return {leaf.name: {conjunct.text for conjunct in leaf.conjuncts} for leaf in leaves}


P, E = "from patient p", "encounter e on e.patient_id = p.patient_id"
CASES = {
    "where on the only table": ("select 1 from patient p where sex = 'm' and city = 'W'", [{"p.sex = 'm'", "p.city = 'W'"}]),
    "where on both sides of an inner join": (f"select 1 {P} join {E} where sex = 'm' and beds = 1", [{"p.sex = 'm'"}, {"e.beds = 1"}]),
    "on of an inner join goes to both sides": (f"select 1 {P} join {E} and p.sex = 'm' and e.beds = 1", [{"p.sex = 'm'"}, {"e.beds = 1"}]),
    "on of a left join goes to the nullable side only": (
        f"select 1 {P} left join {E} and p.sex = 'm' and e.beds = 1",
        [set(), {"e.beds = 1"}],
    ),
    "where on the preserved side": (f"select 1 {P} left join {E} where p.sex is null", [{"p.sex IS NULL"}, set()]),
    "where that NULL satisfies stays above a left join": (f"select 1 {P} left join {E} where e.beds is null", [set(), set()]),
    "where that NULL does not satisfy goes below a left join": (f"select 1 {P} left join {E} where e.beds > 1", [set(), {"e.beds > 1"}]),
    "is distinct from stays above a left join": (f"select 1 {P} left join {E} where e.beds is distinct from 1", [set(), set()]),
    "right join swaps the sides": (f"select 1 {P} right join {E} and p.sex = 'm' and e.beds = 1", [{"p.sex = 'm'"}, set()]),
    "full join takes no on": (f"select 1 {P} full join {E} and p.sex = 'm' and e.beds = 1", [set(), set()]),
    "full join takes where that NULL does not satisfy": (
        f"select 1 {P} full join {E} where p.sex = 'm' and e.beds is null",
        [{"p.sex = 'm'"}, set()],
    ),
    "a later right join makes the first table nullable": (
        f"select 1 {P} join {E} right join vital_sign v on v.patient_id = p.patient_id where p.sex is null",
        [set(), set(), set()],
    ),
    "an on that does not name its own table does not bind the others": (
        "select 1 from patient p cross join encounter e left join vital_sign v on p.patient_id = e.patient_id where p.patient_id = 'x'",
        [{"p.patient_id = 'x'"}, set(), set()],
    ),
    "a constant false reaches every table": ("select 1 from patient where 1 = 0", [{"1 = 0"}]),
    "or over two tables stays": (f"select 1 {P} join {E} where p.sex = 'm' or e.beds = 1", [set(), set()]),
    "a condition with a subquery stays": ("select 1 from patient p where p.sex in (select unit from vital_sign)", [set(), set()]),
    "an equality carries a key over": (f"select 1 {P} join {E} where p.patient_id = 'x'", [{"p.patient_id = 'x'"}, {"e.patient_id = 'x'"}]),
    "an equality carries a key to the nullable side": (
        f"select 1 {P} left join {E} where p.patient_id = 'x'",
        [{"p.patient_id = 'x'"}, {"e.patient_id = 'x'"}],
    ),
    "an equality does not carry what NULL satisfies": (
        f"select 1 {P} left join {E} where p.patient_id is null",
        [{"p.patient_id IS NULL"}, set()],
    ),
    "through a derived table": ("select 1 from (select sex as s, city from patient) t where t.s = 'm'", [{"patient.sex = 'm'"}]),
    "not through a limit": ("select 1 from (select sex from patient limit 5) t where t.sex = 'm'", [set()]),
    "through a grouping key": (
        "select 1 from (select sex, count(*) c from patient group by sex) t where t.sex = 'm' and c > 1",
        [{"patient.sex = 'm'"}],
    ),
    "not through an aggregate": ("select 1 from (select max(sex) as sex from patient) t where t.sex = 'm'", [set()]),
    "not through rollup": ("select 1 from (select sex, count(*) c from patient group by rollup(sex)) t where t.sex = 'm'", [set()]),
    "not through a window": ("select 1 from (select sex, row_number() over (order by city) r from patient) t where t.sex = 'm'", [set()]),
    "not through distinct on": (
        "select 1 from (select distinct on (city) city, sex from patient order by city) t where t.sex = 'm'",
        [set()],
    ),
    "through union by position": (
        "select 1 from (select sex as a from patient union all select unit from vital_sign) t where t.a = 'm'",
        [{"patient.sex = 'm'"}, {"vital_sign.unit = 'm'"}],
    ),
    "through a cte named once": ("with x as (select * from patient) select 1 from x where sex = 'm'", [{"patient.sex = 'm'"}]),
    "not through a cte named twice": (
        "with x as (select * from patient) select 1 from x join x y on y.sex = x.sex where x.sex = 'm'",
        [set()],
    ),
    "through a view": (
        "select 1 from notifiable_case where patient_id = 'x'",
        [{"condition.code IN ('U07.1')", "condition.patient_id = 'x'"}],
    ),
    "inside exists": (
        "select 1 from patient p where exists (select 1 from encounter e where e.patient_id = p.patient_id and e.beds = 1)",
        [set(), {"e.beds = 1"}],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_conditions_reach_the_tables(name):
    sql, expected = CASES[name]
    found = conjuncts(sql)
    assert [found[f"r{i}"] for i in range(len(found))] == expected
