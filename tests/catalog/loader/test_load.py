"""What a folder of mappings becomes when nothing is wrong with it, and how errors of several files come together."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

from catalog.errors import Place
from catalog.loader import load_catalog
from catalog.model import CatalogSnapshot, LatestBy, TableBinding
from catalog.relations import JoinRelation, UnnestRelation, WideRelation, relation_columns
from catalog.source_tables import HBaseTable, SqlTable
from catalog.types import TEXT, decimal
from tests.catalog.loader.small_catalog import FILES, changed, problems_of, write_catalog


def load(folder: Path, changes: dict[str, str] | None = None) -> CatalogSnapshot:
    return load_catalog(write_catalog(folder, changes))


def binding(snapshot: CatalogSnapshot, id: str) -> TableBinding:
    return next(binding for binding in snapshot.bindings if binding.id == id)


def test_the_small_catalog_has_nothing_wrong(tmp_path: Path) -> None:
    assert problems_of(write_catalog(tmp_path)) == ()


def test_the_problems_of_all_files_come_at_once_in_order(tmp_path: Path) -> None:
    mistakes = [
        ("codes/codes.yaml", "file: code_map.csv", "fil: code_map.csv, file: code_map.csv", "C102"),
        ("nodes/north/node.yaml", "zone: Europe/Berlin", "zone: «Nowhere", "C104"),
        ("nodes/north/person.yaml", "absent: [cost]", "absent: [cots]", "C204"),
        ("nodes/south/node.yaml", "of: mrn", "of: mnr", "C215"),
        ("policies/clerk.yaml", "hide: [cost]", "hide: [cots]", "C213"),
        ("tables/men.yaml", "columns:", "colums:", "C102"),
    ]
    folder = write_catalog(tmp_path, {file: changed(file, old, new)[0] for file, old, new, _ in mistakes})
    found = problems_of(folder)
    assert {(file, code) for file, _, _, code in mistakes} <= {(problem.place.file, problem.code) for problem in found}
    assert [(p.place.file, p.place.line) for p in found] == sorted((p.place.file, p.place.line) for p in found)
    assert any(problem.fact.startswith("the column cost of person") and problem.code == "C209" for problem in found)


def test_mistakes_in_expressions_come_together_with_mistakes_around_them(tmp_path: Path) -> None:
    text = FILES["nodes/north/person.yaml"]
    text = text.replace("absent: [cost]", "absent: []").replace("recode(", "recod(").replace("'yyyyMMdd')", "'yyyyMMdd'")
    found = problems_of(write_catalog(tmp_path, {"nodes/north/person.yaml": text}))
    assert [(p.code, p.place.line) for p in found] == [("C209", 6), ("C206", 8), ("C208", 9)]
    assert "did you mean recode" in found[1].hint


def test_every_binding_is_compiled(tmp_path: Path) -> None:
    snapshot = load(tmp_path)
    assert set(snapshot.compiled) == {"north/person", "north/reading", "south/reading"}
    assert all(compiled.binding.id == id for id, compiled in snapshot.compiled.items())


def test_quality_flags_are_filled_by_checks_and_need_no_expression(tmp_path: Path) -> None:
    table = FILES["tables/person.yaml"].replace("relationships:", "  quality_flags: {type: list(text)}\nrelationships:")
    checked = FILES["nodes/north/person.yaml"] + "checks:\n  plausible: {test: weight between 1 and 500, severity: drop}\n"
    snapshot = load(tmp_path, {"tables/person.yaml": table, "nodes/north/person.yaml": checked})
    (check,) = binding(snapshot, "north/person").checks
    assert (check.name, check.severity, check.place.line) == ("plausible", "drop", 12)


def test_a_broken_table_file_does_not_make_its_bindings_look_wrong(tmp_path: Path) -> None:
    folder = write_catalog(tmp_path, {"tables/person.yaml": "table: [person\n"})
    assert {problem.place.file for problem in problems_of(folder)} == {"tables/person.yaml"}


def test_node_is_the_first_column_of_every_table_and_never_null(tmp_path: Path) -> None:
    for table in load(tmp_path).tables.values():
        first = next(iter(table.columns.values()))
        assert (first.name, first.type, first.nullable) == ("node", TEXT, False)


def test_a_decimal_column_keeps_precision_and_scale(tmp_path: Path) -> None:
    assert load(tmp_path).tables["person"].columns["cost"].type == decimal(19, 4)


def test_names_of_sql_sources_are_brought_to_their_canonical_spelling(tmp_path: Path) -> None:
    text = FILES["nodes/north/reading.yaml"].replace(
        "Visits v join People p on p.PersonId = v.PersonId", "VISITS V JOIN people P ON v.personid = P.PERSONID"
    )
    text = text.replace("[v.PersonId, v.Code], order: [v.Version desc]", "[v.personid, V.CODE], order: [v.VERSION DESC]")
    found = binding(load(tmp_path, {"nodes/north/reading.yaml": text}), "north/reading")
    assert isinstance(found.relation, JoinRelation)
    assert found.relation.table.name == "Visits"
    assert [(join.kind, join.alias, join.table.name, join.on) for join in found.relation.joins] == [
        ("inner", "P", "People", (("V.PersonId", "P.PersonId"),))
    ]
    assert found.latest_by == LatestBy(key=("V.PersonId", "V.Code"), order=(("V.Version", True),))
    assert found.case_insensitive


def test_names_of_hbase_sources_keep_their_case(tmp_path: Path) -> None:
    text = FILES["nodes/south/reading.yaml"].replace("obs.v", "OBS.v")
    assert [p.code for p in problems_of(write_catalog(tmp_path, {"nodes/south/reading.yaml": text}))] == ["C201"]


def test_a_left_join_makes_its_columns_nullable(tmp_path: Path) -> None:
    text = FILES["nodes/north/reading.yaml"].replace("Visits v join", "Visits v left join").replace("p.PersonId\n", "v.PersonId\n")
    found = binding(load(tmp_path, {"nodes/north/reading.yaml": text}), "north/reading")
    columns = relation_columns(found.relation)
    assert (columns["v.PersonId"].nullable, columns["p.PersonId"].nullable) == (False, True)


def test_an_unnested_list_delivers_its_fields_and_its_position(tmp_path: Path) -> None:
    text = (
        "table: reading\nsource: warehouse\nfrom: People unnest Tags as t with ordinality n\n"
        "columns: {reading_id: \"concat(PersonId, '-', n::varchar)\", person_id: PersonId, code: t.code}\n"
    )
    found = binding(load(tmp_path, {"nodes/north/reading.tags.yaml": text}), "north/reading.tags")
    assert isinstance(found.relation, UnnestRelation)
    assert list(relation_columns(found.relation))[-3:] == ["t.code", "t.at", "n"]


def test_a_second_binding_of_a_table_stands_beside_the_first(tmp_path: Path) -> None:
    text = FILES["nodes/north/person.yaml"]
    snapshot = load(tmp_path, {"nodes/north/person.archive.yaml": text})
    assert [b.id for b in snapshot.bindings_by_table["person"]] == ["north/person", "north/person.archive"]


def test_a_wide_family_becomes_rows_of_key_qualifier_and_value(tmp_path: Path) -> None:
    found = binding(load(tmp_path), "south/reading")
    assert isinstance(found.relation, WideRelation)
    columns = relation_columns(found.relation)
    assert {name: str(column.type) for name, column in columns.items()} == {
        "mrn": "integer", "day": "integer", "code": "text", "second": "integer", "val": "double",
    }  # fmt: skip
    assert found.relation.table.family("v").ranges == {"second": (0, 86399)}


def test_a_layout_takes_types_and_widths_from_its_codecs(tmp_path: Path) -> None:
    people = load(tmp_path).nodes["south"].sources["cells"].tables["people"]
    assert isinstance(people, HBaseTable)
    assert [(s.name, s.codec, s.width, s.reversed, str(s.type)) for s in people.row_key.segments] == [
        ("mrn", "text", 8, True, "text"),
        ("since", "digits", 13, False, "integer"),
    ]
    assert [(c.name, c.codec, str(c.type), c.required) for c in people.cells] == [
        ("sex", "text", "text", False),
        ("fee", "decimal_be", "decimal(19,4)", False),
        ("name", "text", "text", True),
    ]


def test_the_nearest_zone_wins(tmp_path: Path) -> None:
    north = FILES["nodes/north/node.yaml"]
    source_zone = north.replace("    adapter: hive\n", "    adapter: hive\n    zone: America/Lima\n")
    binding_zone = FILES["nodes/north/reading.yaml"] + "zone: Africa/Cairo\n"
    plain = load(tmp_path / "plain")
    assert binding(plain, "north/person").zone == "Europe/Berlin"
    assert binding(plain, "north/reading").zone == "Asia/Tokyo"
    assert binding(load(tmp_path / "source", {"nodes/north/node.yaml": source_zone}), "north/person").zone == "America/Lima"
    assert binding(load(tmp_path / "binding", {"nodes/north/reading.yaml": binding_zone}), "north/reading").zone == "Africa/Cairo"


def test_the_columns_of_a_key_are_never_null(tmp_path: Path) -> None:
    visits = load(tmp_path).nodes["north"].sources["warehouse"].tables["Visits"]
    assert isinstance(visits, SqlTable)
    assert {column.name: column.nullable for column in visits.columns} == {
        "VisitId": False, "PersonId": False, "Code": False, "Version": True,
    }  # fmt: skip


def test_places_point_at_the_text_of_each_expression(tmp_path: Path) -> None:
    found = binding(load(tmp_path), "north/reading")
    lines = FILES["nodes/north/reading.yaml"].splitlines()
    for path, text in {
        "from": "Visits v", "columns.code": "item.code", "lookups.item.key.source_code": "v.Code", "latest_by": "{key:",
    }.items():  # fmt: skip
        place = found.places[path]
        assert lines[place.line - 1][place.column - 1 :].startswith(text), path
    assert found.place == Place("nodes/north/reading.yaml", 1)


def test_empty_cells_of_a_code_map_are_null_and_digits_stay_texts(tmp_path: Path) -> None:
    lookup = load(tmp_path, {"codes/code_map.csv": "code,extra,node,source_code\n007,x,north,A\n,y,north,B\n"}).lookups["code_map"]
    assert (lookup.key, lookup.values, lookup.version) == (("node", "source_code"), ("code",), "2026-01")
    assert lookup.rows == (("north", "A", "007"), ("north", "B", None))


def test_a_conversion_without_loinc_is_for_any_analyte(tmp_path: Path) -> None:
    (conversion,) = load(tmp_path).units.conversions
    assert (conversion.source_unit, conversion.unit, conversion.loinc) == ("lb", "kg", None)
    assert Decimal(str(conversion.multiply)) == Decimal("0.45359237")


def test_a_policy_reads_filters_hidden_columns_and_masks(tmp_path: Path) -> None:
    policy = load(tmp_path).policies["clerk"]
    assert policy.tables["person"].filter == "sex = 'male'"
    assert policy.tables["person"].hide == {"cost"}
    assert policy.tag_masks == {"direct_identifier": "token", "date_of_person": "year"}
    assert policy.column_masks == {("person", "unit"): "null"}
    assert policy.max_rows == 100


def test_a_mask_spelled_null_without_quotes_masks_and_show_lifts(tmp_path: Path) -> None:
    text = FILES["policies/clerk.yaml"].replace("{person.unit: 'null'}", "{person.unit: null, person.birth_date: show}")
    assert load(tmp_path, {"policies/clerk.yaml": text}).policies["clerk"].column_masks == {
        ("person", "unit"): "null",
        ("person", "birth_date"): None,
    }


def test_the_schema_can_be_named(tmp_path: Path) -> None:
    assert load(tmp_path / "a").schema == "health"
    assert load(tmp_path / "b", {"catalog.yaml": "schema: clinic\n"}).schema == "clinic"


def test_the_revision_changes_with_any_content_and_with_nothing_else(tmp_path: Path) -> None:
    first = load(tmp_path / "a").revision
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert load_catalog(tmp_path / "b").revision == first
    (tmp_path / "b" / "README.md").write_text("not a mapping file")
    assert load_catalog(tmp_path / "b").revision == first
    for file in FILES:
        path = tmp_path / "b" / file
        path.write_text(FILES[file] + ("" if file.endswith(".csv") else "# a remark") + "\n")
        assert load_catalog(tmp_path / "b").revision != first, file
        path.write_text(FILES[file])
    assert load_catalog(tmp_path / "b").revision == first
