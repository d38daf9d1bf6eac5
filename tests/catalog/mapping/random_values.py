"""Random raw rows and random value sets around what came out of them."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from catalog.types import Type
from catalog.values import EMPTY, NOT_NULL, NULL_ONLY, Interval, ValueSet, text_successor

TEXTS = [
    "", " ", "a", "A", "ab", "a|b|c", "|", "a|", "||", "x^y", "M", "m", "F", "N/A", "-999", "é", "e\u0301", "\ud7ff", "\ue000", "😀", "\U0010ffff",
    "ａ１", "1", "01", "007", "-7", "-07", "5", " 5 ", "+5", "5.", ".5", "5.50", "1e5", "1e400", "1_000", "nan", "NaN", "inf", "-inf", "0", "-0", "0.0",
    "145.2 H", "<5", "≤ 5", ">=7.5 HH", "5H", "阳性", "++", "1:160", "1,234.50", "1,23", "1.234,50", "12,345,678",
    "J0190", "J01.90", "J01", "J01.", "J01..9", "J019.0", "I10", "I10.", "U071",
    "20210314", "20211107", "2021-03-14", "2021-3-14", "03/14/2021", "14/03/2021", "3/4/2021", "20210230", "2021-03-14 02:30:00", "2021-11-07 01:30:00",
    "20211107013000", "20211107023000", "20210314023000", "20201231233000", "2021-03-14T02:30:00", "0000-01-01", "9999-12-31",
    '{"a": "x"}', '{"a": null}', '{"b": 1}', "{", '{"a": 5}', "F", "Cel", "C", "℃", "mg/dL", "mmol/L", "2345-7", "lb", "true", "false",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "98.6000", "98.6", "-0.5000", "A-1-2", "a-", "-", "--",
]  # fmt: skip
INTEGERS = [
    0,
    1,
    -1,
    2,
    5,
    7,
    10,
    42,
    99,
    100,
    255,
    1000,
    -7,
    -1000,
    44_000,
    2**31,
    -(2**31),
    2**53,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    10**15,
]
TIMES = [1615706999999, 1615707000000, 1636263000000, 1636266600000, 1609459199999, 1609477200000, 1640995199999, 637_500_000_000_000_000]
DOUBLES = [0.0, -0.0, 0.5, 1.0, 36.6, 38.0, 100.4, 126.0, -40.0, 1e-320, 1e-7, 1e15, 1e16, 1e20, 1e308, -1e308, 44000.5, 44196.999999994, 2.5, 3.5,
           math.inf, -math.inf, math.nan]  # fmt: skip


def raw_value(random: Random, type: Type, special: list[Any]) -> Any:
    if random.random() < 0.08:
        return None
    if special and random.random() < 0.5:
        return random.choice(special)
    match type.name:
        case "text":
            return random.choice(TEXTS) if random.random() < 0.8 else "".join(random.choices("ab|-0159. ", k=random.randrange(6)))
        case "integer":
            return random.choice(INTEGERS + TIMES) if random.random() < 0.7 else random.randrange(-(10**4), 10**5)
        case "double":
            return random.choice(DOUBLES) if random.random() < 0.5 else round(random.uniform(-300, 300), random.randrange(5))
        case "decimal":
            return Decimal(random.choice([0, 5000, -5000, 986000, 1, -1, 10**17, random.randrange(-(10**7), 10**7)])).scaleb(-type.scale)
        case "boolean":
            return random.random() < 0.5
        case "date":
            return date(2021, 1, 1) + timedelta(days=random.randrange(-400, 400))
        case "timestamp":
            return _near_clock_change(random).replace(tzinfo=UTC)
        case "local_timestamp":
            return _near_clock_change(random)
        case "map":
            return [(key, random.choice(TEXTS)) for key in ("tel", "zip") if random.random() < 0.7]
    raise AssertionError(type)


def _near_clock_change(random: Random) -> datetime:
    base = random.choice([datetime(2021, 3, 14, 2), datetime(2021, 11, 7, 1), datetime(2021, 12, 31, 23), datetime(2021, 6, 1)])
    return base + timedelta(seconds=random.randrange(-20_000, 20_000), microseconds=random.choice([0, 1, 999_999]))


def random_set(random: Random, pool: list[Any]) -> ValueSet:
    """A set built of values of the pool and their neighbours."""
    kind = random.randrange(8)
    if kind == 0 or not pool:
        found = random.choice([NULL_ONLY, NOT_NULL, EMPTY])
    elif kind <= 2:
        found = ValueSet.of(*(_near(random, pool) for _ in range(random.randrange(1, 4))))
    elif kind == 3:
        found = ValueSet.of(*(_near(random, pool) for _ in range(random.randrange(1, 3)))).complement().without_null()
    elif kind == 4 and isinstance(pool[0], str):
        text = random.choice(pool)
        found = ValueSet.prefix(text[: random.randrange(len(text) + 1)])
    else:
        found = ValueSet.build(_interval(random, pool) for _ in range(random.randrange(1, 3)))
    return ValueSet(found.intervals, True) if random.random() < 0.15 else found


def _interval(random: Random, pool: list[Any]) -> Interval:
    low, high = sorted((_near(random, pool), _near(random, pool)))
    return Interval(
        None if random.random() < 0.3 else low, None if random.random() < 0.3 else high, random.random() < 0.5, random.random() < 0.5
    )


def _near(random: Random, pool: list[Any]) -> Any:
    value = random.choice(pool)
    if random.random() < 0.6:
        return value
    try:
        return _neighbour(random, value)
    except OverflowError:  # at the end of the calendar
        return value


def _neighbour(random: Random, value: Any) -> Any:
    match value:
        case bool():
            return not value
        case str():
            return random.choice([value + "a", value[:-1], text_successor(value) or value])
        case int():
            return value + random.choice([-1, 1])
        case float():
            return math.nextafter(value, random.choice([-math.inf, math.inf])) if random.random() < 0.5 else value + random.choice([-1, 1])
        case Decimal():
            return value + random.choice([-1, 1]) * Decimal("0.0001")
        case datetime():
            return value + random.choice([-1, 1]) * random.choice([timedelta(microseconds=1), timedelta(hours=1), timedelta(days=40)])
        case date():
            return value + random.choice([-1, 1]) * timedelta(days=random.choice([1, 30, 500]))
    raise AssertionError(value)
