"""The traps of the mapping language, one by one: numbers, units, texts, latest_by, whole predicates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from catalog.conditions import AllOf, Always, Never, Term, Test, Unknown, holds, is_exact
from catalog.mapping.barrier import determined_columns
from catalog.predicates import Atom, Conjunction, Disjunction, Opaque
from catalog.types import DOUBLE, INTEGER, TEXT, parse_type
from catalog.values import NOT_NULL, NULL_ONLY, ValueSet
from tests.catalog.mapping.running import project
from tests.catalog.mapping.single_values import asked, inverted, value_of

# ------------------------------------------------------------------------------------------------ numbers and units


def test_126_mg_per_dl_of_glucose_is_found_below_7_mmol_per_l(compiled):
    """126 / 18.0156 = 6.994: the filter is right, the threshold another."""
    binding, row = compiled["hosp_b", "lab_result"], {"item_cd": "L2001", "val": "126", "unit": "mg/dL"}
    glucose = Atom("loinc_code", ValueSet.of("2345-7"))
    assert not holds(binding.invert(Conjunction((glucose, Atom("value", ValueSet.range(7.0, None, low_closed=True))))), row)
    assert holds(binding.invert(Conjunction((glucose, Atom("value", ValueSet.range(6.99, None, low_closed=True))))), row)


def test_a_fever_is_sought_in_fahrenheit_and_in_celsius(compiled):
    fever = Conjunction((Atom("loinc_code", ValueSet.of("8310-5")), Atom("value", ValueSet.range(38.0, None, low_closed=True))))
    condition = compiled["hosp_b", "vital_sign"].invert(fever)
    for value, unit, passes in [
        ("100.4", "F", True),
        ("100.3", "F", False),
        ("38", "C", True),
        ("37.9", "C", False),
        ("38", "℃", True),
        ("38", "kg", False),
    ]:
        assert holds(condition, {"item_cd": "V1005", "val": value, "unit": unit, "yr": 2021, "ts_ms": 0}) is passes, (value, unit)
    assert not holds(condition, {"item_cd": "V1006", "val": "101", "unit": "F", "yr": 2021, "ts_ms": 0})


def test_a_laboratory_text_with_an_operator_may_be_any_number():
    condition = inverted("lab_number(t)", DOUBLE, ValueSet.range(7.0, None))
    assert [holds(condition, {"t": text}) for text in ("<5", "145.2 H", "5", "8", "", None)] == [True, True, False, True, True, False]
    assert [value_of("lab_number(t)", DOUBLE, t=text) for text in ("<5", "145.2 H", "阳性", "1:160", "", "1e3")] == [
        5.0,
        145.2,
        None,
        None,
        None,
        None,
    ]
    assert [value_of("lab_operator(t)", TEXT, t=text) for text in ("<5", "≥ 7", "5")] == ["<", ">=", None]
    assert [value_of("lab_flag(t)", TEXT, t=text) for text in ("145.2 H", "5")] == ["H", None]
    assert [value_of("lab_text(t)", TEXT, t=text) for text in (" 1:160 ", "5 H", "")] == ["1:160", None, None]


def test_a_unit_in_no_table_gives_null_never_the_number():
    assert value_of("convert_unit(d, u, 'Cel')", DOUBLE, d=5.0, u="stone") is None
    assert value_of("convert_unit(d, u, 'Cel')", DOUBLE, d=5.0, u="Cel") == 5.0
    assert value_of("convert_unit(d, u, 'Cel')", DOUBLE, d=212.0, u="°F") == 100.0


def test_a_conversion_for_the_analyte_wins_over_the_general_one():
    assert value_of("convert_unit(d, u, 'mmol/L', w)", DOUBLE, d=18.0156, u="mg/dL", w="2345-7") == 1.0
    assert value_of("convert_unit(d, u, 'mmol/L', w)", DOUBLE, d=38.67, u="mg/dL", w="other") == 1.0


def test_a_negative_factor_swaps_the_bounds_and_keeps_not_a_number():
    condition = inverted("d * -2", DOUBLE, ValueSet.range(10.0, None))
    assert [holds(condition, {"d": value}) for value in (-6.0, -4.0, float("nan"), float("inf"))] == [True, False, True, True]


def test_a_zero_factor_only_asks_for_a_number():
    condition = inverted("d * 0", DOUBLE, ValueSet.range(10.0, None))
    assert asked(condition, "d") == NOT_NULL


def test_whole_numbers_divide_as_duckdb_divides():
    assert value_of("i / 2", DOUBLE, i=7) == 3.5
    assert value_of("i // 2", INTEGER, i=-7) == -3
    assert value_of("i % 3", INTEGER, i=-7) == -1


def test_what_overflows_is_null_and_no_error():
    assert value_of("i + 1", INTEGER, i=2**63 - 1) is None
    assert value_of("i * i", INTEGER, i=2**62) is None


def test_money_keeps_its_four_places():
    money = parse_type("decimal(19,4)")
    assert value_of("m", money, m=Decimal("129.1600")) == Decimal("129.1600")
    condition = inverted("m::decimal(19,4)", money, ValueSet.of(Decimal("129.1600")))
    assert condition == Test(Term("m"), ValueSet.of(Decimal("129.1600")))
    cents = inverted("i / 100.0", money, ValueSet.of(Decimal("129.1600")))
    assert holds(cents, {"i": 12916})
    assert not is_exact(cents)


def test_not_a_number_is_above_every_bound():
    condition = inverted("number(t)", DOUBLE, ValueSet.range(5.0, None))
    assert holds(condition, {"t": "NaN"})
    assert value_of("number(t)", DOUBLE, t="N/A") is None


# --------------------------------------------------------------------------------------------------------- texts


def test_a_text_is_split_in_every_way_it_can_be():
    condition = inverted("concat(t, '-', u)", TEXT, ValueSet.of("a-b-c"))
    assert [holds(condition, {"t": t, "u": u}) for t, u in [("a", "b-c"), ("a-b", "c"), ("a", "b"), ("", "a-b-c")]] == [
        True,
        True,
        False,
        False,
    ]
    assert is_exact(condition)


def test_concat_is_null_if_a_part_is_and_keeps_empty_parts():
    assert value_of("concat(t, '-', u)", TEXT, t="a", u=None) is None
    assert value_of("concat(t, '-', u)", TEXT, t="", u="") == "-"
    assert holds(inverted("concat(t, '-', u)", TEXT, ValueSet.of("-")), {"t": "", "u": ""})


def test_too_many_ways_to_split_a_text_send_nothing():
    assert inverted("concat(t, u, w)", TEXT, ValueSet.of("a" * 50)) == Unknown()


def test_only_the_one_spelling_of_a_number_is_its_text():
    assert inverted("i::varchar", TEXT, ValueSet.of("007")) == Never()
    assert inverted("digits(i, 3)", TEXT, ValueSet.of("007")) == Test(Term("i"), ValueSet.of(7))
    assert inverted("digits(i, 3)", TEXT, ValueSet.of("7")) == Never()


def test_the_empty_string_is_a_value_and_not_null():
    condition = inverted("nullif_any(t, 'N/A')", TEXT, ValueSet.of(""))
    assert holds(condition, {"t": ""})
    assert not holds(condition, {"t": None})
    assert holds(inverted("nullif_any(t, '')", TEXT, NULL_ONLY), {"t": ""})
    assert value_of("split_part(t, '|', 2)", TEXT, t="a") == ""
    assert value_of("nullif_any(split_part(t, '|', 2), '')", TEXT, t="a") is None


def test_a_prefix_ends_before_its_successor_in_code_points():
    condition = inverted("split_part(t, '|', 1)", TEXT, ValueSet.prefix("a\ud7ff"))
    (interval,) = asked(condition, "t").intervals
    assert interval.high == "a\ue000"


def test_json_null_absent_and_unreadable_are_all_null():
    for text in ('{"a": null}', "{}", "not json", '{"a":'):
        assert value_of("json_value(t, '$.a')", TEXT, t=text) is None
    assert value_of("json_value(t, '$.a.b[0]')", TEXT, t='{"a": {"b": [5]}}') == "5"


def test_widths_of_signs_and_blanks_are_cleaned():
    assert value_of("nfkc(t)", TEXT, t="Ａ１２３－ｶﾞ") == "A123-ガ"
    assert value_of("trim(t)", TEXT, t="\ufeff\u3000 M \u00a0\n") == "M"
    assert value_of("digits_only(t)", TEXT, t="(508) 555-0101") == "5085550101"


# ------------------------------------------------------------------------------------------------- the latest_by barrier


def test_a_persons_id_passes_the_barrier_because_the_encounter_decides_it(compiled):
    condition = compiled["hosp_c", "vital_sign"].invert(Atom("patient_id", ValueSet.of("X")))
    assert condition == Test(Term("e.PersonID"), ValueSet.of("X"))


def test_what_differs_within_a_group_does_not_pass_the_barrier(compiled):
    binding = compiled["hosp_c", "vital_sign"]
    assert binding.invert(Atom("vital_sign_id", ValueSet.of("17"))) == Unknown()
    assert binding.invert(Atom("source_unit", ValueSet.of("C"))) == Unknown()
    both = binding.invert(Conjunction((Atom("vital_sign_id", ValueSet.of("17")), Atom("patient_id", ValueSet.of("X")))))
    assert both == AllOf((Test(Term("e.PersonID"), ValueSet.of("X")),), exact=False)


def test_where_passes_below_the_barrier_whole(compiled):
    (own,) = compiled["hosp_c", "vital_sign"].own_conditions()
    text, condition = own
    assert text == "not o.IsDeleted and r.Kind = 'vital'"
    assert is_exact(condition)
    assert not holds(condition, {"o.IsDeleted": True, "r.Kind": "vital"})


def test_columns_of_the_group_its_joins_and_its_keys_are_determined(compiled):
    binding = compiled["hosp_c", "vital_sign"].binding
    found = determined_columns(binding.relation, binding.latest_by)
    assert {"o.EncounterID", "e.EncounterID", "e.PersonID", "e.StartDT", "r.AttrCode", "r.Loinc", "r.Kind", "o.ObsDT"} <= found
    assert not {"o.ObsID", "o.ValueNum", "o.IsDeleted", "o.RowVer", "o.UnitCode"} & found


def test_a_correction_replaces_its_row_even_where_a_filter_would_take_the_older(compiled, raw_databases):
    """Of each group only the highest RowVer counts, whatever its value."""
    database = raw_databases["hosp_c", "vital_sign"]
    groups = database.sql(
        """select count(*), arg_max("o.ObsID", "o.RowVer") from raw_rows where not "o.IsDeleted" and "r.Kind" = 'vital'
           group by "o.EncounterID", "o.AttrCode", "o.ObsDT" having count(*) > 1"""
    ).fetchall()
    assert len(groups) > 10
    shown = set(project(database, compiled["hosp_c", "vital_sign"], ["vital_sign_id"]).column(0).to_pylist())
    assert {str(newest) for _, newest in groups} <= shown
    assert (
        len(shown)
        == database.sql(
            """select count(distinct ("o.EncounterID", "o.AttrCode", "o.ObsDT")) from raw_rows where not "o.IsDeleted" and "r.Kind" = 'vital'"""
        ).fetchall()[0][0]
    )


# -------------------------------------------------------------------------------------------------- the whole predicate


def test_constants_absent_columns_and_node_decide_at_once(compiled):
    binding = compiled["hosp_b", "vital_sign"]
    assert binding.invert(Atom("node", ValueSet.of("hosp_a"))) == Never()
    assert binding.invert(Atom("node", ValueSet.of("hosp_b"))) == Always()
    assert binding.invert(Atom("value_operator", NULL_ONLY)) == Always()
    assert binding.invert(Atom("value_operator", NOT_NULL)) == Never()
    assert compiled["hosp_b", "condition"].invert(Atom("code_system", ValueSet.of("SNOMED"))) == Never()


def test_bounds_of_one_column_are_intersected_before_they_are_inverted(compiled):
    """Apart, two bounds over an unsortable format would send nothing; together they are four days."""
    low, high = Atom("birth_date", ValueSet.range(date(1984, 1, 1), None)), Atom("birth_date", ValueSet.range(None, date(1984, 1, 5)))
    condition = compiled["hosp_b", "patient"].invert(Conjunction((low, Conjunction((high,)))))
    assert asked(condition, "birth") == ValueSet.of("01/02/1984", "01/03/1984", "01/04/1984")


def test_an_opaque_part_costs_a_conjunction_its_exactness_and_a_disjunction_everything(compiled):
    binding, opaque = compiled["hosp_b", "patient"], Opaque("a < b", "two columns")
    atom = Atom("patient_id", ValueSet.of("P1"))
    assert binding.invert(Conjunction((atom, opaque))) == AllOf((Test(Term("pid"), ValueSet.of("P1")),), exact=False)
    assert binding.invert(Disjunction((atom, opaque))) == Unknown()


def test_a_dropped_lookup_sends_its_codes(compiled):
    conditions = dict(compiled["hosp_b", "vital_sign"].own_conditions())
    assert holds(conditions["lookup item has the code"], {"item_cd": "V1005"})
    assert not holds(conditions["lookup item has the code"], {"item_cd": "V9999"})


def test_is_null_over_a_lookup_means_every_key_it_does_not_have():
    condition = inverted("item.code", TEXT, NULL_ONLY)
    assert [holds(condition, {"t": text}) for text in ("a", "ab", "zzz", None)] == [False, True, True, True]


def test_a_projection_reads_only_what_it_needs(compiled):
    binding = compiled["hosp_b", "vital_sign"]
    assert compiled["hosp_a", "patient"].project(("sex",)).raw_columns == ("sex",)
    assert len(compiled["hosp_a", "patient"].project(("node",)).raw_columns) == 1
    assert set(binding.project(("node",)).raw_columns) == {"rec_id", "item_cd", "val", "unit"}  # dedupe, drop, keep
    assert not binding.project(("node",)).row_wise
    assert compiled["hosp_a", "patient"].project(("node",)).row_wise


def test_no_columns_still_yield_the_rows(compiled, raw_databases):
    assert project(raw_databases["hosp_b", "patient"], compiled["hosp_b", "patient"], []).num_rows == 265


def test_planning_a_point_lookup_over_three_nodes_takes_little_time(compiled):
    """Below 3 ms in the design; the bound here leaves room for a busy machine."""
    from time import perf_counter

    bindings = [compiled[node, "vital_sign"] for node in ("hosp_a", "hosp_b", "hosp_c")]
    times = []
    for number in range(5):
        predicate = Conjunction((Atom("patient_id", ValueSet.of(f"2451186{number}")), Atom("loinc_code", ValueSet.of("8310-5"))))
        started = perf_counter()
        for binding in bindings:
            binding.invert(predicate)
            binding.project(("node", "patient_id", "value", "unit", "effective_at"))
        times.append(perf_counter() - started)
    assert min(times) < 0.003
