"""Every allowed function runs in the merge engine and gives PostgreSQL's value; an example that has no function is an error here too."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pytest
from sqlglot import exp

from gateway.errors import ParseError
from gateway.planner.cut import render
from gateway.planner.functions import ANONYMOUS, FUNCTIONS
from gateway.planner.inner import to_inner
from gateway.planner.names import resolve
from gateway.planner.parse import parse
from gateway.planner.visibility import visible_catalog

from .small_region import snapshot

VISIBLE = visible_catalog(snapshot(), "demo")
T = "(values (1, 2.0e0, 'a'), (2, 4.0e0, 'b'), (4, 8.0e0, 'b')) t(i, x, s)"
# example, PostgreSQL's value, the functions it is about
EXAMPLES = [
    ("coalesce(null, 2)", 2, "Coalesce"),
    ("nullif(1, 1)", None, "Nullif"),
    ("greatest(1, 3, 2)", 3, "Greatest"),
    ("least(1, 3, 2)", 1, "Least"),
    ("greatest(1, null)", 1, "Greatest"),
    ("upper('aé')", "AÉ", "Upper"),
    ("lower('AÉ')", "aé", "Lower"),
    ("length('😀b')", 2, "Length"),
    ("char_length('ab')", 2, "Length"),
    ("substring('hospital' from 2 for 3)", "osp", "Substring"),
    ("substr('hospital', 2)", "ospital", "Substring"),
    ("trim('  a ')", "a", "Trim"),
    ("btrim('xax', 'x')", "a", "Trim"),
    ("ltrim(' a')", "a", "Trim"),
    ("left('abc', 2)", "ab", "Left"),
    ("right('abc', 2)", "bc", "Right"),
    ("replace('abcb', 'b', 'x')", "axcx", "Replace"),
    ("strpos('abc', 'c')", 3, "StrPosition"),
    ("position('c' in 'abc')", 3, "StrPosition"),
    ("split_part('a|b|c', '|', 2)", "b", "SplitPart"),
    ("concat('a', null, 'b')", "ab", "Concat"),
    ("concat_ws('-', 'a', null, 'b')", "a-b", "ConcatWs"),
    ("reverse('abc')", "cba", "Reverse"),
    ("md5('a')", "0cc175b9c0f1b6a831c399e269772661", "MD5"),
    ("ascii('A')", 65, "Ascii"),
    ("chr(65)", "A", "Chr"),
    ("translate('12345', '143', 'ax')", "a2x5", "Translate"),
    ("starts_with('abc', 'ab')", True, "StartsWith"),
    ("regexp_replace('foobarbaz', 'b..', 'X')", "fooXbaz", "RegexpReplace"),
    ("regexp_replace('foobarbaz', 'b..', 'X', 'g')", "fooXX", "RegexpReplace"),
    ("abs(-2)", 2, "Abs"),
    ("round(2.567, 2)", Decimal("2.57"), "Round"),
    ("round(-2.5)", Decimal(-3), "Round"),
    ("ceil(1.2e0)", 2.0, "Ceil"),
    ("floor(-1.2e0)", -2.0, "Floor"),
    ("trunc(-1.7e0)", -1.0, "Trunc"),
    ("sqrt(9e0)", 3.0, "Sqrt"),
    ("cbrt(27e0)", 3.0, "Cbrt"),
    ("power(2e0, 3e0)", 8.0, "Pow"),
    ("exp(0e0)", 1.0, "Exp"),
    ("ln(1e0)", 0.0, "Ln"),
    ("log(100e0)", 2.0, "Log"),
    ("sign(-3)", -1, "Sign"),
    ("degrees(pi())", 180.0, "Degrees Pi"),
    ("radians(180e0)", math.pi, "Radians"),
    ("sin(0e0) + cos(0e0) + tan(0e0)", 1.0, "Sin Cos Tan"),
    ("asin(1e0) + acos(1e0) + atan(0e0)", math.pi / 2, "Asin Acos Atan"),
    ("atan2(1e0, 1e0)", math.pi / 4, "Atan2"),
    ("date_trunc('month', timestamptz '2024-05-17 03:04:05+00')", datetime(2024, 5, 1, tzinfo=UTC), "TimestampTrunc"),
    ("date_trunc('week', date '2024-05-16')", datetime(2024, 5, 13, tzinfo=UTC), "TimestampTrunc DateTrunc"),
    ("extract(year from date '2024-05-17')", 2024, "Extract"),
    ("date_part('dow', date '2024-05-19')", 0, "Extract"),
    ("extract(isodow from date '2024-05-19')", 7, "Extract"),
    ("extract(week from date '2021-01-03')", 53, "Extract"),
    ("current_date <= date '9999-01-01'", True, "CurrentDate"),
    ("now() > timestamptz '2020-01-01'", True, "CurrentTimestamp"),
    ("to_char(timestamptz '2024-05-17 03:04:05+00', 'YYYY-MM-DD HH24:MI:SS')", "2024-05-17 03:04:05", "TimeToStr"),
    ("to_date('17.05.2024', 'DD.MM.YYYY')", date(2024, 5, 17), "StrToDate"),
    ("to_timestamp(0)", datetime(1970, 1, 1, tzinfo=UTC), "UnixToTime"),
    ("make_date(2024, 5, 17)", date(2024, 5, 17), "make_date"),
    ("isfinite(date '2024-05-17')", True, "isfinite"),
    ("date '2024-05-17' + 3", date(2024, 5, 20), ""),
    ("timestamptz '2024-01-31 00:00+00' + interval '1 month'", datetime(2024, 2, 29, tzinfo=UTC), ""),
    (f"(select count(*) from {T})", 3, "Count"),
    (f"(select count(distinct s) from {T})", 2, "Count"),
    (f"(select count(*) filter (where i > 1) from {T})", 2, "Count"),
    (f"(select sum(i) from {T})", 7, "Sum"),
    (f"(select avg(x) from {T})", 14 / 3, "Avg"),
    (f"(select min(s) || max(s) from {T})", "ab", "Min Max"),
    (f"(select stddev(x) from {T})", math.sqrt(28 / 3), "Stddev"),
    (f"(select stddev_samp(x) from {T})", math.sqrt(28 / 3), "StddevSamp"),
    (f"(select stddev_pop(x) from {T})", math.sqrt(56 / 9), "StddevPop"),
    (f"(select variance(x) from {T})", 28 / 3, "Variance"),
    (f"(select var_pop(x) from {T})", 56 / 9, "VariancePop"),
    (f"(select corr(i, x) from {T})", 1.0, "Corr"),
    (f"(select covar_pop(i, x) from {T})", 28 / 9, "CovarPop"),
    (f"(select covar_samp(i, x) from {T})", 14 / 3, "CovarSamp"),
    (f"(select regr_slope(x, i) + regr_intercept(x, i) from {T})", 2.0, "RegrSlope RegrIntercept"),
    (f"(select regr_r2(x, i) + regr_count(x, i) from {T})", 4.0, "RegrR2 RegrCount"),
    (f"(select bool_and(i > 0) from {T})", True, "LogicalAnd"),
    (f"(select bool_or(i > 3) from {T})", True, "LogicalOr"),
    (f"(select every(i > 1) from {T})", False, "every"),
    (f"(select string_agg(s, ',' order by i desc) from {T})", "b,b,a", "GroupConcat"),
    (f"(select array_agg(i order by i) from {T})", [1, 2, 4], "ArrayAgg"),
    (f"(select percentile_cont(0.5) within group (order by x) from {T})", 4.0, "PercentileCont"),
    (f"(select percentile_disc(0.5) within group (order by i) from {T})", 2, "PercentileDisc"),
    (f"(select mode() within group (order by s) from {T})", "b", "Mode"),
    (f"(select median(x) from {T})", 4.0, "Median"),
    (f"(select max(g) from (select grouping(s) as g from {T} group by rollup(s)) q)", 1, "Grouping"),
    (f"(select max(r) from (select row_number() over (order by i) r from {T}) q)", 3, "RowNumber"),
    (f"(select max(r) from (select rank() over (order by s) r from {T}) q)", 2, "Rank rank"),
    (f"(select max(r) from (select dense_rank() over (order by s) r from {T}) q)", 2, "DenseRank dense_rank"),
    (f"(select max(r) from (select percent_rank() over (order by i) r from {T}) q)", 1.0, "PercentRank percent_rank"),
    (f"(select max(r) from (select cume_dist() over (order by i) r from {T}) q)", 1.0, "CumeDist cume_dist"),
    (f"(select max(r) from (select ntile(2) over (order by i) r from {T}) q)", 2, "Ntile ntile"),
    (f"(select max(r) from (select lag(i) over (order by i) r from {T}) q)", 2, "Lag"),
    (f"(select max(r) from (select lead(i, 1) over (order by i) r from {T}) q)", 4, "Lead"),
    (f"(select max(r) from (select first_value(i) over (order by i) r from {T}) q)", 1, "FirstValue"),
    (f"(select max(r) from (select last_value(i) over (order by i) r from {T}) q)", 4, "LastValue"),
    (f"(select max(r) from (select nth_value(i, 2) over (order by i) r from {T}) q)", 2, "NthValue"),
    ("7 / 2", 3, ""),
    ("-7 / 2", -3, ""),
    ("7 % 3", 1, ""),
    ("7.0e0 / 2", 3.5, ""),
    ("'a' || 'b'", "ab", ""),
    ("'abc' ~ 'b'", True, ""),
    ("'ABC' ilike 'a%'", True, ""),
    ("'a_b' like 'a\\_b'", True, ""),
    ("'axb' like 'a\\_b'", False, ""),
    ("null = null", None, ""),
    ("null is not distinct from null", True, ""),
    ("3 = any(array[1, 3])", True, ""),
    ("case when 1 = 2 then 'x' else 'y' end", "y", ""),
    ("cast('5' as integer) + 1", 6, ""),
]


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        yield con


@pytest.mark.parametrize(("example", "expected"), [(e, v) for e, v, _ in EXAMPLES])
def test_the_value_is_postgresqls(connection, example, expected):
    sql = f"select {example} as v"
    text = render(to_inner(resolve(parse(sql), sql, VISIBLE), sql))
    (found,) = connection.sql(text).to_arrow_table()["v"].to_pylist()
    if isinstance(found, datetime):
        found = found.astimezone(UTC)
    if isinstance(expected, datetime) and type(found) is date:
        found = datetime(found.year, found.month, found.day, tzinfo=UTC)
    assert found == (pytest.approx(expected, rel=1e-12) if isinstance(expected, float) else expected)


def test_every_allowed_function_has_an_example():
    shown = {name for _, _, names in EXAMPLES for name in names.split()}
    aliases = {"CountIf"}
    assert (FUNCTIONS | ANONYMOUS) - shown - aliases == set()


@pytest.mark.parametrize(
    "call",
    [
        *(
            "read_csv('/x')",
            "read_text('/x')",
            "query('select 1')",
            "query_table('x')",
            "getenv('HOME')",
            "current_setting('x')",
        ),
        *("pg_sleep(1)", "repeat('a', 9)", "lpad('a', 9)", "range(9)", "generate_series(1, 9)", "to_json(1)", "row_to_json(patient)"),
        *("duckdb_settings()", "version()", "current_user", "random()", "uuid()", "pg_read_file('x')", "lo_import('x')", "dblink('x')"),
        *("txid_current()", "nextval('x')", "error('x')", "json_execute_serialized_sql('x')"),
    ],
)
def test_functions_that_reach_out_or_explode_are_refused(call):
    with pytest.raises(ParseError) as caught:
        parse(f"select {call} from patient")
    assert caught.value.code in ("P104", "P105")


def test_no_allowed_name_is_misspelt():
    assert [name for name in FUNCTIONS if not hasattr(exp, name)] == []
