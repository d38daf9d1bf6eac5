"""Functions that the server knows: a table from sqlglot's node, or the plain name, to what DuckDB is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from tests.servers.tds.errors import NotTranslated
from tests.servers.tds.function_types import Argument, Handler
from tests.servers.tds.number_functions import numeric, rounded_number
from tests.servers.tds.server_functions import collation_property, database_id, fact, looked_up, object_id, schema_name, server_property
from tests.servers.tds.text_functions import (
    binary_only,
    character,
    code,
    concat,
    data_length,
    left,
    length,
    repeat,
    right,
    same_text,
    space,
    substring,
    trim,
)
from tests.servers.tds.time_functions import at_zone, date_add, date_diff, date_part, now, switch_offset
from tests.servers.tds.values import Value

if TYPE_CHECKING:
    from tests.servers.tds.expressions import Translation


def function(translation: Translation, node: exp.Expression, value: Argument) -> Value:
    """Raises NotTranslated for a function that is not in the tables."""
    handler = _ANONYMOUS.get(node.name.upper()) if isinstance(node, exp.Anonymous) else _NODES.get(type(node))
    if handler is None:
        raise NotTranslated(f"{node.name if isinstance(node, exp.Anonymous) else type(node).__name__}")
    return handler(translation, node, value)


_NODES: dict[type[exp.Expression], Handler] = {
    exp.Length: length,
    exp.Upper: same_text("upper"),
    exp.Lower: same_text("lower"),
    exp.Reverse: same_text("reverse"),
    exp.Trim: trim,
    exp.Left: left,
    exp.Right: right,
    exp.Substring: substring,
    exp.Concat: concat,
    exp.Replace: binary_only("replace"),
    exp.StrPosition: binary_only("strpos"),
    exp.Repeat: repeat,
    exp.Space: space,
    exp.Ascii: code,
    exp.Unicode: code,
    exp.Chr: character,
    exp.Abs: numeric("abs"),
    exp.Floor: numeric("floor"),
    exp.Ceil: numeric("ceil"),
    exp.Round: rounded_number,
    exp.CurrentTimestamp: now("datetime"),
    exp.CurrentTimestampLTZ: now("datetimeoffset"),
    exp.DateAdd: date_add,
    exp.DateDiff: date_diff,
    exp.Extract: date_part,
    exp.Year: date_part,
    exp.Month: date_part,
    exp.Day: date_part,
    exp.AtTimeZone: at_zone,
    exp.ObjectId: object_id,
    exp.CurrentUser: fact("user"),
    exp.CurrentSchema: schema_name,
}


_ANONYMOUS: dict[str, Handler] = {
    "DATALENGTH": data_length,
    "NCHAR": character,
    "SYSUTCDATETIME": now("datetime2"),
    "SYSDATETIME": now("datetime2"),
    "GETUTCDATE": now("datetime"),
    "SWITCHOFFSET": switch_offset,
    "TODATETIMEOFFSET": switch_offset,
    "DB_NAME": fact("database"),
    "DB_ID": database_id,
    "USER_NAME": fact("user"),
    "ORIGINAL_LOGIN": fact("user"),
    "SCHEMA_NAME": schema_name,
    "TYPE_NAME": looked_up("SELECT name FROM meta.types WHERE system_type_id = {}"),
    "OBJECT_NAME": looked_up("SELECT name FROM meta.tables WHERE object_id = {}"),
    "SERVERPROPERTY": server_property,
    "DATABASEPROPERTYEX": server_property,
    "COLLATIONPROPERTY": collation_property,
}
