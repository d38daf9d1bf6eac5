"""Conditions over raw columns in words, for EXPLAIN."""

from __future__ import annotations

from datetime import datetime
from typing import Any, assert_never

from catalog.conditions import AllOf, Always, AnyOf, Condition, Never, Term, Test, Unknown
from catalog.values import Interval, ValueSet

_SHOWN = 8


def condition_text(condition: Condition) -> str:
    """`item_cd = 'V1005' and (unit = 'F' or unit is null)`; long lists are cut and counted."""
    match condition:
        case Always():
            return "true"
        case Never():
            return "false"
        case Unknown():
            return "anything"
        case Test(term=term, wanted=wanted):
            return _test(term, wanted)
        case AllOf(parts=parts):
            return " and ".join(_bracketed(part) for part in parts)
        case AnyOf(arms=arms):
            shown = [_bracketed(arm) for arm in arms[:_SHOWN]]
            return " or ".join(shown) + (f" or ... ({len(arms)} arms)" if len(arms) > _SHOWN else "")
        case _:
            assert_never(condition)


def _bracketed(condition: Condition) -> str:
    text = condition_text(condition)
    return f"({text})" if isinstance(condition, AnyOf | AllOf) or " or " in text else text


def _test(term: Term, wanted: ValueSet) -> str:
    name = f"number({term.column})" if term.kind == "number" else term.column
    if wanted.is_all:
        return "true"
    if wanted.is_not_null:
        return f"{name} is not null"
    if wanted.is_null_only:
        return f"{name} is null"
    excluded = wanted.excluded()
    points = wanted.points()
    if points is not None:
        text = _list(name, points, "=", "in")
    elif excluded is not None:
        text = _list(name, excluded, "<>", "not in")
    else:
        intervals = [_interval(name, interval) for interval in wanted.intervals[:_SHOWN]]
        text = " or ".join(intervals) + (f" or ... ({len(wanted.intervals)} ranges)" if len(wanted.intervals) > _SHOWN else "")
    return f"{text} or {name} is null" if wanted.null else text


def _list(name: str, values: tuple[Any, ...], one: str, many: str) -> str:
    if len(values) == 1:
        return f"{name} {one} {_value(values[0])}"
    shown = ", ".join(_value(value) for value in values[:_SHOWN])
    return f"{name} {many} ({shown}{f', ... {len(values)} in all' if len(values) > _SHOWN else ''})"


def _interval(name: str, interval: Interval) -> str:
    if interval.is_point:
        return f"{name} = {_value(interval.low)}"
    parts = []
    if interval.low is not None:
        parts.append(f"{name} {'>=' if interval.low_closed else '>'} {_value(interval.low)}")
    if interval.high is not None:
        parts.append(f"{name} {'<=' if interval.high_closed else '<'} {_value(interval.high)}")
    return " and ".join(parts) or f"{name} is not null"


def _value(value: Any) -> str:
    if isinstance(value, str):
        quoted = value.replace("'", "''")
        return f"'{quoted}'" if value.isprintable() else repr(value)
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, datetime):
        return f"'{value.isoformat(sep=' ')}'"
    return f"'{value}'" if hasattr(value, "isoformat") else str(value).lower() if isinstance(value, bool) else str(value)
