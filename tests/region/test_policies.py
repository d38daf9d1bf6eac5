"""Roles: what a role may not see changes nothing of what it sees, and masks come before every condition of the user's."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pytest

from catalog.model import Policy, TablePolicy
from gateway.app import open_sources
from gateway.engine import Engine
from gateway.errors import GatewayError
from gateway.limits import Limits
from gateway.settings import SourceReplacement, load_settings
from tests.region.comparison import difference
from tests.region.harness import Answer, ask, context
from tests.region.oracle import Oracle, expected_folder
from tests.region.region import KEY, open_region, region_snapshot

if TYPE_CHECKING:
    from catalog.model import CatalogSnapshot

SEEN = "01610"


def with_role(policy: Policy) -> CatalogSnapshot:
    snapshot = region_snapshot()
    return replace(snapshot, policies={**snapshot.policies, policy.role: policy})


DISTRICT = Policy(
    role="district",
    tables={"patient": TablePolicy(filter=f"postal_code = '{SEEN}'", hide=frozenset({"national_id"})), "vital_sign": TablePolicy()},
    tag_masks={"direct_identifier": "token", "date_of_person": "year"},
    column_masks={("patient", "phone"): "null"},
)


def analyst(engine: Engine, sql: str, pushdown: str = "on") -> Answer:
    return ask(engine, sql, context(pushdown, role="analyst"))


# ---------------------------------------------------------------------------------------------- what is hidden


@pytest.mark.parametrize("pushdown", ["on", "off"])
def test_only_the_rows_of_the_filter_come(region_engine: Engine, oracle: Oracle, pushdown: str) -> None:
    sql = "SELECT node, sex, city, count(*) AS n FROM patient GROUP BY node, sex, city"
    expected = oracle.rows("SELECT node, sex, city, count(*) AS n FROM patient WHERE city = 'Worcester' GROUP BY node, sex, city")
    assert difference(analyst(region_engine, sql, pushdown).rows, expected) is None
    assert "hosp_b" not in analyst(region_engine, sql, pushdown).rows.column("node").to_pylist()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT city FROM patient WHERE city <> 'Worcester'",
        "SELECT city FROM patient WHERE true OR city = 'WORCESTER'",
        "SELECT city FROM patient WHERE city IS NULL OR NOT (city = 'Worcester')",
    ],
)
def test_no_condition_of_the_user_brings_hidden_rows_back(region_engine: Engine, sql: str) -> None:
    for pushdown in ("on", "off"):
        assert set(analyst(region_engine, sql, pushdown).rows.column("city").to_pylist()) <= {"Worcester"}


def test_a_table_that_is_not_granted_is_denied_like_one_that_does_not_exist(region_engine: Engine) -> None:
    texts = []
    for table in ("encounter", "nonesuch"):
        with pytest.raises(GatewayError) as caught:
            analyst(region_engine, f"SELECT * FROM {table}")
        assert caught.value.code == "G101"
        texts.append(f"{caught.value.fact} {caught.value.detail} {caught.value.hint}".replace(table, "…"))
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM notifiable_case",
        "SELECT * FROM condition",
        "SELECT 1 FROM patient WHERE EXISTS (SELECT 1 FROM encounter)",
        "WITH c AS (SELECT * FROM lab_result) SELECT 1 FROM patient",
        "SELECT * FROM patient UNION SELECT * FROM encounter",
        "SELECT * FROM health.medication",
    ],
)
def test_a_denied_table_is_denied_wherever_it_stands(region_engine: Engine, sql: str) -> None:
    with pytest.raises(GatewayError) as caught:
        analyst(region_engine, sql)
    assert caught.value.code == "G101"


def test_a_hidden_column_is_unknown_and_not_hinted_at(region_engine: Engine) -> None:
    assert "national_id" not in analyst(region_engine, "SELECT * FROM patient").rows.column_names
    for sql in ("SELECT national_id FROM patient", "SELECT 1 FROM patient WHERE national_id IS NULL", "SELECT national_idd FROM patient"):
        with pytest.raises(GatewayError) as caught:
            analyst(region_engine, sql)
        assert caught.value.code == "B102"
        assert "national_id" not in f"{caught.value.detail} {caught.value.hint}"


def test_an_unknown_role_is_denied(region_engine: Engine) -> None:
    with pytest.raises(GatewayError) as caught:
        ask(region_engine, "SELECT 1 AS one", context(role="nobody"))
    assert caught.value.code == "G102"


def test_a_role_that_may_not_aggregate_is_refused_counts_in_every_place() -> None:
    policy = replace(DISTRICT, role="rows_only", allow_aggregations=False)
    with open_region(snapshot=with_role(policy)) as engine:
        for sql in (
            "SELECT count(*) FROM patient",
            "SELECT sex FROM patient GROUP BY sex",
            "SELECT 1 FROM patient WHERE 5 < (SELECT count(*) FROM patient)",
            "WITH c AS (SELECT max(birth_date) AS d FROM patient) SELECT d FROM c",
            "SELECT count(*) OVER () FROM patient",
            "SELECT row_number() OVER () AS n FROM patient ORDER BY 1 DESC LIMIT 1",
            "SELECT ARRAY(SELECT sex FROM patient) AS all_of_them",
        ):
            with pytest.raises(GatewayError) as caught:
                ask(engine, sql, context(role="rows_only"))
            assert caught.value.code == "G104", sql


def test_more_rows_than_the_role_may_fetch_are_refused() -> None:
    with open_region(snapshot=with_role(replace(DISTRICT, role="few", max_rows=10))) as engine:
        assert ask(engine, "SELECT sex FROM patient LIMIT 10", context(role="few")).rows.num_rows == 10
        with pytest.raises(GatewayError) as caught:
            ask(engine, "SELECT sex FROM patient LIMIT 11", context(role="few"))
        assert caught.value.code == "G105"


# ---------------------------------------------------------------------------------------------- masks


def test_masks_give_tokens_years_and_nulls(region_engine: Engine, oracle: Oracle) -> None:
    rows = analyst(region_engine, "SELECT patient_id, family_name, birth_date, phone, sex FROM patient").rows.to_pylist()
    real = oracle.rows("SELECT patient_id, family_name, birth_date FROM patient").to_pylist()
    assert all(re.fullmatch(r"[0-9a-f]{32}", row["patient_id"]) and re.fullmatch(r"[0-9a-f]{32}", row["family_name"]) for row in rows)
    assert {row["patient_id"] for row in rows}.isdisjoint({row["patient_id"] for row in real})
    assert all(row["birth_date"] == date(row["birth_date"].year, 1, 1) for row in rows)
    assert {row["phone"] for row in rows} == {None}
    assert {row["sex"] for row in rows} == {"male", "female"}


def test_a_token_is_the_same_wherever_the_value_is_the_same(region_engine: Engine, oracle: Oracle) -> None:
    sql = "SELECT p.node, count(*) AS n, count(DISTINCT v.patient_id) AS people FROM patient AS p JOIN vital_sign AS v ON v.node = p.node AND v.patient_id = p.patient_id {} GROUP BY p.node"
    for pushdown in ("on", "off"):
        assert (
            difference(analyst(region_engine, sql.format(""), pushdown).rows, oracle.rows(sql.format("WHERE p.city = 'Worcester'"))) is None
        )


def test_conditions_see_the_mask_and_not_the_value(region_engine: Engine, oracle: Oracle) -> None:
    person = oracle.rows(
        "SELECT patient_id, family_name, birth_date FROM patient WHERE city = 'Worcester' AND birth_date <> date_trunc('year', birth_date) ORDER BY patient_id LIMIT 1"
    ).to_pylist()[0]
    born = person["birth_date"]
    nothing = [
        f"SELECT 1 AS x FROM patient WHERE patient_id = '{person['patient_id']}'",
        f"SELECT 1 AS x FROM patient WHERE family_name LIKE '{person['family_name'][:4]}%'",
        f"SELECT 1 AS x FROM patient WHERE birth_date = DATE '{born}'",
        f"SELECT 1 AS x FROM vital_sign WHERE patient_id IN ('{person['patient_id']}')",
        "SELECT 1 AS x FROM patient WHERE phone IS NOT NULL",
        "SELECT 1 AS x FROM patient WHERE phone LIKE '5%'",
        "SELECT 1 AS x FROM patient WHERE extract(month FROM birth_date) <> 1 OR extract(day FROM birth_date) <> 1",
        f"SELECT 1 AS x FROM (SELECT birth_date FROM patient) AS d WHERE d.birth_date = DATE '{born}'",
        f"SELECT 1 AS x FROM patient AS p JOIN (VALUES (DATE '{born}')) AS v (d) ON v.d = p.birth_date",
        f"SELECT 1 AS x FROM patient GROUP BY birth_date HAVING birth_date = DATE '{born}'",
    ]
    for sql in nothing:
        for pushdown in ("on", "off"):
            assert analyst(region_engine, sql, pushdown).rows.num_rows == 0, f"{pushdown}: {sql}"
    year = f"SELECT count(*) AS n FROM patient WHERE birth_date = DATE '{born.year}-01-01'"
    expected = oracle.rows(f"SELECT count(*) AS n FROM patient WHERE city = 'Worcester' AND extract(year FROM birth_date) = {born.year}")
    for pushdown in ("on", "off"):
        assert analyst(region_engine, year, pushdown).rows.to_pylist() == expected.to_pylist()


def test_sorting_grouping_and_extremes_see_the_mask(region_engine: Engine) -> None:
    for sql in (
        "SELECT min(birth_date) AS d FROM patient",
        "SELECT max(birth_date) AS d FROM patient",
        "SELECT birth_date AS d FROM patient GROUP BY birth_date",
        "SELECT birth_date AS d FROM patient ORDER BY birth_date LIMIT 5",
        "SELECT DISTINCT first_value(birth_date) OVER (ORDER BY birth_date) AS d FROM patient",
        "SELECT (SELECT max(q.birth_date) FROM patient AS q WHERE q.patient_id = p.patient_id) AS d FROM patient AS p",
        "SELECT coalesce(birth_date, death_date) AS d FROM patient",
    ):
        assert all((value.month, value.day) == (1, 1) for value in analyst(region_engine, sql).rows.column("d").to_pylist()), sql


def test_instants_are_masked_to_the_year(region_engine: Engine, oracle: Oracle) -> None:
    sql = "SELECT effective_at, count(*) AS n FROM vital_sign WHERE effective_at >= '2024-01-01 00:00:00+00' GROUP BY effective_at"
    expected = oracle.rows(
        "SELECT date_trunc('year', effective_at) AS effective_at, count(*) AS n FROM vital_sign WHERE effective_at >= TIMESTAMPTZ '2024-01-01 00:00:00+00' GROUP BY 1"
    )
    assert difference(analyst(region_engine, sql).rows, expected) is None
    inside = (
        "SELECT count(*) AS n FROM vital_sign WHERE effective_at > '2024-01-01 00:00:00+00' AND effective_at < '2025-01-01 00:00:00+00'"
    )
    for pushdown in ("on", "off"):
        assert analyst(region_engine, inside, pushdown).rows.to_pylist() == [{"n": 0}]


# ---------------------------------------------------------------------------------------------- what is not told


def test_explain_shows_the_role_nothing_of_its_policy(region_engine: Engine) -> None:
    for sql in (
        "SELECT sex FROM patient",
        "SELECT sex FROM patient WHERE postal_code = '01610'",
        "SELECT count(*) FROM patient WHERE city = 'x'",
    ):
        explanation = region_engine.explain(sql, context(role="analyst"))
        shown = f"{explanation.text}\n{explanation.document}"
        assert "Worcester" not in shown and "policy" not in shown.lower(), shown


@pytest.mark.parametrize("pushdown", ["on", "off"])
def test_a_role_is_told_what_came_through_its_filter_and_nothing_of_what_was_read(region_engine: Engine, pushdown: str) -> None:
    result = region_engine.run("SELECT count(*) AS n FROM patient", context(pushdown, role="analyst"))
    (batch,) = list(result.batches)
    told = {outcome.node: outcome.rows for outcome in result.outcomes}
    assert sum(told.values()) == batch.column("n").to_pylist()[0]
    assert told["hosp_b"] == 0  # it writes its city in capitals, so the filter can only be applied after its rows are read
    assert all(report.statements == () and report.touched == () and report.rows == report.delivered for report in result.reports)
    text = region_engine.explain("SELECT count(*) AS n FROM patient", context(pushdown, role="analyst")).text
    assert not re.search("city|contact|asks|reads", text, re.IGNORECASE), text


ASKED = (
    "SELECT * FROM patient ORDER BY node, patient_id",
    "SELECT node, sex, count(*) AS n, min(birth_date) AS oldest FROM patient GROUP BY node, sex ORDER BY 1, 2",
    "SELECT node, family_name FROM patient WHERE sex = 'male' ORDER BY 1, 2 LIMIT 5",
    "SELECT node FROM patient WHERE given_name IS NULL OR sex IS NULL ORDER BY 1",
    "SELECT p.node, count(*) AS n FROM patient AS p JOIN vital_sign AS v ON v.node = p.node AND v.patient_id = p.patient_id GROUP BY p.node ORDER BY 1",
    "SELECT node, patient_id FROM patient AS p WHERE NOT EXISTS (SELECT 1 FROM vital_sign AS v WHERE v.patient_id = p.patient_id) ORDER BY 1, 2",
    "SELECT node, rank() OVER (ORDER BY birth_date, patient_id) AS n FROM patient ORDER BY 1, 2",
    "SELECT CAST(postal_code AS integer) AS n FROM patient ORDER BY 1",
    "SELECT 1 / (CAST(postal_code AS integer) - 1600) AS n FROM patient ORDER BY 1",
    "SELECT 1 / (CAST(postal_code AS integer) - 1610) AS n FROM patient ORDER BY 1",
    "SELECT CAST(city AS integer) AS n FROM patient",
    "SELECT 1 AS x FROM patient WHERE CAST(postal_code AS integer) / (CAST(postal_code AS integer) - 1602) >= 0 ORDER BY 1",
    "SELECT unknown FROM patient",
    "SELECT a.postal_code FROM patient AS a FULL JOIN patient AS b ON a.patient_id = b.patient_id AND a.city <> b.city ORDER BY 1",
)


@pytest.fixture(scope="module")
def other_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The region in which every patient that the role may not see is another, or gone, at the two hospitals that SQL can change."""
    folder = tmp_path_factory.mktemp("world")
    local = expected_folder().parent / "local"
    hive = Path(shutil.copytree(local / "hospital_b_hive", folder / "hospital_b_hive"))
    mssql = Path(shutil.copytree(local / "hospital_c_sqlserver", folder / "hospital_c_sqlserver"))
    hidden = f"contact['zip'] IS DISTINCT FROM '{SEEN}'"
    patients = hive / "dim_patient" / "part-0.parquet"
    duckdb.sql(f"""COPY (SELECT * REPLACE (CASE WHEN {hidden} THEN 'CHANGED' || pid ELSE lname END AS lname, CASE WHEN {hidden} THEN 'M' ELSE sex END AS sex,
        CASE WHEN {hidden} THEN '01/31/1901' ELSE birth END AS birth, CASE WHEN {hidden} THEN map {{'tel': '1', 'zip': 'x', 'city': 'y'}} ELSE contact END AS contact)
        FROM read_parquet('{patients}') WHERE NOT ({hidden} AND hash(pid) % 3 = 0)) TO '{folder}/new.parquet'""")
    shutil.move(folder / "new.parquet", patients)
    people = mssql / "Person.csv"
    gone = f"Zip IS DISTINCT FROM '{SEEN}'"
    duckdb.sql(f"""COPY (SELECT * REPLACE (CASE WHEN {gone} THEN 'Changed, ' || PersonID ELSE FullName END AS FullName, CASE WHEN {gone} THEN '1902-03-04' ELSE BirthDate END AS BirthDate,
        CASE WHEN {gone} THEN 'zero' ELSE Zip END AS Zip) FROM read_csv('{people}', all_varchar = true, header = true) WHERE NOT ({gone} AND hash(PersonID) % 3 = 0)) TO '{folder}/new.csv' (HEADER)""")
    shutil.move(folder / "new.csv", people)
    settings = load_settings(environment={})
    replaced = {
        ("hosp_b", "hive"): SourceReplacement(adapter="duckdb", url=f"parquet:{hive}"),
        ("hosp_c", "mssql"): SourceReplacement(adapter="duckdb", url=f"csv:{mssql}"),
    }
    snapshot = with_role(DISTRICT)
    registry = open_sources(snapshot, replace(settings, sources={**settings.sources, **replaced}))
    engine = Engine(snapshot, registry, Limits(), KEY)
    yield engine
    engine.close()
    registry.close()


@pytest.fixture(scope="module")
def this_world() -> Iterator[Engine]:
    with open_region(snapshot=with_role(DISTRICT)) as engine:
        yield engine


def told(engine: Engine, sql: str, pushdown: str) -> tuple[object, ...]:
    """All that a caller learns of a statement but the time: the plan; rows in order, names, types, what each source and read did; or the error."""
    asked = context(pushdown, role="district")
    try:
        plan = engine.explain(sql, asked).text.split("\nplanned in")[0]
    except GatewayError as error:
        plan = f"{error.code} {error.fact}"
    try:
        result = engine.run(sql, asked)
        rows = pa.Table.from_batches(list(result.batches), schema=result.schema)
    except GatewayError as error:
        return plan, error.code, error.fact, error.detail, error.hint, error.position
    sources = [(o.node, o.source, o.status, o.rows, o.bytes, o.reason, o.code) for o in result.outcomes]
    reads = sorted((r.id, r.rows, r.bytes, r.delivered, r.statements, r.touched) for r in result.reports)
    return plan, str(rows.schema), rows.to_pylist(), sources, reads, result.labels


@pytest.mark.parametrize("sql", ASKED)
def test_what_a_role_may_not_see_changes_nothing_that_it_is_told(this_world: Engine, other_world: Engine, sql: str) -> None:
    for pushdown in ("on", "off"):
        assert told(this_world, sql, pushdown) == told(other_world, sql, pushdown)


def test_the_two_worlds_do_differ_for_one_who_may_see_them(this_world: Engine, other_world: Engine, oracle: Oracle) -> None:
    sql = "SELECT node, count(*) AS n FROM patient GROUP BY node"
    here, there = (ask(engine, sql).rows.to_pylist() for engine in (this_world, other_world))
    assert sorted(map(str, here)) != sorted(map(str, there))
    assert oracle.rows(f"SELECT DISTINCT node FROM patient WHERE postal_code = '{SEEN}'").num_rows == 3


def test_a_masked_column_of_a_view_stays_masked_where_the_view_takes_its_name_for_another_column(oracle: Oracle) -> None:
    snapshot = region_snapshot()
    view = snapshot.tables["notifiable_case"]
    text = (view.view or "").replace(
        "from condition", "from (select node, encounter_id, encounter_id as patient_id, code, display, onset_date from condition) as d"
    )
    assert text != view.view
    policy = Policy(role="of_view", tables={"notifiable_case": TablePolicy()}, tag_masks={"direct_identifier": "token"}, column_masks={})
    changed = replace(
        snapshot, tables={**snapshot.tables, view.name: replace(view, view=text)}, policies={**snapshot.policies, "of_view": policy}
    )
    real = set(oracle.rows("SELECT DISTINCT encounter_id FROM condition").column("encounter_id").to_pylist())
    with open_region(snapshot=changed) as engine:
        shown = set(ask(engine, "SELECT patient_id FROM notifiable_case", context(role="of_view")).rows.column("patient_id").to_pylist())
    assert shown and shown.isdisjoint(real - {None})
