"""One table with a raw column of every type, and expressions that use every function of the language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from catalog.mapping import MappedBinding, compile_binding
from catalog.model import Column, Conversion, Lookup, LookupUse, TableBinding, Units, VirtualTable
from catalog.relations import TableRelation
from catalog.source_tables import RawColumn, SqlTable
from catalog.types import Type, parse_type

RAW = {
    "t": "text", "u": "text", "w": "text", "i": "integer", "j": "integer", "d": "double", "m": "decimal(18,4)", "b": "boolean", "c": "boolean",
    "day": "date", "ts": "timestamp", "lt": "local_timestamp", "mp": "map(text,text)", "n": "integer",
}  # fmt: skip
TABLE = SqlTable(
    name="everything",
    columns=tuple(RawColumn(name=name, type=parse_type(type), nullable=name != "n") for name, type in RAW.items()),
)
LOOKUP = Lookup(
    name="codes",
    key=("domain", "source"),
    values=("code", "unit"),
    rows=(
        ("x", "a", "8310-5", "Cel"), ("x", "A", "8310-5", "Cel"), ("x", "", "2345-7", "mmol/L"), ("x", "ab", None, "kg"), ("x", "M", "2345-7", None),
        ("y", "a", "other", "F"),
    ),
)  # fmt: skip
UNITS = Units(
    conversions=(
        Conversion(source_unit="F", unit="Cel", loinc=None, add=-32, multiply=5, divide=9),
        Conversion(source_unit="mg/dL", unit="mmol/L", loinc="2345-7", add=0, multiply=1, divide=18.0156),
        Conversion(source_unit="mg/dL", unit="mmol/L", loinc=None, add=0, multiply=1, divide=38.67),
        Conversion(source_unit="lb", unit="kg", loinc=None, add=0, multiply=-0.45359237, divide=1),
    ),
    spellings={"C": "Cel", "℃": "Cel", "°F": "F"},
)


@dataclass(frozen=True)
class Case:
    """An expression, the declared type of its column, and raw values that make it interesting."""

    expression: str
    type: str
    special: dict[str, list[Any]] | None = None


UNIT_TEXTS: dict[str, list[Any]] = {
    "u": ["F", "°F", "Cel", "C", "℃", "mg/dL", "mmol/L", "lb", "kg", "stone"], "w": ["2345-7", "2093-3"], "t": ["a", "A", "", "ab", "M"],
}  # fmt: skip
CODES: dict[str, list[Any]] = {"t": ["M", "F", "m", "f", "U", "N/A", "", "a", "A", "ab"], "i": [1, 2, 9, 10]}
DATES: dict[str, list[Any]] = {
    "t": ["20210314", "20210315", "2021-03-14", "03/14/2021", "3/4/2021", "12/31/2020", "01/01/2021", "20210230"]
}
LOCAL: dict[str, list[Any]] = {
    "t": ["2021-11-07 01:30:00", "2021-11-07 00:59:59", "2021-11-07 02:00:00", "2021-03-14 02:30:00", "2021-03-14 03:30:00", "2020-12-31 23:59:59"],
    "u": ["20211107013000", "20210314023000", "07.11.2021 01:30"],
}  # fmt: skip
EPOCHS: dict[str, list[Any]] = {"i": [1615706999, 1615707000, 1615707000000, 1615707000000000, 9223372036854775, 9223372036854776]}

CASES = [
    Case("t", "text"), Case("i", "integer"), Case("d", "double"), Case("m", "decimal(18,4)"), Case("b", "boolean"), Case("day", "date"),
    Case("ts", "timestamp"), Case("n", "integer"),
    Case("item.code", "text", CODES), Case("item.unit", "text", CODES), Case("other.code", "text", CODES), Case("chained.code", "text", CODES),
    Case("recode(t, 'M', 'male', 'F', 'female', 'm', 'male')", "text", CODES), Case("recode(i, 1, 'one', 2, 'two')", "text", CODES),
    Case("nullif_any(t, 'N/A', '')", "text", CODES), Case("nullif_any(i, 1, 9)", "integer", CODES), Case("recode(nullif_any(t, ''), 'M', 'x')", "text", CODES),
    Case("i::varchar", "text"), Case("m::varchar", "text"), Case("d::varchar", "text"), Case("b::varchar", "text"), Case("day::varchar", "text"),
    Case("lt::varchar", "text"), Case("t::double", "double"), Case("t::bigint", "integer"), Case("t::decimal(10,2)", "decimal(10,2)"),
    Case("t::date", "date", DATES), Case("t::boolean", "boolean"), Case("d::bigint", "integer"), Case("m::bigint", "integer"), Case("i::double", "double"),
    Case("d::decimal(19,4)", "decimal(19,4)"), Case("m::decimal(19,4)", "decimal(19,4)"), Case("m::decimal(6,2)", "decimal(6,2)"),
    Case("m::double", "double"), Case("i::decimal(6,1)", "decimal(6,1)"), Case("lt::date", "date"), Case("d", "decimal(19,4)"), Case("i", "text"),
    Case("digits(i, 8)", "text"), Case("digits(i)", "text"),
    Case("number(t)", "double"), Case("number(nullif_any(t, 'N/A', '', '-999'))", "double"), Case("number(t, ',')", "double"),
    Case("number(t, '.', ',')", "double"), Case("number(split_part(t, '|', 1))", "double"), Case("number(t)", "decimal(19,4)"),
    Case("lab_number(t)", "double"), Case("lab_operator(t)", "text"), Case("lab_flag(t)", "text"), Case("lab_text(t)", "text"),
    Case("convert_unit(d, u, 'Cel')", "double", UNIT_TEXTS), Case("convert_unit(d, u, item.unit, w)", "double", UNIT_TEXTS),
    Case("convert_unit(d, u, w)", "double", {"u": UNIT_TEXTS["u"], "w": UNIT_TEXTS["u"]}),
    Case("convert_unit(m, u, 'mmol/L', w)", "double", UNIT_TEXTS), Case("convert_unit(i, u, 'kg')", "double", UNIT_TEXTS),
    Case("convert_unit(number(t), u, 'Cel')", "decimal(19,4)", UNIT_TEXTS),
    Case("d * 1.8 + 32", "double"), Case("d * -2", "double"), Case("d * 0", "double"), Case("d / 3", "double"), Case("d / -3", "double"), Case("d / 0", "double"),
    Case("1 - d", "double"), Case("5 / d", "double"), Case("-d", "double"), Case("i / 100.0", "decimal(19,4)"), Case("i + 1", "integer"), Case("i * 1000", "integer"),
    Case("100 - i", "integer"), Case("m * 1.5", "decimal(25,6)"), Case("m + 1.25", "double"), Case("i // 7", "integer"), Case("i % 7", "integer"), Case("i / 2", "double"),
    Case("i + j", "integer"), Case("d + i", "double"), Case("d * 1e300", "double"), Case("d * 1e-300", "double"), Case("i - 9007199254740993", "integer"),
    Case("from_epoch_s(i)", "timestamp", EPOCHS), Case("from_epoch_ms(i)", "timestamp", EPOCHS), Case("from_epoch_us(i)", "timestamp", EPOCHS),
    Case("excel_serial(d)", "timestamp", {"d": [44000.0, 44000.5, 44000.499999994, 1e6, 0.0, -5.25, 1e300]}), Case("excel_serial(i)", "timestamp"),
    Case("dotnet_ticks(i)", "timestamp", {"i": [637500000000000000, 637500000000000009, 637500000000000010]}),
    Case("parse_date(t, 'yyyyMMdd')", "date", DATES), Case("parse_date(t, 'MM/dd/yyyy')", "date", DATES),
    Case("parse_date(t, 'yyyy-MM-dd', 'yyyyMMdd', 'M/d/yyyy')", "date", DATES), Case("parse_date(t, 'yyyyMMdd')::varchar", "text", DATES),
    Case("local_time(t, 'yyyy-MM-dd HH:mm:ss')", "timestamp", LOCAL), Case("local_time(u, 'yyyyMMddHHmmss', 'Europe/Berlin')", "timestamp", LOCAL),
    Case("local_time(u, 'dd.MM.yyyy HH:mm')", "timestamp", LOCAL), Case("local_time(lt)", "timestamp"), Case("local_time(lt, 'Australia/Lord_Howe')", "timestamp"),
    Case("local_date(ts)", "date"), Case("local_date(ts, 'Asia/Kolkata')", "date"), Case("local_date(local_time(t, 'yyyy-MM-dd HH:mm:ss'))", "date", LOCAL),
    Case("split_part(t, '|', 1)", "text"), Case("split_part(t, '|', 2)", "text"), Case("split_part(t, 'ab', 1)", "text"), Case("split_part(t, '||', 1)", "text"),
    Case("split_part(t, '|', -1)", "text"), Case("split_part(t, 'aa', 1)", "text", {"t": ["a", "aa", "aaa", "aaaa", "ba", "baa", "baaa", ""]}),
    Case("concat(t, '-', u)", "text"), Case("t || u", "text"), Case("concat(digits(i, 3), '-', t, '-', digits(j))", "text"), Case("concat('x', t, '')", "text"),
    Case("icd10_dot(t)", "text"), Case("json_value(t, '$.a')", "text"), Case("mp['tel']", "text"), Case("digits_only(t)", "text"), Case("lower(t)", "text"),
    Case("upper(t)", "text"), Case("trim(t)", "text"), Case("nfkc(t)", "text"), Case("regexp_replace(t, '[0-9]+', '#', 'g')", "text"),
    Case("substr(t, 2)", "text"), Case("substr(t, 1, 2)", "text"),
    Case("coalesce(t, u)", "text"), Case("coalesce(nullif_any(t, 'a'), u, 'none')", "text"), Case("coalesce(i, d)", "double"), Case("coalesce(m, i)", "decimal(38,4)"),
    Case("case when i > 5 then t when u is null then 'none' end", "text"), Case("case t when 'M' then 1 when 'F' then 2 else 0 end", "integer", CODES),
    Case("case u when 'F' then (d - 32) * 5 / 9 else d end", "double", UNIT_TEXTS),
    Case("i > 5", "boolean"), Case("i <> 5", "boolean"), Case("5 >= i", "boolean"), Case("d < 2.5", "boolean"), Case("t = 'a'", "boolean"), Case("m <= 0.5", "boolean"),
    Case("i >= j", "boolean"), Case("t in ('a', 'M', '')", "boolean"), Case("i not in (1, 2)", "boolean"), Case("t like 'J01%'", "boolean"),
    Case("t not like 'a%'", "boolean"), Case("t like 'a_%b'", "boolean"), Case("t like 'a'", "boolean"), Case("i between 1 and 100", "boolean"),
    Case("t is null", "boolean"), Case("t is not null", "boolean"), Case("not b", "boolean"), Case("b and c", "boolean"), Case("b or c", "boolean"),
    Case("not (b and (c or i > 5)) or t is null", "boolean"), Case("ts < timestamp '2021-11-07 06:00:00+00:00'", "boolean"), Case("day >= date '2021-01-01'", "boolean"),
    Case("i = null", "boolean"), Case("2147483647 + 1", "integer"), Case("(case when b then 2000000000 else 1 end) * 3", "integer"),
    Case("from_epoch_ms(2000000000)", "timestamp"), Case("from_epoch_ms(case when b then 2000000000 end)", "timestamp"), Case("m > 1e20", "boolean"),
    Case("m + i", "decimal(24,4)"), Case("m - 2", "decimal(24,4)"), Case("m * 1.5", "decimal(20,5)"), Case("-m", "decimal(38,4)"),
    Case("coalesce(i, 0)", "integer"), Case("'fixed'", "text"), Case("null", "text"),
]  # fmt: skip


def compile_case(case: Case) -> MappedBinding:
    return compile_expression(case.expression, parse_type(case.type))


def compile_expression(expression: str, type: Type) -> MappedBinding:
    """A binding whose column `v` is the expression."""
    table = VirtualTable(
        name="v", columns={"node": Column(name="node", type=parse_type("text")), "v": Column(name="v", type=type)}, key=("node",)
    )
    binding = TableBinding(
        name="v",
        node="here",
        table="v",
        source="s",
        relation=TableRelation(table=TABLE),
        columns={"v": expression},
        lookups=(
            LookupUse(alias="item", lookup="codes", where={"domain": "x"}, key={"source": "t"}),
            LookupUse(alias="other", lookup="codes", where={}, key={"domain": "lower(u)", "source": "t"}),
            LookupUse(alias="chained", lookup="codes", where={"domain": "x"}, key={"source": "recode(item.unit, 'Cel', 'A', 'kg', 'M')"}),
        ),
        zone="America/New_York",
    )
    return compile_binding(binding, table, {"codes": LOOKUP}, UNITS)
