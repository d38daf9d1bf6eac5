"""What procedure calls carry to statements, and the tokens that end an answer."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from pysqlbridge.tds.batch import skip_all_headers
from pysqlbridge.tds.token import error as error_token

from tests.servers.tds.errors import NotTranslated, SqlServerError
from tests.servers.tds.requests import Parameter
from tests.servers.tds.sql_types import SqlType

SELECT_COMMAND, DONE_MORE, DONE_ERROR, DONE_COUNT, DONE_ATTENTION = 0xC1, 0x1, 0x2, 0x10, 0x20


MOST_PARAMETERS = 2100
"""Those that carry the statement and its declaration are among them."""


def begins_another(payload: bytes) -> bool:
    """The flag behind the name in a commit or rollback (MS-TDS 2.2.6.9)."""
    at = skip_all_headers(payload) + 2
    at += 1 + payload[at]
    return at < len(payload) and bool(payload[at] & 1)


def done_token(token: int, status: int, count: int = 0) -> bytes:
    return bytes([token]) + struct.pack("<HHQ", status, SELECT_COMMAND if status & DONE_COUNT else 0, count)


def error_tokens(error: SqlServerError) -> bytes:
    return error_token(error.number, error.message[:2000], server="testserver", severity=error.severity, state=error.state)


def bound_values(types: Mapping[str, SqlType], parameters: list[Parameter]) -> dict[str, Any]:
    """Values by their declared names; those without a name are in the order of the declaration."""
    values: dict[str, Any] = {}
    names = list(types)
    for place, parameter in enumerate(parameters):
        name = parameter.name.lower() or (names[place] if place < len(names) else "")
        if name not in types:
            raise SqlServerError(8144, "Procedure or function has too many arguments specified.")
        values[name] = _fitted(parameter, types[name])
    for name in names:
        if name not in values:
            raise SqlServerError(8178, f"The parameterized query expects the parameter '{name}', which was not supplied.")
    return values


def _fitted(parameter: Parameter, declared: SqlType) -> Any:
    """A value for its declared type: both are of one family, or it is an error here (a client has no reason for it)."""
    value = parameter.value
    if value is None:
        return None
    if declared.is_text and parameter.type.is_text:
        return value if declared.length < 0 else value[: declared.length]
    if parameter.type.name == declared.name or (parameter.type.is_number and declared.is_number):
        return value
    if declared.name == "varbinary" or declared.name == "binary":
        return value
    raise NotTranslated(f"a {parameter.type.name} for a parameter declared {declared.name}")
