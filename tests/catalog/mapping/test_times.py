"""Instants, local times, dates and partitions: the traps, one by one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import duckdb
import pytest

from catalog.conditions import Never, holds, is_exact
from catalog.predicates import Atom
from catalog.types import DATE, TIMESTAMP
from catalog.values import NOT_NULL, ValueSet
from tests.catalog.mapping.expressions import compile_expression
from tests.catalog.mapping.running import project
from tests.catalog.mapping.single_values import asked, inverted, value_of

NEW_YORK = ZoneInfo("America/New_York")


# --------------------------------------------------------------------------------------------- time and partitions


def test_evenings_of_the_31st_of_december_lie_in_the_old_years_partition(compiled, raw_databases):
    """Their UTC year is not their `yr`: the derived test must be widened by a day."""
    database, binding = raw_databases["hosp_b", "vital_sign"], compiled["hosp_b", "vital_sign"]
    rows = database.sql("select ts_ms, yr from raw_rows where year(make_timestamp(ts_ms * 1000)) <> yr").fetchall()
    assert len(rows) == 15
    for milliseconds, year in rows:
        instant = datetime.fromtimestamp(milliseconds / 1000, UTC)
        condition = binding.invert(Atom("effective_at", ValueSet.range(instant, None, low_closed=True)))
        assert holds(condition, {"ts_ms": milliseconds, "yr": year})
        assert not holds(condition, {"ts_ms": milliseconds, "yr": year - 1})


def test_an_instant_widens_its_partition_by_a_day_on_both_sides(compiled):
    """The hospital's job may have cut its years by another clock."""
    instants = ValueSet.range(datetime(2022, 1, 1, 23, tzinfo=UTC), datetime(2022, 12, 31, 6, tzinfo=UTC))
    condition = compiled["hosp_b", "vital_sign"].invert(Atom("effective_at", instants))
    assert asked(condition, "yr") == ValueSet.range(2021, 2023, low_closed=True, high_closed=True)


def test_a_local_text_decides_its_partition_without_widening(compiled):
    condition = compiled["hosp_b", "encounter"].invert(
        Atom("period_start", ValueSet.range(datetime(2022, 6, 1, tzinfo=UTC), datetime(2022, 6, 2, tzinfo=UTC)))
    )
    assert asked(condition, "yr") == ValueSet.range(2022, 2022, low_closed=True, high_closed=True)


def test_the_whole_of_a_day_at_new_year_reads_two_partitions(compiled):
    condition = compiled["hosp_b", "lab_result"].invert(
        Atom("effective_at", ValueSet.range(datetime(2022, 1, 1, 4, tzinfo=UTC), datetime(2022, 1, 1, 6, tzinfo=UTC)))
    )
    assert asked(condition, "yr") == ValueSet.range(2021, 2022, low_closed=True, high_closed=True)


def test_of_two_readings_of_an_ambiguous_hour_the_first_counts():
    found = value_of("local_time(t, 'yyyy-MM-dd HH:mm:ss')", TIMESTAMP, t="2021-11-07 01:30:00")
    assert found.astimezone(UTC) == datetime(2021, 11, 7, 5, 30, tzinfo=UTC)


def test_a_skipped_local_time_moves_on_by_the_gap():
    found = value_of("local_time(t, 'yyyy-MM-dd HH:mm:ss')", TIMESTAMP, t="2021-03-14 02:30:00")
    assert found.astimezone(NEW_YORK).replace(tzinfo=None) == datetime(2021, 3, 14, 3, 30)


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Shanghai", "Africa/Casablanca", "UTC"])
def test_local_times_are_those_of_python_with_fold_0(zone):
    """Every quarter of an hour of a year, against the zone database of Python."""
    database = duckdb.connect(config={"threads": 1})
    database.execute(
        "create table raw_rows as select unnest(range(timestamp '2023-01-01', timestamp '2024-01-01', interval 15 minutes)) as lt"
    )
    compiled = compile_expression(f"local_time(lt, '{zone}')", TIMESTAMP)
    found = project(database, compiled, ["v"]).column(0).cast("int64").to_pylist()
    locals_ = [row[0] for row in database.sql("select lt from raw_rows").fetchall()]
    wanted = [int(local.replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1_000_000 for local in locals_]
    assert found == wanted


def test_text_times_of_the_ambiguous_hour_pass_for_both_their_bounds(compiled, raw_databases):
    database, binding = raw_databases["hosp_b", "lab_result"], compiled["hosp_b", "lab_result"]
    rows = database.sql("select * from raw_rows where rpt_time similar to '20[0-9]{2}110[1-7]01.*'").to_arrow_table().to_pylist()
    assert len(rows) >= 24
    for row in rows:
        first = datetime.strptime(row["rpt_time"], "%Y%m%d%H%M%S").replace(tzinfo=NEW_YORK, fold=0).astimezone(UTC)
        for wanted in (ValueSet.of(first), ValueSet.range(first, None, low_closed=True), ValueSet.range(None, first, high_closed=True)):
            assert holds(binding.invert(Atom("effective_at", wanted)), row)


def test_dates_are_read_only_as_their_format_writes_them():
    for text, wanted in [("20210314", date(2021, 3, 14)), ("2021314", None), (" 20210314", None), ("20210314\n", None), ("20210230", None)]:
        assert value_of("parse_date(t, 'yyyyMMdd')", DATE, t=text) == wanted
    assert value_of("parse_date(t, 'M/d/yyyy')", DATE, t="3/4/2021") == date(2021, 3, 4)
    assert value_of("parse_date(t, 'M/d/yyyy')", DATE, t="03/4/2021") is None


def test_a_range_over_an_unsortable_format_becomes_a_list_of_days():
    condition = inverted("parse_date(t, 'MM/dd/yyyy')", DATE, ValueSet.range(date(2020, 12, 31), date(2021, 1, 2), low_closed=True))
    assert asked(condition, "t") == ValueSet.of("12/31/2020", "01/01/2021")
    long = inverted("parse_date(t, 'MM/dd/yyyy')", DATE, ValueSet.range(date(2020, 1, 1), date(2022, 1, 2)))
    assert asked(long, "t") == NOT_NULL


def test_numbers_that_no_calendar_has_are_no_instants():
    for number in (2**63 - 1, -(2**63), 99_999_999_999_999_999):
        assert value_of("from_epoch_ms(i)", TIMESTAMP, i=number) is None
    condition = inverted("from_epoch_ms(i)", TIMESTAMP, ValueSet.range(datetime(2024, 1, 1, tzinfo=UTC), None))
    assert is_exact(condition)
    assert not holds(condition, {"i": 2**63 - 1})


def test_a_bound_between_two_seconds_is_rounded_inwards_exactly():
    condition = inverted("from_epoch_s(i)", TIMESTAMP, ValueSet.of(datetime(2021, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)))
    assert condition == Never()
