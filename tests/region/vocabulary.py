"""The constants of random statements: values of the data, near misses, and the edges at which hospitals differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from tests.region.oracle import TABLES, Oracle

_KINDS = {"VARCHAR": "text", "DOUBLE": "double", "DECIMAL(19,4)": "decimal", "DATE": "date", "TIMESTAMP WITH TIME ZONE": "timestamp"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ODD_TEXTS = (
    "",
    " ",
    "%",
    "_",
    "'",
    "O'Neil",
    "N/A",
    "null",
    "-999",
    "次/分",
    "℃",
    "\\",
    "zzzz",
    "0",
    "hosp_a",
    "hosp_b",
    "hosp_c",
    "hosp_d",
    "ÿ",
)
ODD_DOUBLES = (0.0, -0.0, -1.5, 37.999999999999996, 38.0, 100.4, 140.0, 6.993938142476520, 7.0, 1e308, -1e308, 5.0, 39.9999999, 1e-300)
ODD_DECIMALS = ("0", "0.0", "0.0001", "-0.01", "1234.5", "1234.50", "99999999999999.9999", "694820.26")
ODD_DATES = ("2024-02-29", "2021-01-01", "2020-12-31", "1900-01-01", "2025-12-31", "2026-01-01", "9999-12-31", "0001-01-01")
ODD_INSTANTS = (
    "2021-01-01 00:00:00+00",
    "2021-12-31 23:59:59.999999+00",
    "2023-12-31 23:30:00-05",
    "2024-01-01 04:59:59.999999+00",
    "2025-01-01 05:00:00+00",
    "2024-11-03 05:30:00+00",
    "2024-11-03 06:30:00+00",
    "2023-11-05 05:00:00+00",
    "2023-11-05 07:00:00+00",
    "2024-03-10 07:00:00+00",
    "2022-11-06 01:30:00-04",
    "2022-11-06 01:30:00-05",
    "1969-12-31 23:59:59+00",
    "2200-01-01 00:00:00+00",
)


@dataclass(frozen=True, slots=True)
class VirtualColumn:
    """One column of a virtual table. `kind` is text, double, decimal, date or timestamp."""

    table: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What there is to ask about: columns of each table, and some values of each column (None never among them)."""

    tables: Mapping[str, Sequence[VirtualColumn]]
    values: Mapping[VirtualColumn, Sequence[Any]]
    patients: Sequence[Mapping[VirtualColumn, Sequence[Any]]]
    """Some patients: of each, per column, the values of a few of its rows, in the same order for the columns of a table."""

    def column(self, table: str, name: str) -> VirtualColumn:
        return next(column for column in self.tables[table] if column.name == name)


def read_vocabulary(oracle: Oracle, sample: int = 160) -> Vocabulary:
    """Per column: the rarest and most frequent values, the extremes, and a fixed sample of the rest."""
    tables = {table: [VirtualColumn(table, name, _KINDS[type]) for name, type in oracle.columns(table).items()] for table in TABLES}
    columns = [column for found in tables.values() for column in found]
    values = {column: _sample(oracle, column, sample) for column in columns}
    return Vocabulary(tables, values, _patients(oracle, tables))


def _patients(
    oracle: Oracle, tables: Mapping[str, Sequence[VirtualColumn]], count: int = 90
) -> Sequence[Mapping[VirtualColumn, Sequence[Any]]]:
    chosen = oracle.rows(f"SELECT node, patient_id FROM patient ORDER BY md5(patient_id) LIMIT {count}").to_pylist()
    found: list[dict[VirtualColumn, Sequence[Any]]] = [{} for _ in chosen]
    for table, columns in tables.items():
        selected = ", ".join(_selected(column) for column in columns)
        for index, person in enumerate(chosen):
            where = f"node = {quoted(person['node'])} AND patient_id = {quoted(person['patient_id'])}"
            rows = oracle.rows(f"SELECT {selected} FROM {table} WHERE {where} ORDER BY md5({columns[1].name} || node) LIMIT 4")
            found[index].update({column: rows.column(column.name).to_pylist() for column in columns if rows.num_rows})
    return found


def _selected(column: VirtualColumn) -> str:
    return f'epoch_us("{column.name}") AS "{column.name}"' if column.kind == "timestamp" else f'"{column.name}"'


def _sample(oracle: Oracle, column: VirtualColumn, size: int) -> Sequence[Any]:
    rows = oracle.rows(
        f"WITH v AS (SELECT {_selected(column).split(' AS ')[0]} AS v, count(*) AS n FROM {column.table} WHERE v IS NOT NULL GROUP BY 1) "
        f"(SELECT v FROM v ORDER BY n DESC, v LIMIT {size // 4}) UNION (SELECT v FROM v ORDER BY v LIMIT 3) UNION "
        f"(SELECT v FROM v ORDER BY v DESC LIMIT 3) UNION (SELECT v FROM v ORDER BY md5(v::VARCHAR) LIMIT {size}) ORDER BY 1"
    )
    return rows.column(0).to_pylist() or [_default(column.kind)]


def _default(kind: str) -> Any:
    return {"text": "<", "double": 1.0, "decimal": Decimal("1.0000"), "date": date(2024, 1, 1), "timestamp": 1_704_067_200_000_000}[kind]


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class Focus:
    """One patient's rows: half of a statement's constants come from them, so that its conditions meet."""

    def __init__(self, random: Random, vocabulary: Vocabulary) -> None:
        self.random, self.vocabulary = random, vocabulary
        self.values = random.choice(vocabulary.patients)
        self.row, self.loyalty = random.randint(0, 3), 66

    def value(self, column: VirtualColumn) -> Any:
        own = self.values.get(column, ())
        value = own[self.row % len(own)] if own and self.random.randint(1, 100) <= self.loyalty else None
        return self.random.choice(self.vocabulary.values[column]) if value is None else value

    def constant(self, column: VirtualColumn) -> str:
        """A constant in PostgreSQL's SQL to compare the column with: mostly a value it has, sometimes close to one, sometimes odd."""
        return _WRITERS[column.kind](self.random, self.value(column))

    def bounds(self, column: VirtualColumn) -> tuple[str, str]:
        """Two constants, mostly the lower one first."""
        values = sorted((self.value(column), self.value(column)), reverse=not self.random.randint(0, 9))
        low, high = (_WRITERS[column.kind](self.random, value) for value in values)
        return low, high

    def text(self, column: VirtualColumn) -> str:
        return _text(self.random, self.value(column))


def _text(random: Random, value: str) -> str:
    match random.randint(0, 15):
        case 0:
            return random.choice(ODD_TEXTS)
        case 1:
            return value.swapcase()
        case 2:
            return value.lower()
        case 3:
            return value[: random.randint(0, len(value))]
        case 4:
            return random.choice((value + " ", " " + value, value + "0", "0" + value, value[1:]))
        case _:
            return value


def _write_text(random: Random, value: str) -> str:
    return quoted(_text(random, value))


def _write_double(random: Random, value: float) -> str:
    match random.randint(0, 9):
        case 0:
            value = random.choice(ODD_DOUBLES)
        case 1:
            value = math.nextafter(value, math.inf if random.randint(0, 1) else -math.inf)
        case 2:
            value = round(value, random.randint(0, 2))
        case 3:
            return str(int(value))
    return _plain(value) if random.randint(0, 3) else f"CAST({_plain(value)} AS double precision)"


def _plain(value: float) -> str:
    """The double as a decimal text or with an exponent, always so that it reads back as the same double."""
    return repr(value)


def _write_decimal(random: Random, value: Decimal) -> str:
    match random.randint(0, 7):
        case 0:
            return random.choice(ODD_DECIMALS)
        case 1:
            return str(value + random.choice((Decimal("0.0001"), Decimal("-0.0001"), Decimal(1))))
        case 2:
            return str(value.quantize(Decimal(1)))
        case _:
            return str(value)


def _write_date(random: Random, value: date) -> str:
    match random.randint(0, 7):
        case 0:
            text = random.choice(ODD_DATES)
        case 1:
            text = str(value + timedelta(days=random.choice((-1, 1))))
        case 2:
            text = f"{value.year}-{random.choice(('01-01', '12-31'))}"
        case _:
            text = str(value)
    return random.choice((f"'{text}'", f"DATE '{text}'", f"CAST('{text}' AS date)"))


def _write_instant(random: Random, value: int) -> str:
    match random.randint(0, 9):
        case 0 | 1:
            text = random.choice(ODD_INSTANTS)
        case 2:
            text = _iso(value + random.choice((-1, 1, 1_000_000, -1_000_000, 3_600_000_000)))
        case 3:
            text = f"{(_EPOCH + timedelta(microseconds=value)).date()}"
        case 4:
            text = _iso(value)[:19]
        case _:
            text = _iso(value)
    return random.choice((f"'{text}'", f"TIMESTAMPTZ '{text}'", f"CAST('{text}' AS timestamptz)", f"'{text}'::timestamptz"))


def _iso(microseconds: int) -> str:
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat(sep=" ")


_WRITERS: Mapping[str, Callable[[Random, Any], str]] = {
    "text": _write_text,
    "double": _write_double,
    "decimal": _write_decimal,
    "date": _write_date,
    "timestamp": _write_instant,
}
