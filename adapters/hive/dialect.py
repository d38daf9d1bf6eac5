"""HiveQL as data: what may be asked of which type, how it is written, and with which verdict.

Facts of Hive 4.0.1 that stand behind it (each is a test in tests/integration/hive/):
- HiveServer2 binds nothing: constants are literals. Inside quotes only the backslash and the quote mean something to the parser.
- Texts compare by code point, but the statistics of ORC files are searched in UTF-16's order: `= 'ﬀ'` loses rows beside an emoji.
  ORC's statistics of doubles are wrong too once a NaN is among them, and -0.0 = 0.0 is false. An expression over the column hides
  a comparison from the statistics, at the price of reading more.
- CAST(x AS STRING) of a string (of a double AS DOUBLE) is removed by the compiler, so partitions are pruned through it. Of CHAR it
  takes the padding away, which the adapter does to what it reads; of FLOAT it gives the float's own value.
- A partition column of text that was NULL is read as DEFAULT_PARTITION, while partitions are chosen as if it were NULL: both IS NULL and
  IS NOT NULL lose its rows. Here that text is NULL, in what is read (`columns`) and in what is compared.
- NaN is above every number in a fetch task, and below none in a vectorized job: it is named.
- Dates before 1582-10-15 are shifted while files are read (hybrid calendar), which statistics know nothing of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlglot import exp

from adapters.hive.hive_types import DEFAULT_PARTITION
from adapters.hive.options import HiveOptions
from adapters.interface import Exactness
from adapters.sql import Comparison, Rule, SelectBuilder, SqlDialect, plain, qualified_table
from adapters.sql.dialect import NULL_FORMS, SET_FORMS, RuleKey, is_null, joined
from adapters.sql.plain import between
from adapters.sql.statement import TABLE, quoted_column
from catalog.relations import UnnestRelation
from catalog.source_tables import RawColumn
from catalog.types import Type
from catalog.values import Interval

_VIEW, _PLACE, _ELEMENT = "e", "place", "element"
"""The lateral view of an unnested list, the place of an element in it (from 0), and the element."""

_FIRST_ODD_SIGN = "\ud800"
"""From here on UTF-16's order is not that of code points."""

_GREGORIAN = date(1582, 10, 15)

_LISTED = 50
"""Constants in an IN that Parquet's filter sees. It compares each row with each of them (500 constants: 10 s for 200,000 rows), and at
900 the compiler of Hive 4.0.1 gives up; an IN that is hidden from it is a hash table."""

_HASHED = 1_000
"""Constants in one IN that is a hash table."""

_PLAIN_NUMBER = r"^-?[0-9]{1,15}([.][0-9]{1,15})?$"
"""Texts that DuckDB and Hive read as the same double."""

_AS_NUMBER = "texts written as plain numbers are compared at the source, all others are read and sorted out at the gateway"
_NO_ORDER = "a {} has no values that a condition can name; only whether it is null can be asked"


def _type(spelling: str) -> exp.DataType:
    return exp.DataType.build(spelling, dialect="hive")


_LOCAL_ZONE = exp.DataType(this=exp.DType.USERDEFINED, kind="TIMESTAMP WITH LOCAL TIME ZONE")
"""Written as it is: sqlglot has a spelling for it that Hive does not know."""

_BIGGEST_INT = 2**31 - 1


def _cast(expression: exp.Expression, type: exp.DataType) -> exp.Expression:
    return exp.Cast(this=expression, to=type.copy())


def _cast_text(text: str, type: exp.DataType) -> exp.Expression:
    return _cast(exp.Literal.string(text), type)


def _literal(value: Any, type: Type) -> exp.Expression:
    """A constant as a typed literal, which the compiler folds."""
    match value:
        case bool():
            return exp.Boolean(this=value)
        case int() if type.name == "double":
            return _cast_text(repr(float(value)), _type("double"))
        case int() if abs(value) <= _BIGGEST_INT:
            return exp.Literal.number(value) if value >= 0 else _cast_text(str(value), _type("bigint"))
        case int():
            return _cast_text(str(value), _type("bigint"))
        case float():
            return _cast_text(repr(value).replace("inf", "Infinity"), _type("double"))
        case Decimal():
            return _cast_text(format(value, "f"), _type(str(type)))
        case bytes():
            return exp.Unhex(this=exp.Literal.string(value.hex()))
        case datetime(tzinfo=None):
            return _cast_text(value.isoformat(" "), _type("timestamp"))
        case datetime():
            return _cast_text(value.astimezone(UTC).replace(tzinfo=None).isoformat(" ") + " UTC", _LOCAL_ZONE)
        case date():
            return _cast_text(value.isoformat(), _type("date"))
        case str():
            return exp.Literal.string(value)
        case _:
            raise TypeError(f"no literal for a {type}")


def _as_text(column: exp.Expression, _: RawColumn) -> exp.Nullif:
    return exp.Nullif(this=_cast(column, _type("string")), expression=exp.Literal.string(DEFAULT_PARTITION))


def _as_upper_text(column: exp.Expression, declared: RawColumn) -> exp.Expression:
    return exp.Upper(this=_as_text(column, declared))


def _as_double(column: exp.Expression, _: RawColumn) -> exp.Expression:
    """Plus zero: -0.0 becomes 0.0, and no statistics are asked."""
    return exp.Paren(this=exp.Add(this=_cast(column, _type("double")), expression=_cast_text("0.0", _type("double"))))


def _as_number(column: exp.Expression, _: RawColumn) -> exp.Expression:
    """NULL for every text that is not a plain number, among them all that Hive and DuckDB read differently."""
    text = _cast(column, _type("string"))
    return exp.Case(ifs=[exp.If(this=_is_plain(text), true=_cast(text.copy(), _type("double")))])


def _is_plain(text: exp.Expression) -> exp.Expression:
    return exp.RegexpLike(this=text, expression=exp.Literal.string(_PLAIN_NUMBER))


def _bounds(compared: Comparison) -> list[Any]:
    return [bound for interval in compared.wanted.intervals for bound in (interval.low, interval.high) if bound is not None]


def _write_text(compared: Comparison) -> exp.Expression:
    """Without the NULLIF, so that statistics and partitions are asked; the default partition's text is left out by itself: by IS NOT NULL,
    because the metastore fails on `CAST(x AS STRING) <> DEFAULT_PARTITION` of a CHAR or VARCHAR."""
    bare = replace(compared, read=lambda: compared.read().this)
    odd = any(sign >= _FIRST_ODD_SIGN for text in _bounds(compared) for sign in text)
    written = plain(_hidden(bare) if odd else bare)
    if not compared.wanted.contains(DEFAULT_PARTITION):
        return written
    return joined(exp.And, [written, is_null(compared.read()).not_(copy=False)])


def _hidden(compared: Comparison) -> Comparison:
    """The same comparison where no statistics of files are asked."""
    wrap = _HIDING[compared.type.name]
    return replace(compared, read=lambda: wrap(compared.read()))


def _plus_zero(column: exp.Expression) -> exp.Expression:
    return exp.Paren(this=exp.Add(this=column, expression=exp.Literal.number(0)))


def _greatest(column: exp.Expression) -> exp.Expression:
    """Of two the same. A cast there and back would be removed by the compiler; plus zero would take a digit from a long decimal."""
    return exp.Anonymous(this="GREATEST", expressions=[column, column.copy()])


def _as_it_is(column: exp.Expression) -> exp.Expression:
    return column


_HIDING: dict[str, Callable[[exp.Expression], exp.Expression]] = {
    "text": lambda column: exp.Anonymous(this="CONCAT", expressions=[column, exp.Literal.string("")]),
    "uuid": _as_it_is,  # read through UPPER
    "double": _as_it_is,  # read through an addition
    "boolean": _as_it_is,  # two points are no long list
    "integer": _plus_zero,
    "bigint": _plus_zero,
    "decimal": _greatest,
    "date": _greatest,
    "local_timestamp": _greatest,
    "timestamp": lambda column: _cast(_cast(column, _type("string")), _LOCAL_ZONE),
    "bytes": lambda column: exp.Unhex(this=exp.Hex(this=column)),
}


def _in_long_list(compared: Comparison, points: Sequence[Any]) -> exp.Expression:
    """IN over more constants than a Parquet filter bears: the list is hidden from it, its lowest and highest value are not."""
    hidden = _hidden(compared)
    chunks = [points[start : start + _HASHED] for start in range(0, len(points), _HASHED)]
    tables = [exp.In(this=hidden.read(), expressions=[hidden.bind(point) for point in chunk]) for chunk in chunks]
    return joined(exp.And, [between(compared, Interval(min(points), max(points), True, True)), joined(exp.Or, tables)])


def _write_double(compared: Comparison) -> exp.Expression:
    written = plain(compared)
    if not compared.wanted.contains(float("nan")):
        return written
    column = compared.read()
    nan = exp.EQ(this=_cast(column, _type("string")), expression=exp.Literal.string("NaN"))
    return joined(exp.Or, [written, nan])


def _write_time(compared: Comparison) -> exp.Expression:
    """Beside bounds of early days the column goes by way of its text, which keeps statistics out."""
    early = any((bound.date() if isinstance(bound, datetime) else bound) < _GREGORIAN for bound in _bounds(compared))
    if not early:
        return plain(compared)
    return plain(_hidden(compared))


def _write_number(compared: Comparison) -> exp.Expression:
    column = compared.read().find(exp.Column)
    assert column is not None
    odd = exp.Not(this=exp.Paren(this=_is_plain(_cast(column.copy(), _type("string")))))
    return joined(exp.Or, [plain(compared), odd])


_NUMBER = ("integer", "bigint", "decimal", "boolean", "bytes")
_NESTED = ("list", "map", "struct")


def _rules() -> dict[RuleKey, Rule]:
    exact = Exactness.EXACT
    found: dict[RuleKey, Rule] = {}
    for form in (*NULL_FORMS, *SET_FORMS):
        for type in _NUMBER:
            found["value", form, type] = Rule(exact)
        for type in ("date", "local_timestamp", "timestamp"):
            found["value", form, type] = Rule(exact, write=_write_time)
        found["value", form, "text"] = Rule(exact, read=_as_text, write=_write_text)
        found["value", form, "uuid"] = Rule(exact, read=_as_upper_text)
        found["value", form, "double"] = Rule(exact, read=_as_double, write=_write_double)
        found["number", form, "text"] = Rule(Exactness.SUPERSET, _AS_NUMBER, _as_number, _write_number)
        for type in _NESTED:
            found["value", form, type] = Rule(exact) if form in NULL_FORMS else Rule(Exactness.REFUSE, _NO_ORDER.format(type))
    # A text that is no plain number may be a number all the same: only texts that are NULL are left out.
    found["number", "not null", "text"] = Rule(Exactness.SUPERSET, _AS_NUMBER)
    return found


def _equal(left: exp.Expression, right: exp.Expression, left_column: RawColumn, right_column: RawColumn) -> exp.Expression:
    sides = [
        wrap(side, column) if (wrap := _JOINED_AS.get(column.type.name)) else side
        for side, column in ((left, left_column), (right, right_column))
    ]
    return exp.EQ(this=sides[0], expression=sides[1])


_JOINED_AS: dict[str, Callable[[exp.Expression, RawColumn], exp.Expression]] = {
    "text": _as_text,
    "uuid": _as_upper_text,
    "double": _as_double,
}


def _elements(relation: UnnestRelation, builder: SelectBuilder) -> exp.Select:
    """One row for each element, by a lateral view; a list that is NULL or empty has none."""
    own = {column.name for column in relation.table.columns}

    def column(name: str) -> exp.Expression:
        if name in own:
            return quoted_column(name, TABLE)
        if name == relation.ordinality:
            return exp.Paren(this=exp.Add(this=quoted_column(_PLACE, _VIEW), expression=exp.Literal.number(1)))
        element = quoted_column(_ELEMENT, _VIEW)
        if name == relation.alias:
            return element
        field = name.removeprefix(f"{relation.alias}.")
        return exp.Dot(this=element, expression=exp.to_identifier(field, quoted=True))

    view = exp.Lateral(
        this=exp.Posexplode(this=quoted_column(relation.column, TABLE)),
        view=True,
        alias=exp.TableAlias(this=exp.to_identifier(_VIEW), columns=[exp.to_identifier(name) for name in (_PLACE, _ELEMENT)]),
    )
    select = exp.Select(expressions=builder.output(column)).from_(builder.table(relation.table.name, TABLE), copy=False)
    select.set("laterals", [view])
    return builder.filtered(select, column, builder.wanted)


_RULES = _rules()


def hive_dialect(options: HiveOptions) -> SqlDialect:
    """HiveQL over the tables of one database."""
    return SqlDialect(
        name="hive",
        rules=_RULES,
        cast=lambda constant, _: constant,
        parameters="literal",
        literal=_literal,
        table=lambda name: qualified_table(name, options.database),
        listed=_LISTED,
        many=_in_long_list,
        most_points=20_000,
        most_intervals=100,
        equal=_equal,
        unnest=_elements,
        functions=frozenset({"CONCAT", "GREATEST", "HEX", "NULLIF", "POSEXPLODE", "REGEXP_LIKE", "UNHEX", "UPPER"}),
    )
