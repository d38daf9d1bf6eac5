"""What PostgreSQL and libpq say, as the public errors. Only codes, and words of libpq's own, are looked at: a message holds values.

SourceError
├─ S101, S102, S103: another connection may do better (transient)
├─ S104, S105, S106, S107, S108, S110: it would not
└─ S120, S121: the source is not as declared; the adapter looks which table and column it is
"""

from __future__ import annotations

import re
from typing import Any

from adapters.interface import SourceError

_UNDEFINED = frozenset({"42P01", "42703", "3F000", "42883", "42804", "42846"})
"""A table, column, schema, or an operator or cast for a column's type is not there: the source may have changed."""

_UNREADABLE = frozenset({"22P02", "22007", "22008", "22003", "22P03", "22P05", "22021", "22018"})
"""A value is not of the form that a cast wants."""

_CHANGED, _UNREADABLE_VALUE = "the tables of the database are not as declared any more", "a value cannot be read as its declared type"

UNNAMED = frozenset({_CHANGED, _UNREADABLE_VALUE})
"""Facts that still lack their table and column."""

_STATES: dict[str, dict[str, Any]] = {
    "28000": {"code": "S106", "fact": "the database refused the gateway's account"},
    "28P01": {"code": "S106", "fact": "the database refused the gateway's account", "hint": "look at the options user and password"},
    "3D000": {"code": "S110", "fact": "the server has no such database", "hint": "look at the url of the source"},
    "42501": {
        "code": "S108",
        "fact": "the gateway's account may not read this",
        "hint": "GRANT SELECT ON the tables, and USAGE ON SCHEMA, TO the account",
    },
    "53300": {"code": "S101", "fact": "the database takes no more connections", "transient": True},
    "57P03": {"code": "S101", "fact": "the database is starting or stopping", "transient": True},
    "57014": {"code": "S103", "fact": "the database stopped the query before its end", "transient": True},
    "40001": {"code": "S102", "fact": "the database gave the query up", "transient": True},
    "40P01": {"code": "S102", "fact": "the database gave the query up", "transient": True},
    **{
        state: {"code": "S102", "fact": "the database ended the connection", "transient": True}
        for state in ("57P01", "57P02", "57P04", "57P05", "25P03", "25P04")
    },
    **{state: {"code": "S120", "fact": _CHANGED} for state in _UNDEFINED},
    **{state: {"code": "S121", "fact": _UNREADABLE_VALUE} for state in _UNREADABLE},
}


def server_failure(state: str | None) -> SourceError:
    """The error for a SQLSTATE; without one the connection broke under the query."""
    if state is None or state.startswith("08"):
        return lost()
    known = _STATES.get(state)
    return SourceError(**known) if known else SourceError("S105", f"the database answered with an error (SQLSTATE {state})")


def lost() -> SourceError:
    return SourceError("S102", "the connection to the database was lost", "look whether the database still runs", transient=True)


def unreachable(how: str) -> SourceError:
    return SourceError("S101", f"the database {how}", "look at the url of the source, and whether the database runs", transient=True)


def missing_driver() -> SourceError:
    return SourceError("S110", "the driver for PostgreSQL is not installed", "pip install 'hospital-gateway[postgres]'")


# ------------------------------------------------------------------------------------------------- while connecting

# psycopg keeps no SQLSTATE of a refused connection (psycopg issue 1188), so that some words must be looked at. They are English
# unless the server speaks another language; what is then not recognised counts as a refused account, which is the usual case.
_NOT_NOW = re.compile(r"starting up|shutting down|recovery mode|not yet accepting|too many (clients|connections)|connection slots")
_NO_DATABASE = re.compile(r'database ".*" does not exist')
_BROKEN_OFF = re.compile(r"SYSCALL|unexpected eof|closed the connection|reset by peer|timed? ?out|refused", re.IGNORECASE)
_WRONG_FILE = re.compile(r"root certificate file|could not read root certificate")


def connect_failure(stage: str, message: str) -> SourceError:
    """`stage`: how far libpq came (`reaching`, `tls` or `login`); `message`: what it or the server said."""
    if stage == "tls" and not _BROKEN_OFF.search(message):
        if _WRONG_FILE.search(message):
            return SourceError("S110", "the file of tls_ca holds no certificate", "tls_ca: the path of a PEM file")
        if "does not support SSL" in message:
            return SourceError("S107", "the database does not speak TLS", "let its administrator set ssl = on, or say tls: off")
        return SourceError(
            "S107",
            "the certificate of the database is not trusted",
            "tls_ca: the PEM file of the authority that signed it; tls_server_name: the name in it",
        )
    if stage == "login" and not _BROKEN_OFF.search(message):
        if _NOT_NOW.search(message):
            return server_failure("57P03")
        return server_failure("3D000" if _NO_DATABASE.search(message) else "28P01")
    return unreachable("is not reached or does not accept connections")
