"""Row filters, hidden columns and masks stand at the leaf, before anything of the user's, by whatever road the table is reached."""

from __future__ import annotations

import hashlib
import hmac

import duckdb
import pyarrow as pa
import pytest

from adapters.interface import Exactness
from gateway.context import Principal, QueryContext
from gateway.errors import BindError, DeniedError
from gateway.planner.explain import explain_document, explain_text

from .small_region import TakesEverything, planner

PLANNER = planner()


def profile_of(_node, _source):
    return TakesEverything()


def plan(sql: str, role: str = "analyst"):
    return PLANNER.plan(sql, QueryContext(principal=Principal(name="t", role=role)))


def test_a_hidden_column_does_not_exist():
    with pytest.raises(BindError) as caught:
        plan("select family_name from patient")
    assert caught.value.code == "B102"
    assert "family_name" not in [name for r in plan("select * from patient").references for name, _ in r.columns]


def test_a_denied_table_and_one_that_does_not_exist_look_alike():
    facts = []
    for name in ("encounter", "nowhere_x"):
        with pytest.raises(DeniedError) as caught:
            plan(f"select 1 from {name}")
        facts.append((caught.value.code, caught.value.fact.replace(name, "?"), caught.value.hint))
    assert facts[0] == facts[1]


@pytest.mark.parametrize(
    "sql",
    [
        "select city from patient",
        "select city from (select * from patient) t",
        "with patient as (select * from patient) select city from patient",
        "select city from patient union select unit from vital_sign",
        "select (select max(p.city) from patient p) from vital_sign",
        "select 1 from vital_sign v where exists (select 1 from patient p where p.patient_id = v.patient_id)",
        "select 1 from vital_sign v join lateral (select 1 from patient p where p.patient_id = v.patient_id limit 1) x on true",
    ],
)
def test_the_row_filter_is_in_every_projection_of_the_table(sql):
    found = [f for r in plan(sql).references if r.table == "patient" for f in r.fragments]
    assert found
    for fragment in found:
        assert fragment.projection.endswith("""WHERE "city" = 'Worcester'""")
        assert "city" in fragment.scan.columns


def test_the_filter_is_sent_to_the_source_and_not_shown():
    answer = plan("select patient_id from patient")
    decisions = [c for f in answer.fragments for c in f.conjuncts]
    assert {(c.origin, c.exactness) for c in decisions} == {("policy", Exactness.EXACT)}
    assert "Worcester" not in explain_text(answer, profile_of)
    assert "Worcester" not in str(explain_document(answer, profile_of))
    assert "city" not in explain_text(answer, profile_of)


def test_a_condition_on_a_masked_column_is_never_sent():
    answer = plan("select sex from patient where patient_id = '1' and sex = 'male' and birth_date > '1980-06-01'")
    for fragment in answer.fragments:
        pushed = {c.text: c.exactness for c in fragment.conjuncts if c.origin == "query"}
        assert pushed["patient.patient_id = '1'"] is Exactness.REFUSE
        assert pushed["patient.sex = 'male'"] is Exactness.EXACT
        assert all(verdict is Exactness.REFUSE for text, verdict in pushed.items() if "birth_date" in text)


def test_a_limit_stays_above_a_masked_condition():
    assert {f.scan.limit for f in plan("select sex from patient where patient_id = '1' limit 3").fragments} == {None}
    assert {f.scan.limit for f in plan("select sex from patient where sex = 'male' limit 3").fragments} == {3}


def test_a_token_is_the_keyed_hash_of_the_value_and_a_year_is_its_first_day():
    projection = plan("select patient_id, birth_date from patient").fragments[0].projection
    key = b"k" * 32
    block = key.ljust(64, b"\0")
    with duckdb.connect() as con:
        con.execute("create table token_key (inner_pad blob, outer_pad blob)")
        con.execute("insert into token_key values (?, ?)", [bytes(b ^ 0x36 for b in block), bytes(b ^ 0x5C for b in block)])
        rows = {"patient_id": ["p1", None], "birth_date": pa.array(["1984-05-06", None]).cast(pa.date32()), "city": ["Worcester"] * 2}
        con.register("raw", pa.table(rows))
        found = con.execute(projection).fetchall()
    token = hmac.new(key, b"p1", hashlib.sha256).hexdigest()[:32]
    assert [(t, str(d)) for t, d in found] == [(token, "1984-01-01"), (None, "None")]


def test_a_role_that_may_not_aggregate_may_not_aggregate_anywhere():
    for sql in ("select count(*) from patient", "select sex from patient group by sex", "select 1 from (select max(sex) m from patient) t"):
        with pytest.raises(DeniedError) as caught:
            plan(sql, "counter")
        assert caught.value.code == "G104"
    assert plan("select sex from patient", "counter").references


def test_a_view_is_filtered_and_hides_columns_by_its_own_policy():
    answer = plan("select * from notifiable_case", "watcher")
    assert answer.columns == ("node", "case_id", "patient_id", "disease_code")
    assert "<> 'X'" in answer.merge
    assert "'X'" not in explain_text(answer, profile_of)


def test_an_unknown_role_is_denied():
    with pytest.raises(DeniedError) as caught:
        plan("select 1", "nobody")
    assert caught.value.code == "G102"


def test_a_users_cte_does_not_stand_in_for_a_table_of_a_view():
    answer = plan("with condition as (select 'x' as code) select disease_code from notifiable_case, condition", "watcher")
    assert [r.table for r in answer.references] == ["condition"]
    assert all(f.binding == "condition" for r in answer.references for f in r.fragments)


def test_a_view_over_a_table_does_not_bring_its_hidden_columns_back():
    with pytest.raises(BindError):
        plan("select c.code from condition c join notifiable_case n on n.patient_id = c.patient_id where c.onset_date is null", "narrow")
