"""Instants, local times and dates: epoch numbers, serial numbers, texts, zones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlglot import exp

from catalog.conditions import Condition, inexact
from catalog.mapping import sql
from catalog.mapping.errors import wrong_arguments
from catalog.mapping.functions.base import (
    INTEGERS,
    TEXTS,
    Forward,
    Inverse,
    MappingFunction,
    Parameter,
    Verdicts,
    literal,
    require,
    verdicts,
)
from catalog.mapping.functions.formats import TimeFormat, contradict, parse_format
from catalog.mapping.tree import Call, Literal, Node
from catalog.types import DATE, INTEGER, TIMESTAMP, Type
from catalog.values import Interval, ValueSet

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LEAST_INSTANT, GREATEST_INSTANT = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The first and the last microsecond of the years 1 to 9999: numbers beyond are no times, but marks such as 'for ever'."""

CLOCK_CHANGE = timedelta(hours=2)
"""How far local time may run backwards or stand still: the widening of bounds in local time."""

MAX_DAYS = 400


def microseconds(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(microseconds=1)


def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise wrong_arguments(f"unknown time zone {name}", "an IANA name such as America/New_York") from None


# --------------------------------------------------------------------------------------------------- numbers


class WholeTime(MappingFunction):
    """An instant from a whole number. Bounds go back exactly, within what an instant can hold."""

    copies = 2
    parameters = (Parameter("number", INTEGERS),)
    returns = TIMESTAMP
    fails = True
    verdicts = verdicts("E E E - - N")

    def numbers(self, least: int, greatest: int) -> tuple[int, int]:
        """The least and the greatest number whose instant lies from `least` to `greatest` microseconds."""
        raise NotImplementedError

    def instants(self, number: int) -> int:
        """The microseconds of a number."""
        raise NotImplementedError

    def micro(self, number: exp.Expr) -> exp.Expr:
        """The same, in DuckDB."""
        raise NotImplementedError

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        number = sql.cast(arguments[0], INTEGER) if isinstance(call.arguments[0], Literal) else arguments[0]
        least, greatest = (sql.integer(bound) for bound in self.numbers(LEAST_INSTANT, GREATEST_INSTANT))
        possible = exp.Between(this=sql.wrapped(number.copy()), low=least, high=greatest)
        return sql.when((possible, sql.function("make_timestamptz", self.micro(number))))

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        found = [Interval(*self.numbers(*closed_microseconds(interval)), True, True) for interval in wanted.intervals]
        return context.preimage(call.arguments[0], ValueSet.build(found))


def closed_microseconds(interval: Interval) -> tuple[int, int]:
    """The microseconds in an interval of instants, both ends included."""
    low = LEAST_INSTANT if interval.low is None else microseconds(interval.low) + (0 if interval.low_closed else 1)
    high = GREATEST_INSTANT if interval.high is None else microseconds(interval.high) - (0 if interval.high_closed else 1)
    return low, high


class FromEpoch(WholeTime):
    """The instant so many seconds, milliseconds or microseconds after 1970 (UTC)."""

    def __init__(self, name: str, scale: int) -> None:
        self.name, self.scale = name, scale

    def micro(self, number: exp.Expr) -> exp.Expr:
        return number if self.scale == 1 else exp.Mul(this=sql.wrapped(number), expression=sql.integer(self.scale))

    def numbers(self, least: int, greatest: int) -> tuple[int, int]:
        return -(-least // self.scale), greatest // self.scale

    def instants(self, number: int) -> int:
        return number * self.scale


class DotnetTicks(WholeTime):
    """The instant of .NET ticks (100 ns since the year 1, UTC); the last digit is cut."""

    name = "dotnet_ticks"
    _OFFSET = 62_135_596_800_000_000

    def micro(self, number: exp.Expr) -> exp.Expr:
        return exp.Sub(this=exp.IntDiv(this=sql.wrapped(number), expression=sql.integer(10)), expression=sql.integer(self._OFFSET))

    def numbers(self, least: int, greatest: int) -> tuple[int, int]:
        return (least + self._OFFSET) * 10, (greatest + self._OFFSET) * 10 + 9

    def instants(self, number: int) -> int:
        return number // 10 - self._OFFSET


# ------------------------------------------------------------------------------------------------------ texts


def read_text(text: exp.Expr, format: TimeFormat) -> exp.Expr:
    """The local time a text says, NULL unless it is spelled exactly as the format writes it."""
    matched = sql.function("regexp_full_match", text.copy(), sql.text(format.pattern))
    return sql.when((matched, sql.function("try_strptime", text, sql.text(format.strptime))))


class ParseDate(MappingFunction):
    """parse_date(x, 'yyyyMMdd', ...): the date a text says; formats are tried in order."""

    name = "parse_date"
    copies = 8
    parameters = (Parameter("text", TEXTS), Parameter("format", ("text",), True))
    repeats = 1
    returns = DATE
    fails = True
    verdicts = verdicts("E N S - - N")

    def type_of(self, arguments: Sequence[Node]) -> Type:
        formats = _formats(arguments[1:])
        for index, format in enumerate(formats):
            require(not format.has_time, f"the format {format.text!r} has a time", "use local_date(local_time(x, format))")
            for other in formats[:index]:
                fact = f"the formats {other.text!r} and {format.text!r} can read one text differently"
                require(not contradict(other, format), fact, "give only one of them")
        return DATE

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        read = [sql.cast(read_text(arguments[0].copy(), format), DATE) for format in _formats(call.arguments[1:])]
        return read[0] if len(read) == 1 else sql.function("coalesce", *read)

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        formats = _formats(call.arguments[1:])
        points = wanted.points()
        if points is not None:
            return context.preimage(call.arguments[0], ValueSet.of(*(f.write(day) for f in formats for day in points)))
        found = ValueSet()
        for format in formats:
            texts = _sorted_texts(wanted, format) if format.sortable else _listed_texts(wanted, format)
            if texts is None:
                return None
            found = found | texts
        return context.preimage(call.arguments[0], found)


def _formats(nodes: Sequence[Node]) -> list[TimeFormat]:
    return [parse_format(literal(node)) for node in nodes]


def _sorted_texts(days: ValueSet, format: TimeFormat) -> ValueSet:
    return ValueSet.build(
        Interval(
            None if i.low is None else format.write(i.low), None if i.high is None else format.write(i.high), i.low_closed, i.high_closed
        )
        for i in days.intervals
    )


def _listed_texts(days: ValueSet, format: TimeFormat) -> ValueSet | None:
    """Each day's text, for at most MAX_DAYS days; None if there are more."""
    texts: list[str] = []
    for interval in days.intervals:
        if interval.low is None or interval.high is None or len(texts) + (interval.high - interval.low).days > MAX_DAYS:
            return None
        span = range((interval.high - interval.low).days + 1)
        texts += [format.write(interval.low + timedelta(days=n)) for n in span if interval.contains(interval.low + timedelta(days=n))]
    return ValueSet.of(*texts)


# ------------------------------------------------------------------------------------------------------ zones


def to_local(instant: exp.Expr, zone: str) -> exp.Expr:
    return sql.function("timezone", sql.text(zone), instant)


def first_instant(local: exp.Expr, zone: str) -> exp.Expr:
    """The instant of a local time: of two the first (DuckDB takes the later); a time that is skipped moves on by the gap.

    An instant that is earlier by one of the zone's steps back counts if it has the same local time.
    """
    later = sql.function("timezone", sql.text(zone), local)
    steps = []
    for step in steps_back(zone):
        interval = sql.function("to_seconds", sql.integer(step))
        earlier = exp.Sub(this=later.copy(), expression=interval)
        steps.append((exp.EQ(this=to_local(earlier.copy(), zone), expression=sql.wrapped(local.copy())), earlier))
    return sql.when(*steps, otherwise=later) if steps else later


@lru_cache(maxsize=64)
def steps_back(zone: str) -> tuple[int, ...]:
    """By how many seconds clocks of the zone are set back, of all changes from 1970 to 2099, the largest first."""
    offsets = [(EPOCH + timedelta(days=day)).astimezone(zone_of(zone)).utcoffset() or timedelta() for day in range(0, 130 * 365, 5)]
    found = {(before - after) // timedelta(seconds=1) for before, after in pairwise(offsets) if after < before}
    return tuple(sorted(found, reverse=True))


def local_of(instant: datetime, zone: ZoneInfo, shift: timedelta) -> datetime | None:
    """The local time of an instant, shifted; None beyond the calendar."""
    try:
        return instant.astimezone(zone).replace(tzinfo=None) + shift
    except OverflowError:
        return None


class LocalTime(MappingFunction):
    """local_time(x, 'yyyy-MM-dd HH:mm:ss' [, zone]): the instant of a text in the hospital's local time.

    For a raw column of type local_timestamp: local_time(x [, zone]).
    """

    name = "local_time"
    copies = 6
    parameters = (
        Parameter("local time", (*TEXTS, "local_timestamp")),
        Parameter("format", ("text",), True),
        Parameter("zone", ("text",), True),
    )
    required = 1
    returns = TIMESTAMP
    fails = True
    verdicts = verdicts("S N S - - N")

    def type_of(self, arguments: Sequence[Node]) -> Type:
        rest = [literal(argument) for argument in arguments[1:]]
        if arguments[0].type.is_text:
            require(bool(rest), "local_time takes a text and its format", "local_time(x, 'yyyy-MM-dd HH:mm:ss')")
            parse_format(rest.pop(0))
        require(len(rest) <= 1, "local_time takes a local_timestamp and a zone, no format")
        for zone in rest:
            zone_of(zone)
        return TIMESTAMP

    def verdicts_of(self, call: Call) -> Verdicts:
        format, _ = self._parts(call, "")
        return self.verdicts if format is None or format.sortable else verdicts("N N N N - N")

    def _parts(self, call: Call, zone: str) -> tuple[TimeFormat | None, str]:
        rest = [literal(argument) for argument in call.arguments[1:]]
        format = parse_format(rest.pop(0)) if call.arguments[0].type.is_text else None
        return format, rest[0] if rest else zone

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        format, zone = self._parts(call, context.zone)
        local = arguments[0] if format is None else read_text(arguments[0], format)
        return first_instant(local, zone)

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        format, zone_name = self._parts(call, context.zone)
        zone = zone_of(zone_name)
        found: list[Interval] = []
        for interval in wanted.intervals:
            low = None if interval.low is None else local_of(interval.low, zone, -CLOCK_CHANGE)
            high = None if interval.high is None else local_of(interval.high, zone, CLOCK_CHANGE)
            if format is None:
                found.append(Interval(low, high, low is not None, high is not None))
            else:
                bounds = (None if low is None else format.write(low), None if high is None else format.write(high))
                found.append(Interval(*bounds, low is not None, high is not None))
        return context.preimage(call.arguments[0], ValueSet.build(found))


class LocalDate(MappingFunction):
    """local_date(instant [, zone]): the day on the hospital's calendar."""

    name = "local_date"
    parameters = (Parameter("instant", ("timestamp",)), Parameter("zone", ("text",), True))
    required = 1
    returns = DATE
    verdicts = verdicts("S N S - - N")

    def type_of(self, arguments: Sequence[Node]) -> Type:
        for zone in arguments[1:]:
            zone_of(literal(zone))
        return DATE

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        return sql.cast(to_local(arguments[0], self._zone(call, context.zone)), DATE)

    def _zone(self, call: Call, zone: str) -> str:
        return literal(call.arguments[1]) if len(call.arguments) > 1 else zone

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        zone = zone_of(self._zone(call, context.zone))
        found = [
            Interval(
                None if i.low is None else _midnight(i.low, zone, -CLOCK_CHANGE),
                None if i.high is None else _midnight(i.high, zone, timedelta(days=1) + CLOCK_CHANGE),
                i.low is not None,
                False,
            )
            for i in wanted.intervals
        ]
        return inexact(context.preimage(call.arguments[0], ValueSet.build(found)))


def _midnight(day: date, zone: ZoneInfo, shift: timedelta) -> datetime | None:
    try:
        return (datetime(day.year, day.month, day.day) + shift).replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return None


def epoch_functions() -> dict[str, MappingFunction]:
    scales = {"from_epoch_s": 1_000_000, "from_epoch_ms": 1_000, "from_epoch_us": 1}
    return {name: FromEpoch(name, scale) for name, scale in scales.items()}
