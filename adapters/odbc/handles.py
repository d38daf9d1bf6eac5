"""The few calls of the ODBC driver manager that pyodbc does not offer, on the handle of a pyodbc cursor. ctypes lets the GIL go."""

from __future__ import annotations

import ctypes
import ctypes.util
from ctypes import POINTER, byref, c_int, c_short, c_size_t, c_ssize_t, c_uint16, c_ushort, c_void_p
from dataclasses import dataclass
from functools import cache
from typing import Any

SUCCESS, SUCCESS_WITH_INFO, NO_DATA = 0, 1, 100
NULL_DATA, NO_TOTAL = -1, -4
_UNBIND = 2  # of SQLFreeStmt
_ROW_ARRAY_SIZE, _ROWS_FETCHED = 27, 26  # statement attributes
_HANDLE_STATEMENT = 3
_NAME_LENGTH = 257
_HARMLESS = frozenset({"01004", "01S07"})
"""A text cut to its buffer (the indicators are looked at), a fraction cut to its digits."""

_ARGUMENTS: dict[str, list[Any]] = {
    "SQLNumResultCols": [c_void_p, POINTER(c_short)],
    "SQLDescribeColW": [
        c_void_p,
        c_ushort,
        c_void_p,
        c_short,
        POINTER(c_short),
        POINTER(c_short),
        POINTER(c_size_t),
        POINTER(c_short),
        POINTER(c_short),
    ],
    "SQLBindCol": [c_void_p, c_ushort, c_short, c_void_p, c_ssize_t, c_void_p],
    "SQLFetch": [c_void_p],
    "SQLSetStmtAttr": [c_void_p, c_int, c_void_p, c_int],
    "SQLFreeStmt": [c_void_p, c_ushort],
    "SQLGetDiagRec": [c_short, c_void_p, c_short, c_void_p, POINTER(c_int), c_void_p, c_short, POINTER(c_short)],
}


class OdbcError(Exception):
    """A call on a statement's handle failed; `native` is the server's own number, 0 if it has none. The driver's text is not kept."""

    def __init__(self, call: str, state: str, native: int) -> None:
        super().__init__(f"{call} failed with state {state}, number {native}")
        self.call, self.state, self.native = call, state, native


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of a result as the driver describes it: `size` in characters or bytes, 0 where it is not bounded."""

    name: str
    sql_type: int
    size: int
    scale: int


@cache
def _driver_manager() -> Any:
    """The driver manager that pyodbc uses: it is in the process already, under this name."""
    library = ctypes.CDLL(ctypes.util.find_library("odbc") or "libodbc.so.2")
    for name, arguments in _ARGUMENTS.items():
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, c_short
    return library


class StatementHandle:
    """The handle of one open pyodbc cursor. It must not be used once the cursor has been closed."""

    def __init__(self, cursor: Any) -> None:
        handle = cursor.hstmt
        self._handle = handle if isinstance(handle, c_void_p) else c_void_p(int(handle))
        self._odbc = _driver_manager()
        self._fetched = c_size_t()

    def columns(self) -> list[ResultColumn]:
        count = c_short()
        self._check(self._odbc.SQLNumResultCols(self._handle, byref(count)), "SQLNumResultCols")
        return [self._describe(number) for number in range(1, count.value + 1)]

    def _describe(self, number: int) -> ResultColumn:
        name = (c_uint16 * _NAME_LENGTH)()
        length, sql_type, scale, nullable, size = c_short(), c_short(), c_short(), c_short(), c_size_t()
        code = self._odbc.SQLDescribeColW(
            self._handle, number, name, _NAME_LENGTH, byref(length), byref(sql_type), byref(size), byref(scale), byref(nullable)
        )
        self._check(code, "SQLDescribeCol")
        return ResultColumn(bytes(name)[: length.value * 2].decode("utf-16-le", "replace"), sql_type.value, size.value, scale.value)

    def bind(self, number: int, c_type: int, buffer: int, width: int, indicator: int) -> None:
        """Column `number` (the first is 1) goes to the address `buffer`, `width` bytes a row; lengths and NULLs to `indicator`."""
        self._check(self._odbc.SQLBindCol(self._handle, number, c_type, buffer, width, indicator), "SQLBindCol")

    def rows_at_once(self, rows: int) -> None:
        self._set(_ROW_ARRAY_SIZE, c_void_p(rows))
        self._set(_ROWS_FETCHED, ctypes.cast(ctypes.pointer(self._fetched), c_void_p))

    def fetch(self) -> int:
        """Blocks for the next rows; how many have come, 0 at the end. What was cut is told by the indicators, not here.

        Where the server fails after some rows of a block, the driver gives those rows, says "success with information", and the end
        comes next: the information is the error.
        """
        code = self._odbc.SQLFetch(self._handle)
        if code == NO_DATA:
            return 0
        self._check(code, "SQLFetch")
        if code == SUCCESS_WITH_INFO:
            self._check_information()
        return self._fetched.value

    def release(self) -> None:
        """The cursor is pyodbc's again: nothing is bound, one row at a time. Never raises."""
        self._odbc.SQLFreeStmt(self._handle, _UNBIND)
        self._odbc.SQLSetStmtAttr(self._handle, _ROW_ARRAY_SIZE, c_void_p(1), 0)
        self._odbc.SQLSetStmtAttr(self._handle, _ROWS_FETCHED, None, 0)

    def _set(self, attribute: int, value: c_void_p) -> None:
        self._check(self._odbc.SQLSetStmtAttr(self._handle, attribute, value, 0), "SQLSetStmtAttr")

    def _check(self, code: int, call: str) -> None:
        if code in (SUCCESS, SUCCESS_WITH_INFO):
            return
        state, native = self._diagnosis(1) or ("", 0)
        raise OdbcError(call, state, native)

    def _check_information(self) -> None:
        place = 1
        while (found := self._diagnosis(place)) is not None:
            state, native = found
            harmless = state in _HARMLESS or (state.startswith("01") and native == 0)
            if not harmless:
                raise OdbcError("SQLFetch", state, native)
            place += 1

    def _diagnosis(self, place: int) -> tuple[str, int] | None:
        """State and native number of a diagnostic record (the first is 1); None if there is none."""
        state, text, native, length = ctypes.create_string_buffer(6), ctypes.create_string_buffer(1024), c_int(), c_short()
        code = self._odbc.SQLGetDiagRec(_HANDLE_STATEMENT, self._handle, place, state, byref(native), text, 1024, byref(length))
        if code not in (SUCCESS, SUCCESS_WITH_INFO):
            return None
        return state.value.decode("ascii", "replace"), native.value
