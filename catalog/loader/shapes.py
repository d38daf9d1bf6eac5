"""The keys of every kind of mapping file, with what they mean. A table of data: the reader and the JSON Schemas follow it."""

from __future__ import annotations

from catalog.loader.forms import ByKey, Flag, Form, Key, ListOf, MapOf, Plain, Shape, Text, Whole

IDENTIFIER = r"[a-z][a-z0-9_]*"
_NAME = Text(pattern=IDENTIFIER, pattern_words="a name of lower-case letters, digits and _")
_ANY_NAME = Text(pattern=r"\S([\s\S]*\S)?", pattern_words="a name")
_EXPRESSION = Text(written=True)
_TEXT = Text()
_NAMES = ListOf(item=_ANY_NAME, minimum=1)
_PART = Text(pattern=r"[^:]+:[^:]+", pattern_words="of the form 'name:codec'")

CATALOG = Shape(
    what="catalog.yaml",
    keys={"schema": Key(form=_NAME, description="the SQL schema under which the virtual tables appear (health)")},
)

# ---------------------------------------------------------------------------------------------- virtual tables

VIRTUAL_COLUMN = Shape(
    what="a virtual column",
    keys={
        "type": Key(
            form=_TEXT, required=True, description="text, integer, double, decimal(p,s), boolean, date, timestamp (an instant) or list(T)"
        ),
        "nullable": Key(form=Flag(), description="false: the value is always there; every binding is checked for it"),
        "description": Key(form=_TEXT, description="what the column means, for people"),
        "tags": Key(
            form=ListOf(item=_NAME),
            description="what policies act on: direct_identifier, quasi_identifier, sensitive, special_category, date_of_person, free_text",
        ),
        "gb_level": Key(form=Whole(minimum=1, maximum=5), description="sensitivity level of GB/T 39725, 1 to 5"),
        "unit": Key(form=_TEXT, description="the UCUM unit of every value, where a column has one unit for ever"),
        "unit_column": Key(form=_NAME, description="the column of this table that holds each value's UCUM unit"),
        "code_system": Key(form=_TEXT, description="the code system of the values, such as LOINC or UCUM"),
        "values": Key(form=ListOf(item=Text(written=True), minimum=1), description="the closed list of values; every recode is checked"),
    },
)
RELATIONSHIP = Shape(
    what="a relationship",
    keys={
        "table": Key(form=_NAME, required=True, description="the other virtual table"),
        "join": Key(form=MapOf(value=_NAME), required=True, description="own column: column of the other table, for each pair"),
        "many": Key(form=Flag(), description="true: several rows of the other table belong to one of this"),
    },
)
VIRTUAL_TABLE = Shape(
    what="a virtual table",
    keys={
        "table": Key(form=_NAME, required=True, description="the table's name; the file is named after it"),
        "description": Key(form=_TEXT, description="what a row is, for people"),
        "key": Key(
            form=ListOf(item=_NAME, minimum=1), required=True, description="the columns that name a row; node is one of them as a rule"
        ),
        "columns": Key(
            form=MapOf(value=VIRTUAL_COLUMN, key_pattern=IDENTIFIER, key_words="a name of lower-case letters, digits and _"),
            required=True,
            description="the columns in order; node is added as the first if it is not listed",
        ),
        "relationships": Key(
            form=MapOf(value=RELATIONSHIP, key_pattern=IDENTIFIER, key_words="a name"), description="ways to other tables"
        ),
        "view": Key(form=_TEXT, description="SQL over other virtual tables, in place of bindings"),
    },
)

# ------------------------------------------------------------------------------------------------------- nodes

SALT = Shape(
    what="a salt",
    keys={
        "hash": Key(form=Text(choices=("crc32", "md5", "murmur3")), required=True, description="the hash function"),
        "of": Key(form=_ANY_NAME, required=True, description="the segment that is hashed"),
        "modulo": Key(form=Whole(minimum=2), description="the number of buckets"),
        "hex": Key(form=Whole(minimum=1, maximum=32), description="the number of leading hexadecimal digits, in place of modulo"),
        "over": Key(
            form=Text(choices=("logical", "stored")), description="hash the value as UTF-8 text (logical, the default) or its stored bytes"
        ),
    },
)
SEGMENT = Shape(
    what="a segment",
    keys={
        "name": Key(form=_ANY_NAME, required=True, description="the raw column's name"),
        "type": Key(
            form=_TEXT, description="the codec: text, text(gbk), digits, u8, i16be, i32be, i64be, phoenix_i32 or phoenix_i64 (default text)"
        ),
        "width": Key(form=Whole(minimum=1), description="bytes (characters of text); a last or delimited text may go without"),
        "reversed": Key(form=Flag(), description="the text is stored backwards; the raw column has it forwards"),
        "subtract_from": Key(
            form=Whole(minimum=0), description="stored is this number minus the value, so that the newest row comes first"
        ),
        "salt": Key(form=SALT, description="the segment is a salt: computed from another, never delivered"),
    },
)
CELL = Shape(
    what="a cell",
    keys={
        "column": Key(
            form=Text(pattern=r"[^:]+:.*", pattern_words="of the form 'family:qualifier'"), required=True, description="'family:qualifier'"
        ),
        "type": Key(form=_TEXT, required=True, description="the codec: text, i64be, f64be, decimal_be(p,s), bool, json, ..."),
        "required": Key(form=Flag(), description="true: every row of the table has this cell"),
    },
)
WIDE_FAMILY = Shape(
    what="a wide family",
    keys={
        "family": Key(form=_ANY_NAME, required=True, description="the column family whose qualifiers carry data"),
        "qualifier": Key(
            form=ListOf(item=Text(), minimum=1),
            required=True,
            description="the parts in order: 'name:codec' for a field, any other text for itself",
        ),
        "value": Key(form=_PART, required=True, description="'name:codec' of the cell's value"),
        "ranges": Key(
            form=MapOf(value=ListOf(item=Whole(), minimum=2, maximum=2)), description="field: [lowest, highest] of numeric qualifier fields"
        ),
    },
)
_ROWS = Key(form=Whole(minimum=0), description="about how many rows the table has")
_ZONE = Key(form=_ANY_NAME, description="the IANA time zone of local times, such as America/New_York")
HBASE_TABLE = Shape(
    what="an HBase table",
    keys={
        "row_key": Key(
            form=Shape(
                what="a row key",
                keys={
                    "delimiter": Key(
                        form=Text(pattern="[ -~]+", pattern_words="printable ASCII"), description="the text between the segments"
                    ),
                    "segments": Key(form=ListOf(item=SEGMENT, minimum=1), required=True, description="the parts of the key, in order"),
                },
            ),
            required=True,
            description="the layout of the row key",
        ),
        "cells": Key(form=MapOf(value=CELL), description="raw column: its cell"),
        "wide": Key(form=MapOf(value=WIDE_FAMILY), description="families of which each cell becomes a row, read as table.name"),
        "versions": Key(form=Text(choices=("latest", "all")), description="all: every version of a cell, with its _timestamp"),
        "rows": _ROWS,
        "zone": _ZONE,
    },
)
SQL_TABLE = Shape(
    what="a source table",
    keys={
        "columns": Key(
            form=MapOf(value=_TEXT), required=True, description="column: type, with 'not null' where it holds; `sources describe` writes it"
        ),
        "key": Key(form=_NAMES, description="a real primary or unique key"),
        "rows": _ROWS,
        "partitions": Key(
            form=MapOf(value=_TEXT),
            description="partition column: local_year(...), local_month(...) or local_date(...) of what it follows from",
        ),
        "zone": _ZONE,
    },
)
SOURCE = Shape(
    what="a source",
    keys={
        "adapter": Key(form=_ANY_NAME, required=True, description="the kind of database: hbase, hive, sqlserver, duckdb, ..."),
        "url": Key(form=_ANY_NAME, description="where it is; env:NAME keeps it out of this file"),
        "options": Key(form=MapOf(value=Plain()), description="settings of the adapter; never a secret"),
        "zone": _ZONE,
        "tables": Key(
            form=MapOf(value=ByKey(what="a source table", shapes={"columns": SQL_TABLE, "row_key": HBASE_TABLE})),
            required=True,
            description="the source's own tables",
        ),
    },
)
NODE = Shape(
    what="a node",
    keys={
        "node": Key(form=_NAME, required=True, description="the hospital's short name; the folder is named after it"),
        "title": Key(form=_TEXT, description="the hospital's name for people"),
        "zone": Key(form=_ANY_NAME, required=True, description=_ZONE.description),
        "sources": Key(form=MapOf(value=SOURCE), required=True, description="the hospital's databases"),
    },
)

# ---------------------------------------------------------------------------------------------------- bindings

LOOKUP_USE = Shape(
    what="a lookup of a binding",
    keys={
        "lookup": Key(form=_ANY_NAME, required=True, description="a lookup of codes/codes.yaml"),
        "where": Key(form=MapOf(value=Text(written=True)), description="key column: constant"),
        "key": Key(form=MapOf(value=_EXPRESSION), required=True, description="key column: expression over raw columns or earlier lookups"),
        "missing": Key(
            form=Text(choices=("null", "drop", "flag", "fail")), description="what a code that is not in the lookup does to its row (null)"
        ),
    },
)
CHECK = Shape(
    what="a check",
    keys={
        "test": Key(form=_EXPRESSION, required=True, description="a condition over virtual columns that good rows meet"),
        "severity": Key(form=Text(choices=("flag", "drop")), description="what becomes of other rows"),
    },
)
LATEST_BY = Shape(
    what="latest_by",
    keys={
        "key": Key(form=_NAMES, required=True, description="raw columns: one row stays for each of their values"),
        "order": Key(form=_NAMES, required=True, description="raw columns, each with desc or asc: the first row by them stays"),
    },
)


def binding_shape(columns: tuple[str, ...] = ()) -> Shape:
    """A binding; `columns` are the virtual table's, where they are known."""
    expressions: Form = MapOf(value=_EXPRESSION, names=columns)
    return Shape(
        what="a binding",
        keys={
            "table": Key(form=_NAME, required=True, description="the virtual table it fills"),
            "source": Key(form=_ANY_NAME, required=True, description="a source of this node"),
            "from": Key(
                form=_TEXT,
                required=True,
                description="table | a x join b y on y.k = x.k | table unnest column as d [with ordinality n] | table.family",
            ),
            "where": Key(form=_EXPRESSION, description="a condition over raw columns that is part of the binding's meaning"),
            "dedupe": Key(form=_NAMES, description="rows equal in these raw columns are copies"),
            "latest_by": Key(form=LATEST_BY, description="survivorship: the newest correction stays"),
            "lookups": Key(form=MapOf(value=LOOKUP_USE), description="alias: lookup; its values are alias.value in expressions"),
            "constants": Key(form=MapOf(value=Plain(), names=columns), description="virtual column: plain value"),
            "absent": Key(
                form=ListOf(item=Text(choices=columns)), description="virtual columns that this hospital does not have: always NULL"
            ),
            "columns": Key(form=expressions, required=True, description="virtual column: expression over raw columns and lookup values"),
            "keep": Key(form=_EXPRESSION, description="a condition over virtual columns: other rows are not rows of the table"),
            "on_error": Key(
                form=MapOf(value=Text(choices=("null", "drop", "fail")), names=columns), description="column: what an unreadable value does"
            ),
            "checks": Key(form=MapOf(value=CHECK), description="quality rules"),
            "zone": _ZONE,
        },
    )


BINDING = binding_shape()

# ---------------------------------------------------------------------------------------- codes and policies

CODES = Shape(
    what="codes.yaml",
    keys={
        "lookups": Key(
            form=MapOf(
                value=Shape(
                    what="a lookup",
                    keys={
                        "file": Key(form=_ANY_NAME, required=True, description="a CSV file in codes/"),
                        "key": Key(form=_NAMES, required=True, description="the columns that name a row"),
                        "values": Key(form=_NAMES, required=True, description="the columns that are looked up"),
                        "version": Key(form=Text(written=True), description="the edition of the code map"),
                    },
                )
            ),
            description="code maps",
        ),
        "units": Key(
            form=Shape(
                what="units",
                keys={
                    "conversions": Key(
                        form=_ANY_NAME, required=True, description="CSV with source_unit, unit, loinc, add, multiply, divide"
                    ),
                    "spellings": Key(form=_ANY_NAME, description="CSV with spelling, unit"),
                },
            ),
            description="unit tables",
        ),
    },
)

_MASK = Text(choices=("token", "year", "null"))
POLICY = Shape(
    what="a policy",
    keys={
        "role": Key(form=_NAME, required=True, description="the role's name"),
        "tables": Key(
            form=MapOf(
                value=Shape(
                    what="a table's policy",
                    keys={
                        "filter": Key(form=_TEXT, description="SQL over the table's unmasked columns: only rows for which it is true"),
                        "hide": Key(form=ListOf(item=_NAME), description="columns that the role does not see at all"),
                    },
                )
            ),
            required=True,
            description="the tables the role may read; {} for everything in it, a table not named is denied",
        ),
        "masks": Key(form=MapOf(value=_MASK), description="tag: token (keyed hash), year (first of January) or 'null'"),
        "columns": Key(
            form=MapOf(value=Text(choices=("token", "year", "null", "show"))),
            description="table.column: mask, or show to lift the mask of its tags; wins over masks",
        ),
        "allow_aggregations": Key(form=Flag(), description="whether the role may aggregate (true)"),
        "max_rows": Key(form=Whole(minimum=1), description="the most rows of one answer"),
    },
)
