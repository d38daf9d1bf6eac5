"""Every kind of mistake in a mapping file is reported with its code, its place and the names that may have been meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import Place
from tests.catalog.loader.small_catalog import FILES, changed, problems_of, write_catalog

TABLE, READING_TABLE, VIEW = "tables/person.yaml", "tables/reading.yaml", "tables/men.yaml"
NODE, SOUTH = "nodes/north/node.yaml", "nodes/south/node.yaml"
PERSON, READING, CELLS = "nodes/north/person.yaml", "nodes/north/reading.yaml", "nodes/south/reading.yaml"
CODES, POLICY = "codes/codes.yaml", "policies/clerk.yaml"

MISTAKES = {
    # YAML itself
    "a colon in a text": (PERSON, "weight:     Kilos", "weight:     Kilos«: 2", "C101", "mapping values", "quote"),
    "a tab": (VIEW, "  person_id:", "«\tperson_id:", "C101", "character '\\t'", "spaces, not tabs"),
    "an anchor": (TABLE, "  unit:       {type: text}", "  unit:       «&text {type: text}", "C101", "anchor &text", ""),
    "an alias": (TABLE, "  unit:       {type: text}", "  unit:       «*text", "C101", "alias *text", ""),
    "a Python tag": (VIEW, "{type: text}", "«!!python/object/apply:os.system ['id']", "C101", "tag", ""),
    "a second document": (VIEW, "columns:", "«---\ncolumns:", "C101", "second document", ""),
    "a duplicate key": (TABLE, "  unit:       {type: text}", "  unit:       {type: text}\n  «sex: {type: text}", "C105", "sex", "line 5"),
    # keys and forms
    "an unknown key": (TABLE, "unit_column: unit", "«unit_colum: unit", "C102", "unit_colum", "did you mean unit_column"),
    "a missing key": (TABLE, "unit:       {type: text}", "unit:       «{}", "C103", "type", ""),
    "a list for a text": (PERSON, "from: People", "from: «[People]", "C104", "list", "quoted"),
    "a number for a name": (PERSON, "source: warehouse", "source: «12", "C104", "12", "quote"),
    "a word not in the list": (TABLE, "nullable: false", "nullable: '«no'", "C104", "true or false", ""),
    "an unknown type": (TABLE, "{type: date,", "{type: «dat,", "C104", "dat", "did you mean date"),
    "a raw type for a virtual column": (TABLE, "unit:       {type: text}", "unit:       {type: «bytes}", "C104", "bytes", "timestamp"),
    "a decimal cut by its comma": (NODE, "Version: integer", "Version: «decimal(9", "C104", "decimal(9", "quote"),
    "an unknown time zone": (NODE, "Europe/Berlin", "«Europe/Berlim", "C104", "Europe/Berlim", "Europe/Berlin"),
    "a file not named after its table": (READING_TABLE, "table: reading", "table: «readings", "C104", "readings", "same name"),
    "a folder not named after its hospital": (NODE, "node: north", "node: «south", "C104", "south", "same name"),
    # names within the catalog
    "an unknown virtual table": ("nodes/north/persn.yaml", None, "table: «persn\nsource: warehouse\nfrom: People\ncolumns: {a: x}\n", "C202", "persn", "did you mean person"),
    "a binding of a view": ("nodes/north/men.yaml", None, "table: «men\nsource: warehouse\nfrom: People\ncolumns: {person_id: x}\n", "C202", "men is a view", ""),
    "an unknown virtual column": (PERSON, "absent: [cost]", "absent: [cost, «weigt]", "C204", "weigt", "did you mean weight"),
    "an unknown virtual column in columns": (PERSON, "  weight: ", "  weight: Kilos\n  «birthdate: ", "C204", "birthdate", "birth_date"),
    "an unknown column in a key": (TABLE, "key: [node, person_id]", "key: [node, «person]", "C204", "person", "person_id"),
    "an unknown unit column": (TABLE, "unit_column: unit", "unit_column: «units", "C204", "units", "did you mean unit"),
    "a column without expression": (PERSON, "absent: [cost]\ncolumns:", "«columns:", "C209", "cost", "absent"),
    "a column said twice": (PERSON, "absent: [cost]", "absent: [cost, «unit]", "C105", "unit", "line 4"),
    "an absent column that may not be NULL": (CELLS, FILES[CELLS][FILES[CELLS].index("columns"):], "absent: [«person_id]\ncolumns: {reading_id: code, code: code}\n", "C210", "person_id", "expression"),
    "a relationship to an unknown table": (TABLE, "table: reading", "table: «redaing", "C202", "redaing", "did you mean reading"),
    "a relationship over an unknown column": (TABLE, "person_id: person_id}", "person_id: «persn_id}", "C204", "persn_id", "person_id"),
    "a relationship between two types": (TABLE, "person_id: person_id}", "birth_date: «person_id}", "C104", "birth_date is date", "one type"),
    "a relationship named like a column": (TABLE, "  readings: {", "  «unit: {", "C105", "unit", ""),
    # sources
    "a password in a url": (NODE, "url: env:NORTH", "url: «hive://me:hunter2@host/db", "C104", "password", "env:NAME"),
    "a secret among the options": (NODE, "url: env:NORTH", "options: {password: «hunter2}", "C104", "password", "env:NAME"),
    "a code map file of another name": ("codes/lookups.yaml", None, "«lookups: {}\n", "C104", "not be read", "codes.yaml"),
    "a binding outside of its hospital": ("nodes/person.yaml", None, "«table: person\n", "C104", "not be read", "hospital"),
    # names of sources
    "an unknown source": (PERSON, "source: warehouse", "source: «warehose", "C201", "warehose", "did you mean warehouse"),
    "an unknown source table": (PERSON, "from: People", "from: «Peeple", "C201", "Peeple", "did you mean People"),
    "an unknown joined table": (READING, "join People p", "join «Person p", "C201", "Person", "People"),
    "an unknown column of a join": (READING, "= v.PersonId", "= v.«PersonIdd", "C203", "PersonIdd", "did you mean PersonId"),
    "an unknown prefix in a join": (READING, "on p.", "on «q.", "C203", "prefix q", "p, v"),
    "a join that joins nothing": (READING, "on p.PersonId = v.PersonId", "on «p.PersonId = p.Sex", "C208", "does not join", ""),
    "an unreadable from": (READING, "join People p on", "join People p «where", "C208", "expected on", "from reads"),
    "an unknown wide family": (CELLS, "from: obs.v", "from: obs.«w", "C201", "no wide family w", "v"),
    "an unknown raw column in latest_by": (READING, "order: [v.Version desc]", "order: [«v.Versoin desc]", "C203", "v.Versoin", "v.Version"),
    "an unqualified raw column beside a join": (READING, "key: [v.PersonId,", "key: [«PersonId,", "C203", "PersonId", "qualify"),
    "an order that is none": (READING, "v.Version desc", "«v.Version down", "C104", "down", "desc or asc"),
    "an unknown column in a source's key": (NODE, "key: [VisitId]", "key: [«VisitID2]", "C203", "VisitID2", "VisitId"),
    "two columns that differ in case only": (NODE, "Version: integer", "Version: integer, «CODE: text", "C105", "CODE", ""),
    "an unknown partition function": (NODE, "local_year(Born)", "«local_yaer(Born)", "C206", "local_yaer", "did you mean local_year"),
    "a partition of an unknown column": (NODE, "local_year(Born)", "«local_year(Bron)", "C203", "Bron", "did you mean Born"),
    # lookups
    "an unknown lookup": (READING, "lookup: code_map", "lookup: «codemap", "C205", "codemap", "did you mean code_map"),
    "an unknown key column of a lookup": (READING, "where: {node: north}", "where: {node: north, «domain: x}", "C205", "domain", "node"),
    "a lookup without its whole key": (READING, "  item: {lookup: code_map, where: {node: north},", "  «item: {lookup: code_map,", "C205", "node", "where or key"),
    "a lookup named like a joined table": (READING, "columns:", "  «P: {lookup: code_map, key: {node: v.Code, source_code: v.Code}}\ncolumns:", "C105", "P", "another"),
    "an unknown file of a lookup": (CODES, "file: code_map.csv", "file: «code_mop.csv", "C104", "code_mop.csv", "did you mean code_map.csv"),
    "a file outside the folder": (CODES, "file: code_map.csv", "file: «../secret.csv", "C104", "../secret.csv", ""),
    "an unknown column of a CSV file": ("codes/code_map.csv", "node,source_code,code", "«node,sourcecode,code", "C205", "source_code", "sourcecode"),
    "a key that stands twice in a CSV file": ("codes/code_map.csv", "north,B,2", "«north,A,2", "C105", "north, A", "line 2"),
    "an empty key in a CSV file": ("codes/code_map.csv", "north,B,2", "«north,,2", "C104", "empty", "whole key"),
    "a row of a CSV file that is too short": ("codes/code_map.csv", "north,B,2", "«north,B", "C104", "2 cells", ""),
    "a conversion that stands twice": ("codes/conversions.csv", None, "source_unit,unit,loinc,add,multiply,divide\nlb,kg,,0,0.45,1\n«lb,kg,,0,0.46,1\n", "C105", "lb to kg", "line 2"),
    "a conversion that divides by zero": ("codes/conversions.csv", "0.45359237,1", "«0.45359237,0", "C104", "zero", ""),
    # HBase layouts
    "an unknown codec": (SOUTH, "{name: mrn, type: i64be}", "{name: mrn, type: «i64b}", "C215", "i64b", "did you mean i64be"),
    "a segment without width": (SOUTH, "width: 8, reversed: true}\n            - {name: since, type: digits, width: 13}", "width: 8, reversed: true}\n            - «{name: since, type: digits}", "C215", "since", "width"),
    "a width that is not the codec's": (SOUTH, "{name: mrn, type: i64be}", "{name: mrn, type: i64be, width: «4}", "C215", "8 bytes, not 4", ""),
    "a salt of an unknown segment": (SOUTH, "of: mrn", "of: «mnr", "C215", "mnr", "did you mean mrn"),
    "a salt with too many buckets": (SOUTH, "salt: {hash: crc32, of: mrn, modulo: 8}", "salt: «{hash: crc32, of: mrn, modulo: 300}", "C215", "300", ""),
    "a name used twice in a layout": (SOUTH, "name: {column: 'd:name'", "mrn: «{column: 'd:name'", "C215", "mrn", ""),
    "a range of an unknown field": (SOUTH, "ranges: {second: [0, 86399]}", "ranges: {secnd: «[0, 86399]}", "C215", "secnd", "did you mean second"),
    "two texts that run together": (SOUTH, "['code:text', ':', 'second:i32be']", "«['code:text', 'unit:text', 'second:i32be']", "C215", "unit", "constant"),
    "a decimal without precision": (SOUTH, "'decimal_be(19,4)'", "«decimal_be", "C215", "decimal_be", "decimal_be(19,4)"),
    # policies
    "a policy for an unknown table": (POLICY, "  person:", "  «preson:", "C213", "preson", "did you mean person"),
    "a policy hiding an unknown column": (POLICY, "hide: [cost]", "hide: [«costs]", "C213", "costs", "did you mean cost"),
    "an unknown tag": (POLICY, "direct_identifier: token", "«direct_identifer: token", "C213", "direct_identifer", "direct_identifier"),
    "an unknown mask": (POLICY, "direct_identifier: token", "direct_identifier: «tokn", "C104", "tokn", "did you mean token"),
    "a mask for an unknown column": (POLICY, "person.unit:", "«person.units:", "C213", "units", "did you mean unit"),
    "a year of a text": (POLICY, "direct_identifier: token", "direct_identifier: «year", "C213", "person_id", "'null'"),
    "a mask of a column that does not fit": (POLICY, "{person.unit: 'null'}", "{person.weight: «token}", "C213", "double", "'null'"),
    "a mask that does not fit the type": (POLICY, "date_of_person: year", "date_of_person: «token", "C213", "birth_date", "'null'"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_reported_alone_with_its_code_place_and_near_name(name: str, tmp_path: Path) -> None:
    file, old, new, code, fact, hint = MISTAKES[name]
    text, place = changed(file, old, new)
    problems = problems_of(write_catalog(tmp_path, {file: text}))
    assert [problem.code for problem in problems] == [code], problems
    found = problems[0]
    # A fault of a whole file has no line, a row of a CSV file no column.
    assert found.place in (place, Place(file, place.line) if file.endswith(".csv") else Place(file)), found
    assert place.line == 1 or found.place.line == place.line, found
    assert "hunter2" not in str(found)
    assert fact in found.fact
    assert hint in found.hint
