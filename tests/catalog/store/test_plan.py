"""A plan tells by meaning what would change: as an administrator edits the region's mappings."""

from __future__ import annotations

import pytest

from catalog.errors import CatalogError
from catalog.store.changes import apply
from catalog.store.documents import read_documents
from catalog.store.errors import Conflict
from catalog.store.plan import Plan, plan
from tests.catalog.store.faulty_storage import MemoryStorage
from tests.catalog.store.test_documents import REGION

DOCUMENTS = dict(read_documents(REGION))


@pytest.fixture(scope="module")
def storage() -> MemoryStorage:
    storage = MemoryStorage()
    assert apply(storage, DOCUMENTS, base=0, who="Anna", why="the region") is not None
    return storage


def edited(storage: MemoryStorage, *edits: tuple[str, str, str]) -> Plan:
    """The plan after texts of files were replaced: (path, old, new)."""
    documents = dict(DOCUMENTS)
    for path, old, new in edits:
        assert documents[path].count(old) >= 1, (path, old)
        documents[path] = documents[path].replace(old, new)
    return plan(storage, documents)


def lines(found: Plan) -> list[str]:
    return [str(difference) for difference in found.differences]


def test_comments_layout_and_order_are_no_change(storage: MemoryStorage) -> None:
    binding = "nodes/hosp_b/lab_result.yaml"
    found = edited(
        storage,
        (binding, "table: lab_result\nsource: hive\n", "# by hand\nsource:   hive\ntable: lab_result\n"),
        (binding, "lab_number(nullif_any(val, 'N/A'", "lab_number( nullif_any(val,  'N/A'"),
        ("codes/code_map.csv", "\n", "\r\n"),
    )
    assert (found.base, found.differences, found.files) == (1, (), ("codes/code_map.csv", binding))


def test_a_change_within_a_quoted_text_is_one(storage: MemoryStorage) -> None:
    found = edited(storage, ("nodes/hosp_b/lab_result.yaml", "'N/A', ''", "'N/ A', ''"))
    assert [difference.what for difference in found.differences] == [("binding hosp_b/lab_result", "column value")]


def test_a_column_renamed_at_the_hospital(storage: MemoryStorage) -> None:
    found = edited(
        storage, ("nodes/hosp_b/node.yaml", "rpt_time", "report_time"), ("nodes/hosp_b/lab_result.yaml", "rpt_time", "report_time")
    )
    assert lines(found) == [
        "~ binding hosp_b/lab_result, column effective_at: local_time(rpt_time, 'yyyyMMddHHmmss') → local_time(report_time, 'yyyyMMddHHmmss')",
        "+ hospital hosp_b, source hive, table ods_lis, column report_time",
        "- hospital hosp_b, source hive, table ods_lis, column rpt_time",
        "~ hospital hosp_b, source hive, table ods_lis, partition yr, expression: rpt_time → report_time",
    ]


def test_a_new_code_a_removed_one_and_a_changed_unit(storage: MemoryStorage) -> None:
    rows = DOCUMENTS["codes/code_map.csv"].splitlines()
    gone = next(row for row in rows if row.startswith("hosp_b,lab_result,"))
    found = edited(
        storage,
        ("codes/code_map.csv", gone, "hosp_b,lab_result,NEW1,718-7,LOINC,g/dL,g/dL"),
        ("codes/unit_conversion.csv", "0.45359237", "0.4536"),
    )
    code = gone.split(",")[2]
    assert lines(found) == [
        f"- code map code_map, row hosp_b, lab_result, {code}  (rows with this code have no meaning any more)",
        "+ code map code_map, row hosp_b, lab_result, NEW1",
        "~ units, conversion lb to kg: (x + 0.0) * 0.45359237 / 1.0 → (x + 0.0) * 0.4536 / 1.0",
    ]


def test_what_breaks_is_said(storage: MemoryStorage) -> None:
    documents = {path: text for path, text in DOCUMENTS.items() if not path.startswith("nodes/hosp_c/") and path != "policies/analyst.yaml"}
    found = {difference.what: difference for difference in plan(storage, documents).differences}
    assert found["hospital hosp_c",].breaks == "its rows are in no table any more"
    assert found["role analyst",].breaks == "accounts of this role are refused"
    assert all(difference.kind == "removed" for difference in found.values())
    assert {what for what in found if what[0].startswith("binding")} == {
        (f"binding hosp_c/{table}",)
        for table in ("condition", "encounter", "immunization", "lab_result", "medication", "patient", "vital_sign")
    }


def test_options_of_sources_are_compared_but_not_shown(storage: MemoryStorage) -> None:
    line = next(line for line in DOCUMENTS["nodes/hosp_b/node.yaml"].splitlines() if "url:" in line)
    with_option = f"{line}\n{line.split('url:')[0]}options: {{path: SECRET}}"
    documents = {**DOCUMENTS, "nodes/hosp_b/node.yaml": DOCUMENTS["nodes/hosp_b/node.yaml"].replace(line, with_option)}
    assert lines(plan(storage, documents)) == ["+ hospital hosp_b, source hive, option path"]
    other = MemoryStorage()
    apply(other, documents, base=0, who="Anna", why="")
    documents["nodes/hosp_b/node.yaml"] = documents["nodes/hosp_b/node.yaml"].replace("SECRET", "OTHER")
    assert lines(plan(other, documents)) == ["~ hospital hosp_b, source hive, option path: (not shown) → (not shown)"]


def test_a_broken_file_makes_no_plan_and_a_stale_plan_is_refused(storage: MemoryStorage) -> None:
    with pytest.raises(CatalogError):
        edited(storage, ("tables/patient.yaml", "columns:", "colums:"))
    other = MemoryStorage(dict(storage.objects))
    documents = {**DOCUMENTS, "catalog.yaml": "schema: health\n"}
    stale = plan(other, documents)
    assert (
        apply(other, {**DOCUMENTS, "policies/demo.yaml": DOCUMENTS["policies/demo.yaml"] + "# x\n"}, base=1, who="Ben", why="first")
        is not None
    )
    with pytest.raises(Conflict, match="2 by Ben"):
        apply(other, documents, base=stale.base, who="Anna", why="second")


def test_the_first_plan_adds_everything() -> None:
    found = plan(MemoryStorage(), DOCUMENTS)
    assert found.base == 0 and {difference.kind for difference in found.differences} == {"added"}
    assert ("table patient",) in {difference.what for difference in found.differences}
    assert found.files == tuple(sorted(DOCUMENTS))
