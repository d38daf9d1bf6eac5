"""The server's and the driver's faults in our words: by native number first, as data. No text of a driver is passed on: it holds values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from adapters.interface import SourceError
from adapters.odbc.handles import OdbcError
from catalog.source_tables import SqlTable

_NUMBERS = re.compile(r"\((-?\d+)\)(?= \(SQL|; \[|$)")
_STATES = re.compile(r"(?:^|; )\[([0-9A-Z]{5})\]")
_QUOTED = re.compile(r"'([^']*)'")


@dataclass(frozen=True, slots=True)
class Fault:
    """What a number means."""

    code: str
    fact: str
    hint: str = ""
    transient: bool = False


_REFUSED = Fault("S106", "the source refuses the account", "check the options user and password")
_NO_DATABASE = Fault("S106", "the account cannot open the database", "check the database in the url, and that the account may use it")
_NOT_ALLOWED = Fault("S108", "the account may not read this", "grant SELECT on the mapped tables")
_LOST = Fault("S102", "the connection was lost", transient=True)
_UNREACHABLE = Fault("S101", "the source cannot be reached", transient=True)
_OUT_OF_TIME = Fault("S103", "the source did not answer in time", transient=True)
_NO_TABLE = Fault("S120", "a table is not there")
_NO_COLUMN = Fault("S120", "a column is not there")
_NO_MEMORY = Fault("S105", "the source ran out of memory")
_NO_DRIVER = Fault(
    "S110",
    "the ODBC driver of the source cannot be loaded",
    "apt install tdsodbc unixodbc, or name an installed driver (odbcinst -q -d) by the option driver",
)

_BY_NUMBER: Mapping[int, Fault] = {
    **dict.fromkeys((18450, 18451, 18452, 18456, 18461, 18470, 18486, 18487, 18488), _REFUSED),
    **dict.fromkeys((911, 916, 4060, 4064), _NO_DATABASE),
    **dict.fromkeys((229, 230, 297, 300), _NOT_ALLOWED),
    **dict.fromkeys((208,), _NO_TABLE),
    **dict.fromkeys((207, 4104), _NO_COLUMN),
    **dict.fromkeys((701, 8645, 8651, 8902), _NO_MEMORY),
    1205: Fault("S102", "the source ended the statement to break a deadlock", transient=True),
    1222: _OUT_OF_TIME,
    # A session that was killed, a server that shuts down.
    **dict.fromkeys((596, 6005, 6106, 10053, 10054, 10060, 233), _LOST),
    # FreeTDS's own: read and write failed, connection dead, unexpected end; no connection, unknown host.
    **dict.fromkeys((20004, 20006, 20017, 20020, 20021, 20047), _LOST),
    **dict.fromkeys((20002, 20009, 20012, 20013), _UNREACHABLE),
    20003: _OUT_OF_TIME,
}

_BY_STATE: Mapping[str, Fault] = {
    "28000": _REFUSED,
    "08001": _UNREACHABLE,
    "08004": _UNREACHABLE,
    "08S01": _LOST,
    "08003": _LOST,
    "08007": _LOST,
    "24000": _LOST,
    "HYT00": _OUT_OF_TIME,
    "HYT01": _UNREACHABLE,
    "42S02": _NO_TABLE,
    "42S22": _NO_COLUMN,
    "IM002": _NO_DRIVER,
    "IM003": _NO_DRIVER,
    "01000": _LOST,
    "HY000": _LOST,  # what FreeTDS says of the first statement on a connection whose server is gone: "Unknown error", number 0
}
_GENERAL = frozenset({"01000", "HY000"})
"""States that say nothing beside a number of the server's own."""

_UNKNOWN = Fault("S105", "the source answered with an error")


def fault_of(error: Exception) -> tuple[Fault, int]:
    """What a pyodbc.Error or OdbcError means, and the native number beside it (0: none)."""
    numbers, states = _told(error)
    for number in numbers:
        if number in _BY_NUMBER:
            return _BY_NUMBER[number], number
    if "cannot open lib" in _text(error).lower() or "can't open lib" in _text(error).lower():
        return _NO_DRIVER, 0
    server_number = next((number for number in numbers if number > 0), 0)
    for state in states:
        if state in _BY_STATE and not (server_number and state in _GENERAL):
            return _BY_STATE[state], numbers[0] if numbers else 0
    return _UNKNOWN, server_number


def is_silent(error: Exception) -> bool:
    """Whether a driver said no more than that there is no connection, as of a handshake that failed: FreeTDS with number 0, Microsoft's -1."""
    fault, number = fault_of(error)
    return fault is _UNREACHABLE and number <= 0


def connect_error(error: Exception) -> SourceError:
    """Why no connection was made."""
    if fault_of(error)[0] is _OUT_OF_TIME:  # the driver's own limit, connect_timeout
        return SourceError(_UNREACHABLE.code, _UNREACHABLE.fact, transient=True)
    return source_error(error)


def source_error(error: Exception, tables: Iterable[SqlTable] = ()) -> SourceError:
    """The fault as the contract has it. A table or column is named only if the mapping has it: the driver's text is not trusted."""
    fault, number = fault_of(error)
    fact = fault.fact
    if fault is _NO_TABLE:
        table = next(iter(_mentioned(error, tables)), None)
        if table is None:
            return SourceError("S105", f"{_UNKNOWN.fact} (number {number})")
        fact = f"table {table.name} is not there"
    elif fault is _NO_COLUMN:
        known = list(tables)
        quoted = set(_QUOTED.findall(_text(error)))
        found = [(table, column.name) for table in known for column in table.columns if column.name in quoted]
        fact = f"table {found[0][0].name} has no column {found[0][1]}" if found else fault.fact
    elif fault is _NOT_ALLOWED:
        found_tables = list(_mentioned(error, tables))
        fact = f"the account may not read table {found_tables[0].name}" if found_tables else fault.fact
    elif fault is _UNKNOWN and number:
        fact = f"{fault.fact} (number {number})"
    return SourceError(fault.code, fact, fault.hint, transient=fault.transient)


def _mentioned(error: Exception, tables: Iterable[SqlTable]) -> Iterator[SqlTable]:
    last_parts = {text.rpartition(".")[2].strip("[]") for text in _QUOTED.findall(_text(error))}
    return (table for table in tables if table.name in last_parts)


def _told(error: Exception) -> tuple[list[int], list[str]]:
    if isinstance(error, OdbcError):
        return [error.native], [error.state]
    text = _text(error)
    state = error.args[0] if error.args and isinstance(error.args[0], str) else ""
    return [int(number) for number in _NUMBERS.findall(text)], [state, *_STATES.findall(text)]


def _text(error: Exception) -> str:
    return str(error.args[-1]) if error.args and not isinstance(error, OdbcError) else ""
