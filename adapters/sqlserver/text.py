"""Exact equality of texts on a server whose own equality is a collation's: it folds case or accents or width, and pads with blanks.

A text is equal to a constant if and only if both, as nvarchar,
  1. are equal under Latin1_General_100_BIN2, which compares UTF-16 units as they are, the shorter text padded with blanks, and
  2. have the same DATALENGTH: then nothing was padded.
This is the truth; it alone decides, and it alone is negated. It cannot use an index. So that it need not look at every row, it stands
under AND with the column's own equality, which can. That one may let more through and must never let less:
  - equal texts are equal under every collation (none makes a text differ from itself);
  - an nvarchar column is compared with the constant as nvarchar, under its own collation, so that the index serves;
  - for a varchar column the constant is turned into the column's code page: COLLATE is applied to the nvarchar before the CAST, because
    CAST keeps the collation of its input, and without it takes that of the database. Where the constant holds a sign that the page has
    not, it becomes another or '?': a row may match that the truth then drops, and no row that holds the constant exists. In a page that
    gives each sign one code, the stored text and the constant become the same bytes. Double-byte pages have signs with two codes, which a
    binary collation tells apart; there, and where the page is not known, the column is compared as nvarchar (right, maybe without the index);
  - a constant that is longer than its column is cut by the CAST: again more, never less.
Of types that no equality is defined for (xml, text, ntext) only the truth is asked, over what they are cast to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from adapters.sql.dialect import Comparison, is_null, joined
from adapters.sql.plain import possible
from adapters.sqlserver.key_lists import list_table, listed_value
from adapters.sqlserver.native_types import MAX, ColumnFact, casts
from adapters.sqlserver.spelling import carried, cast, collated, data_length

TRUTH = "Latin1_General_100_BIN2"

_ONE_CODE_A_SIGN = frozenset({437, 850, 874, *range(1250, 1259), 65001})
_LONGEST = 4_000

New = Callable[[], exp.Expression]
"""A new tree at each call."""


def write_texts(compared: Comparison, fact: ColumnFact) -> exp.Expression:
    """Points, or all but points."""
    excluded = compared.wanted.points() is None
    points = possible((compared.wanted.excluded() if excluded else compared.wanted.points()) or (), compared.type)
    if not points:
        return is_null(compared.read()).not_(copy=False) if excluded else exp.false()
    spelled = "nvarchar(max)" if not all(fits_bounded(point) for point in points) else f"nvarchar({_LONGEST})"
    if len(points) == 1:

        def constant() -> exp.Expression:
            return cast(compared.writer.bind_raw(points[0]), spelled)

        if excluded:
            return joined(exp.Or, [_unequal(_truth(compared.read(), fact), constant()), _longer(compared.read(), constant(), fact)])
        return joined(exp.And, _equal(compared.read, constant, fact))
    table = list_table(compared.writer, points, spelled, _as_it_is)
    if excluded:
        found = exp.Select(expressions=[exp.Literal.number(1)]).from_(table, copy=False).where(*_true(compared.read, listed_value, fact))
        return joined(exp.And, [is_null(compared.read()).not_(copy=False), exp.Not(this=exp.Exists(this=found))])
    found = exp.Select(expressions=[exp.Literal.number(1)]).from_(table, copy=False).where(*_equal(compared.read, listed_value, fact))
    return exp.Exists(this=found)


def equal_texts(left: exp.Expression, right: exp.Expression, one: ColumnFact, other: ColumnFact) -> exp.Expression:
    """Two columns: the native equality where both have one collation, and the truth."""
    truth = [
        exp.EQ(this=_truth(left.copy(), one), expression=_truth(right.copy(), other)),
        exp.EQ(this=data_length(carried(left.copy(), one)), expression=data_length(carried(right.copy(), other))),
    ]
    alike = one.collation is not None and one.collation == other.collation and _comparable(one) and _comparable(other)
    if alike and (_code_pages_do(one, other) or one.type == other.type == "nvarchar"):
        truth.insert(0, exp.EQ(this=left, expression=right))
    return joined(exp.And, truth)


def _equal(column: New, constant: New, fact: ColumnFact) -> list[exp.Expression]:
    return [*_native(column, constant, fact), *_true(column, constant, fact)]


def _true(column: New, constant: New, fact: ColumnFact) -> list[exp.Expression]:
    same_length = exp.EQ(this=data_length(carried(column(), fact)), expression=data_length(constant()))
    return [exp.EQ(this=_truth(column(), fact), expression=constant()), same_length]


def _native(column: New, constant: New, fact: ColumnFact) -> list[exp.Expression]:
    """The column's own equality, which an index serves; nothing where there is none."""
    if not _comparable(fact):
        return []
    if fact.collation is None:
        return [exp.EQ(this=column(), expression=constant())] if fact.type == "nvarchar" else []
    under_collation = collated(constant(), fact.collation)
    if fact.type in ("char", "varchar") and fact.code_page in _ONE_CODE_A_SIGN:
        length = "max" if fact.length == MAX else str(fact.length)
        under_collation = cast(under_collation, f"varchar({length})")
    return [exp.EQ(this=column(), expression=under_collation)]


def _comparable(fact: ColumnFact) -> bool:
    return fact.type in ("char", "varchar", "nchar", "nvarchar")


def _code_pages_do(one: ColumnFact, other: ColumnFact) -> bool:
    """Whether equal texts of both have equal codes."""
    return all(fact.type in ("nchar", "nvarchar") or fact.code_page in _ONE_CODE_A_SIGN for fact in (one, other))


def _truth(column: exp.Expression, fact: ColumnFact) -> exp.Expression:
    """COLLATE only ever stands over nvarchar: over varchar it would change the code page, and with it the text."""
    found = carried(column, fact)
    assert casts(fact) or fact.type in ("nchar", "nvarchar"), fact.type
    return collated(found, TRUTH)


def _unequal(column: exp.Expression, constant: exp.Expression) -> exp.Expression:
    return exp.NEQ(this=column, expression=constant)


def _longer(column: exp.Expression, constant: exp.Expression, fact: ColumnFact) -> exp.Expression:
    return exp.NEQ(this=data_length(carried(column, fact)), expression=data_length(constant))


def fits_bounded(text: str) -> bool:
    """Whether an nvarchar(4000) holds it."""
    return len(text) <= _LONGEST // 2 or len(text.encode("utf-16-le")) // 2 <= _LONGEST


def _as_it_is(value: Any) -> Any:
    return value
