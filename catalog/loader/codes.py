"""Reads codes/codes.yaml and its CSV files into lookups and unit tables."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from catalog.errors import Place, near_names
from catalog.loader.document import Entries, read_text
from catalog.loader.forms import Reading, read_form
from catalog.loader.problems import Problems
from catalog.loader.shapes import CODES
from catalog.model import Conversion, Lookup, Units

MAXIMUM_CSV_BYTES = 64 << 20
_CONVERSION = ("source_unit", "unit", "loinc", "add", "multiply", "divide")
_SPELLING = ("spelling", "unit")


@dataclass(frozen=True, slots=True)
class _Table:
    """The asked columns of a CSV file: each row with its line; empty cells are None."""

    file: str
    rows: tuple[tuple[int, tuple[str | None, ...]], ...]
    digest: str


def read_codes(document: Entries, folder: Path, problems: Problems) -> tuple[dict[str, Lookup], Units]:
    reading = read_form(document, CODES, problems)
    lookups: dict[str, Lookup] = {}
    for name, data in reading.data.get("lookups", {}).items():
        if {"file", "key", "values"} <= data.keys():
            lookups[name] = _lookup(name, data, reading, folder, problems)
    return lookups, _units(reading.data.get("units", {}), reading, folder, problems)


def _lookup(name: str, data: dict[str, Any], reading: Reading, folder: Path, problems: Problems) -> Lookup:
    key, values = tuple(data["key"]), tuple(data["values"])
    for index, value in enumerate(values):
        if value in key or value in values[:index]:
            problems.add("C105", reading.at("lookups", name, "values", str(index)), f"the column {value} is named twice")
    table = _read_csv(data["file"], key + values, reading.at("lookups", name, "file"), folder, problems)
    if table is not None:
        _check_keys(table, len(key), f"key {', '.join(key)}", problems)
    rows = tuple(row for _, row in table.rows) if table is not None else ()
    digest = table.digest if table is not None else ""
    return Lookup(name=name, key=key, values=values, rows=rows, version=data.get("version", ""), digest=digest)


def _check_keys(table: _Table, width: int, words: str, problems: Problems) -> None:
    """Each key is whole and stands once."""
    first: dict[tuple[str | None, ...], int] = {}
    for line, row in table.rows:
        key = row[:width]
        if None in key:
            problems.add("C104", Place(table.file, line), f"a cell of the {words} is empty", "every row of a code map has its whole key")
        elif key in first:
            hint = f"the first is at line {first[key]}"
            problems.add("C105", Place(table.file, line), f"the {words} = {', '.join(str(part) for part in key)} stands twice", hint)
        else:
            first[key] = line


def _units(data: dict[str, Any], reading: Reading, folder: Path, problems: Problems) -> Units:
    conversions: list[Conversion] = []
    spellings: dict[str, str] = {}
    digest = sha256()
    if "conversions" in data:
        table = _read_csv(data["conversions"], _CONVERSION, reading.at("units", "conversions"), folder, problems)
        if table is not None:
            digest.update(table.digest.encode())
            conversions = list(_conversions(table, problems))
    if "spellings" in data:
        table = _read_csv(data["spellings"], _SPELLING, reading.at("units", "spellings"), folder, problems)
        if table is not None:
            digest.update(table.digest.encode())
            _check_keys(table, 1, "spelling", problems)
            spellings = {str(spelling): str(unit) for _, (spelling, unit) in table.rows}
    return Units(conversions=tuple(conversions), spellings=spellings, digest=digest.hexdigest())


def _conversions(table: _Table, problems: Problems) -> Iterator[Conversion]:
    first: dict[tuple[str, str, str | None], int] = {}
    for line, (source_unit, unit, loinc, *factors) in table.rows:
        place = Place(table.file, line)
        if source_unit is None or unit is None:
            problems.add("C104", place, "a conversion lacks source_unit or unit")
            continue
        if (source_unit, unit, loinc) in first:
            hint = f"the first is at line {first[source_unit, unit, loinc]}"
            problems.add("C105", place, f"the conversion from {source_unit} to {unit} for {loinc or 'any analyte'} stands twice", hint)
        first.setdefault((source_unit, unit, loinc), line)
        numbers = [_number(text) for text in factors]
        add, multiply, divide = numbers
        if add is None or not multiply or not divide:
            problems.add("C104", place, "add, multiply and divide must be finite numbers, the last two not zero")
            continue
        yield Conversion(source_unit=source_unit, unit=unit, loinc=loinc, add=add, multiply=multiply, divide=divide)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _read_csv(name: str, columns: tuple[str, ...], place: Place, folder: Path, problems: Problems) -> _Table | None:
    file = f"codes/{name}"
    if "/" in name or "\\" in name or name.startswith("."):
        problems.add("C104", place, f"{name} is not the name of a file in codes/", "a code map stands beside codes.yaml")
        return None
    if not (folder / "codes" / name).is_file():
        known = [path.name for path in sorted((folder / "codes").glob("*.csv"))]
        problems.add("C104", place, f"there is no file {file}", near_names(name, known))
        return None
    text = read_text(folder / "codes" / name, file, problems, MAXIMUM_CSV_BYTES)
    if text is None:
        return None
    rows = _csv_rows(text, file, columns, problems)
    return None if rows is None else _Table(file, rows, sha256(text.encode()).hexdigest())


def _csv_rows(text: str, file: str, columns: tuple[str, ...], problems: Problems) -> tuple[tuple[int, tuple[str | None, ...]], ...] | None:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: list[tuple[int, tuple[str | None, ...]]] = []
    try:
        header = next(reader, [])
        missing = [column for column in columns if column not in header]
        for column in missing:
            problems.add("C205", Place(file, 1), f"the file has no column {column}", near_names(column, header))
        if missing:
            return None
        positions = [header.index(column) for column in columns]
        for cells in reader:
            if len(cells) == len(header):
                found.append((reader.line_num, tuple(cells[position] or None for position in positions)))
            elif cells:
                problems.add("C104", Place(file, reader.line_num), f"the row has {len(cells)} cells, the header {len(header)}")
    except csv.Error:
        problems.add("C101", Place(file, reader.line_num), "the file is not readable CSV", "quote a cell that holds a comma or a quote")
        return None
    return tuple(found)
