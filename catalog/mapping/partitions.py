"""Derived tests: beside a test of the column that a partition follows from stands one of the partition column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, assert_never
from zoneinfo import ZoneInfo

from catalog.conditions import AllOf, Always, AnyOf, Condition, Never, Term, Test, Unknown, all_of, any_of, inexact
from catalog.mapping.functions import FUNCTIONS
from catalog.mapping.functions.formats import TimeFormat, parse_format
from catalog.mapping.functions.times import EPOCH, WholeTime
from catalog.mapping.parser import parse_expression
from catalog.mapping.relations import named_tables
from catalog.mapping.scope import RawScope
from catalog.mapping.tree import Call, Literal, Node, Raw, walk
from catalog.relations import Relation, TableRelation
from catalog.source_tables import Partition
from catalog.types import Type
from catalog.values import Interval, ValueSet

_DAY = timedelta(days=1)
Bound = Callable[[Any, timedelta], date | None]
"""A bound of the source column, and how far to widen it outwards, to a local day; None: nothing follows."""


@dataclass(frozen=True, slots=True)
class PartitionRule:
    """`source` decides `column`. `local_text`: the source is a text, which may be no date at all."""

    source: str
    column: str
    function: str
    type: Type
    bound: Bound
    local_text: bool = False

    def derive(self, test: Test) -> Condition:
        """The test of the partition column that every row of the test passes; Always if none follows."""
        if test.wanted.null or test.term.kind != "value":
            return Always()
        found: list[Interval] = []
        for interval in test.wanted.intervals:
            low = None if interval.low is None else self.bound(interval.low, -_DAY)
            high = None if interval.high is None else self.bound(interval.high, _DAY)
            if low is None and high is None:
                return Always()
            ends = (None if low is None else self._value(low)), (None if high is None else self._value(high))
            if self.local_text and test.exact and ends[0] != ends[1]:
                return Always()
            found.append(Interval(*ends, low is not None, high is not None))
        return Test(Term(self.column), ValueSet.build(found))

    def _value(self, day: date) -> Any:
        """The partition's value for a day: a number (2021, 202103, 20210331), a text (2021, 2021-03, 2021-03-31) or a date."""
        if self.type.name == "date":
            return day
        parts = day.isoformat().split("-")[: {"local_year": 1, "local_month": 2, "local_date": 3}[self.function]]
        return "-".join(parts) if self.type.is_text else int("".join(parts))


def partition_rules(relation: Relation, zone: str, expressions: Sequence[Node]) -> list[PartitionRule]:
    """The rules of all tables of the relation. Raises ExpressionError if a partition's expression cannot be read.

    `expressions`: those of the binding, which say how its local texts are spelled.
    """
    found: list[PartitionRule] = []
    for prefix, table in named_tables(relation):
        scope = RawScope(TableRelation(table=table), ignore_case=True)
        types = {column.name: column.type for column in table.columns}
        for partition in table.partitions:
            node = parse_expression(partition.expression, scope)
            rule = _rule(node, prefix, partition, types[partition.column], ZoneInfo(table.zone or zone), expressions)
            if rule is not None:
                found.append(rule)
    return found


def _rule(node: Node, prefix: str, partition: Partition, type: Type, zone: ZoneInfo, expressions: Sequence[Node]) -> PartitionRule | None:
    def rule(source: str, bound: Bound, *, local_text: bool = False) -> PartitionRule:
        return PartitionRule(prefix + source, prefix + partition.column, partition.function, type, bound, local_text)

    match node:
        case Call(function=function, arguments=(Raw(name=name),)) if isinstance(FUNCTIONS[function], WholeTime):
            epoch = FUNCTIONS[function]
            assert isinstance(epoch, WholeTime)
            return rule(name, lambda value, widen: _local_day(_instant(epoch.instants(value)), zone, widen))
        case Raw(name=name) if node.type.name == "timestamp":
            return rule(name, lambda value, widen: _local_day(value, zone, widen))
        case Raw(name=name) if node.type.name in ("date", "local_timestamp"):
            return rule(name, lambda value, _widen: _day(value))
        case Raw(name=name) if node.type.is_text:
            formats = _formats_of(prefix + name, expressions)
            if len(formats) == 1 and formats[0].sortable:
                return rule(name, lambda value, _widen: _day(formats[0].read(value)), local_text=True)
            return None
        case _:
            return None


def _formats_of(column: str, expressions: Sequence[Node]) -> list[TimeFormat]:
    """The formats by which the binding reads times from the column."""
    found: dict[str, TimeFormat] = {}
    for expression in expressions:
        for node in walk(expression):
            if isinstance(node, Call) and node.function in ("local_time", "parse_date"):
                first, *rest = node.arguments
                if isinstance(first, Raw) and first.name == column and first.type.is_text:
                    texts = rest[:1] if node.function == "local_time" else rest
                    found |= {str(text.value): parse_format(text.value) for text in texts if isinstance(text, Literal)}
    return list(found.values())


def _instant(micro: int) -> datetime | None:
    try:
        return EPOCH + timedelta(microseconds=micro)
    except OverflowError:
        return None


def _local_day(instant: datetime | None, zone: ZoneInfo, widen: timedelta) -> date | None:
    try:
        return None if instant is None else (instant.astimezone(UTC) + widen).astimezone(zone).date()
    except OverflowError:
        return None


def _day(value: date | None) -> date | None:
    return value.date() if isinstance(value, datetime) else value


def with_partitions(condition: Condition, rules: Sequence[PartitionRule]) -> Condition:
    """The condition with a derived test beside each test of a partition's source column."""
    if not rules:
        return condition
    match condition:
        case Always() | Never() | Unknown():
            return condition
        case Test(term=term):
            return all_of(condition, *(rule.derive(condition) for rule in rules if rule.source == term.column))
        case AllOf(parts=parts, exact=exact):
            whole = all_of(*(with_partitions(part, rules) for part in parts))
            return whole if exact else inexact(whole)
        case AnyOf(arms=arms):
            return any_of(*(with_partitions(arm, rules) for arm in arms))
        case _:
            assert_never(condition)
