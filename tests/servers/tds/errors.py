"""What the server answers instead of rows: SQL Server's error numbers, and how an error of DuckDB becomes one of them."""

from __future__ import annotations

import re

import duckdb

_MARK = "SQL Server error"
_MARKED = re.compile(_MARK + r" (\d+): (.*)")


class SqlServerError(Exception):
    """A statement's failure as SQL Server reports it: number, message, severity (its class, 1 to 25) and state."""

    def __init__(self, number: int, message: str, *, severity: int = 16, state: int = 1) -> None:
        super().__init__(message)
        self.number, self.message, self.severity, self.state = number, message, severity, state

    def marked(self) -> str:
        """The text that carries number and message through DuckDB."""
        return f"{_MARK} {self.number}: {self.message}"


class NotTranslated(SqlServerError):
    """T-SQL, or what might be, that this server does not know. It is never handed to DuckDB as it stands."""

    def __init__(self, what: str) -> None:
        super().__init__(40517, f"the test server does not translate {what}")


def syntax_error(near: str) -> SqlServerError:
    return SqlServerError(102, f"Incorrect syntax near '{near}'.", severity=15)


def from_duckdb(error: duckdb.Error) -> SqlServerError:
    """DuckDB's error under SQL Server's number; what has none is 50000, which no test may expect."""
    text = str(error)
    if marked := _MARKED.search(text):
        return SqlServerError(int(marked[1]), marked[2].split("\n")[0].strip())
    match error:
        case duckdb.ConstraintException() if "NOT NULL" in text:
            return SqlServerError(515, "Cannot insert the value NULL into column; column does not allow nulls.")
        case duckdb.ConstraintException():
            return SqlServerError(2627, "Violation of PRIMARY KEY constraint. Cannot insert duplicate key.", severity=14)
        case duckdb.TransactionException() if "aborted" in text:
            message = "The current transaction cannot be committed and cannot support operations that write to the log file. Roll back the transaction."
            return SqlServerError(3930, message)
        case duckdb.TransactionException() if "onflict" in text:
            return SqlServerError(1205, "Transaction was deadlocked and has been chosen as the deadlock victim.", severity=13)
        case duckdb.ConversionException() | duckdb.OutOfRangeException():
            return SqlServerError(8115, "Arithmetic overflow error converting expression.")
        case duckdb.InvalidInputException() if "More than one row returned by a subquery" in text:
            return SqlServerError(512, "Subquery returned more than 1 value.")
        case _:
            return SqlServerError(50000, f"the test server failed: {text[:300]}")
