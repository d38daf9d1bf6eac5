"""Layouts built by hand: those of hospital A, and small ones for edges."""

from __future__ import annotations

from pathlib import Path

from adapters.hbase.codecs import codec_named
from catalog.model import Source
from catalog.source_tables import Cell, HBaseTable, QualifierPart, RowKey, Salt, Segment, WideFamily
from catalog.types import BOOLEAN, DOUBLE, INTEGER, TEXT, Type, decimal

REGION = Path(__file__).parents[3] / "mappings" / "data" / "three_hospitals"
MAX = 9_223_372_036_854_775_807


def type_of(codec: str) -> Type:
    if codec.startswith(("text", "json")):
        return TEXT
    return {"f32be": DOUBLE, "f64be": DOUBLE, "bool": BOOLEAN, "decimal_be": decimal(38, 4)}.get(codec, INTEGER)


def segment(name: str, codec: str = "text", **more: object) -> Segment:
    more.setdefault("width", codec_named(codec).width)
    return Segment(name=name, codec=codec, type=type_of(codec), **more)  # type: ignore[arg-type]


def cell(name: str, column: str, codec: str = "text", required: bool = False) -> Cell:
    family, _, qualifier = column.partition(":")
    return Cell(name=name, family=family, qualifier=qualifier, codec=codec, type=type_of(codec), required=required)


def wide(name: str, fields: list[tuple[str, str] | str], value: tuple[str, str], **ranges: tuple[int, int]) -> WideFamily:
    parts = tuple(
        QualifierPart(constant=field) if isinstance(field, str) else QualifierPart(name=field[0], codec=field[1], type=type_of(field[1]))
        for field in fields
    )
    return WideFamily(
        name=name, family=name, qualifier=parts, value_name=value[0], value_codec=value[1], value_type=type_of(value[1]), ranges=ranges
    )


TEXT_SALT = segment("salt", "text", width=2, salt=Salt(hash="crc32", of="mrn", modulo=8))
REVERSED_MRN = segment("mrn", "text", width=8, reversed=True)

PATIENT = HBaseTable(
    name="patient",
    row_key=RowKey(delimiter="|", segments=(TEXT_SALT, REVERSED_MRN)),
    cells=(
        cell("name", "d:name", required=True),
        cell("sex", "d:sex"),
        cell("addr", "d:addr"),
        cell("zip", "d:zip"),
        cell("death", "d:death"),
        cell("upd", "m:upd", "i64be"),
    ),
    wide=(wide("i", [("cvx", "text"), ":", ("given", "text")], ("title", "text")),),
)
VISIT = HBaseTable(
    name="visit",
    row_key=RowKey(
        delimiter="|",
        segments=(TEXT_SALT, REVERSED_MRN, segment("adm_ms", "digits", width=13, subtract_from=9_999_999_999_999), segment("visit_id")),
    ),
    cells=(
        cell("cls", "e:cls"),
        cell("adm", "e:adm", "i64be"),
        cell("dis", "e:dis", "i64be"),
        cell("fee", "e:fee", "i64be"),
        cell("rsn", "e:rsn"),
    ),
    wide=(wide("dx", [("seq", "text")], ("dx", "text")), wide("rx", [("seq", "text")], ("rx", "json"))),
)
_CODE_AND_SECOND: list[tuple[str, str] | str] = [("code", "text"), ":", ("second", "i32be")]
OBS = HBaseTable(
    name="obs",
    row_key=RowKey(
        segments=(
            segment("salt", "u8", salt=Salt(hash="crc32", of="mrn", modulo=8)),
            segment("mrn", "i64be"),
            segment("day_ms", "i64be", subtract_from=MAX),
        )
    ),
    wide=(
        wide("v", _CODE_AND_SECOND, ("val", "f64be"), second=(0, 86_399)),
        wide("l", _CODE_AND_SECOND, ("val", "text"), second=(0, 86_399)),
    ),
)


def source_of(*tables: HBaseTable, url: str | None) -> Source:
    named = {table.name: table for table in tables}
    return Source(node="hosp_a", name="hbase", adapter="hbase", url=url, options={}, zone="UTC", tables=named)
