"""A catalog of two small hospitals that has nothing wrong with it, to be broken on purpose."""

from __future__ import annotations

from pathlib import Path

from catalog.errors import CatalogError, Place, Problem
from catalog.loader import load_catalog

MARK = "«"
"""Stands in a test's text where the mistake is: the place that the error must name."""

FILES = {
    "tables/person.yaml": """\
table: person
key: [node, person_id]
columns:
  person_id:  {type: text, nullable: false, tags: [direct_identifier]}
  sex:        {type: text, values: [male, female]}
  birth_date: {type: date, tags: [date_of_person]}
  weight:     {type: double, unit_column: unit}
  unit:       {type: text}
  cost:       {type: 'decimal(19,4)'}
relationships:
  readings: {table: reading, join: {node: node, person_id: person_id}, many: true}
""",
    "tables/reading.yaml": """\
table: reading
key: [node, reading_id]
columns:
  reading_id: {type: text, nullable: false}
  person_id:  {type: text, nullable: false}
  code:       {type: text}
""",
    "tables/men.yaml": """\
table: men
key: [node, person_id]
view: select node, person_id from person where sex = 'male'
columns:
  person_id: {type: text}
""",
    "nodes/north/node.yaml": """\
node: north
zone: Europe/Berlin
sources:
  warehouse:
    adapter: hive
    url: env:NORTH
    tables:
      People:
        columns:
          PersonId: text
          Sex: text
          Born: text
          Kilos: double
          Tags: list(struct(code text, at text))
          Year: integer
        key: [PersonId]
        partitions: {Year: local_year(Born)}
      Visits:
        columns: {VisitId: bigint, PersonId: text not null, Code: text not null, Version: integer}
        key: [VisitId]
        zone: Asia/Tokyo
""",
    "nodes/north/person.yaml": """\
table: person
source: warehouse
from: People
constants: {unit: kg}
absent: [cost]
columns:
  person_id:  PersonId
  sex:        recode(Sex, 'M', 'male', 'F', 'female')
  birth_date: parse_date(Born, 'yyyyMMdd')
  weight:     Kilos
""",
    "nodes/north/reading.yaml": """\
table: reading
source: warehouse
from: Visits v join People p on p.PersonId = v.PersonId
latest_by: {key: [v.PersonId, v.Code], order: [v.Version desc]}
lookups:
  item: {lookup: code_map, where: {node: north}, key: {source_code: v.Code}}
columns:
  reading_id: v.VisitId::varchar
  person_id:  p.PersonId
  code:       item.code
""",
    "nodes/south/node.yaml": """\
node: south
zone: Asia/Shanghai
sources:
  cells:
    adapter: hbase
    tables:
      obs:
        row_key:
          segments:
            - {name: salt, type: u8, salt: {hash: crc32, of: mrn, modulo: 8}}
            - {name: mrn, type: i64be}
            - {name: day, type: i64be, subtract_from: 9223372036854775807}
        wide:
          v: {family: v, qualifier: ['code:text', ':', 'second:i32be'], value: 'val:f64be', ranges: {second: [0, 86399]}}
      people:
        row_key:
          delimiter: '|'
          segments:
            - {name: mrn, type: text, width: 8, reversed: true}
            - {name: since, type: digits, width: 13}
        cells:
          sex:  {column: 'd:sex', type: text}
          fee:  {column: 'd:fee', type: 'decimal_be(19,4)'}
          name: {column: 'd:name', type: text, required: true}
""",
    "nodes/south/reading.yaml": """\
table: reading
source: cells
from: obs.v
columns:
  reading_id: concat(digits(mrn, 8), '-', code)
  person_id:  digits(mrn, 8)
  code:       code
""",
    "codes/codes.yaml": """\
lookups:
  code_map: {file: code_map.csv, key: [node, source_code], values: [code], version: 2026-01}
units: {conversions: conversions.csv, spellings: spellings.csv}
""",
    "codes/code_map.csv": "node,source_code,code\nnorth,A,1\nnorth,B,2\n",
    "codes/conversions.csv": "source_unit,unit,loinc,add,multiply,divide\nlb,kg,,0,0.45359237,1\n",
    "codes/spellings.csv": "spelling,unit\nbpm,/min\n",
    "policies/clerk.yaml": """\
role: clerk
tables:
  person: {filter: "sex = 'male'", hide: [cost]}
masks:
  direct_identifier: token
  date_of_person: year
columns: {person.unit: 'null'}
max_rows: 100
""",
}


def write_catalog(folder: Path, changes: dict[str, str] | None = None) -> Path:
    """Write the catalog, with files replaced or added."""
    for name, text in {**FILES, **(changes or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def changed(file: str, old: str | None, new: str) -> tuple[str, Place]:
    """The file's text with `old`, which stands in it once, replaced by `new` (None: a new file), and the place of the mark."""
    if old is None:
        text = new
    else:
        assert FILES[file].count(old) == 1, old
        text = FILES[file].replace(old, new)
    before, _, after = text.partition(MARK)
    return before + after, Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))


def problems_of(folder: Path) -> tuple[Problem, ...]:
    """The problems of loading a folder, none if it loads."""
    try:
        load_catalog(folder)
    except CatalogError as error:
        return error.problems
    return ()
