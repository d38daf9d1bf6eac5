"""What drivers say, as they say it, and what becomes of it: numbers decide, texts are not passed on."""

from __future__ import annotations

import pytest

from adapters.odbc.handles import OdbcError
from adapters.sqlserver.errors import connect_error, is_silent, source_error
from tests.adapters.duckdb.test_text_files import table

PEOPLE = table("people", pid="text", age="integer")
WAGES = table("wages", salary="integer")
F, M = "[FreeTDS][SQL Server]", "[Microsoft][ODBC Driver 18 for SQL Server]"


@pytest.mark.parametrize(
    ("state", "text", "code", "transient"),
    [
        ("42000", f"[42000] {F}Login failed for user 'sa'. (18456) (SQLDriverConnect)", "S106", False),
        ("28000", f"[28000] {M}[SQL Server]Login failed for user 'sa'. (18456) (SQLDriverConnect)", "S106", False),
        ("42000", f'[42000] {F}Cannot open database "x" requested by the login. (4060) (SQLDriverConnect)', "S106", False),
        ("42000", f"[42000] {F}The SELECT permission was denied on the object 'people' (229) (SQLExecDirectW)", "S108", False),
        (
            "08S01",
            f"[08S01] {F}Unable to connect: Adaptive Server is unavailable or does not exist (20009) (SQLDriverConnect)",
            "S101",
            True,
        ),
        ("01000", f"[01000] {F}Unexpected EOF from the server (20017) (SQLExecDirectW)", "S102", True),
        ("24000", f"[24000] {F}Invalid cursor state (0) (SQLFetch)", "S102", True),
        ("08S01", f"[08S01] {M}TCP Provider: Error code 0x68 (104) (SQLExecDirectW)", "S102", True),
        ("HYT00", f"[HYT00] {F}Timeout expired (0) (SQLExecDirectW)", "S103", True),
        ("40001", f"[40001] {F}Transaction was deadlocked (1205) (SQLExecDirectW)", "S102", True),
        ("08001", f"[08001] {M}TCP Provider: Error code 0x2AF9 (11001) (SQLDriverConnect)", "S101", True),
        ("01000", "[01000] [unixODBC][Driver Manager]Can't open lib 'FreeTDS' : file not found (0) (SQLDriverConnect)", "S110", False),
        ("42000", f"[42000] {F}Error converting data type nvarchar to float. (8114) (SQLExecDirectW)", "S105", False),
        ("HY000", f"[HY000] {F}Unknown error (0) (SQLExecDirectW)", "S102", True),
        ("HY000", f"[HY000] {F}What the server says itself (50001) (SQLExecDirectW)", "S105", False),
        ("HY104", "nothing that anybody knows", "S105", False),
    ],
)
def test_a_fault_has_one_code_and_no_text_of_the_driver(state: str, text: str, code: str, transient: bool) -> None:
    found = source_error(Exception(state, text), [PEOPLE])
    assert (found.code, found.transient) == (code, transient)
    assert "SQL Server" not in found.fact
    assert "'sa'" not in found.fact


def test_what_is_gone_is_named_if_the_mapping_has_it() -> None:
    assert (
        "people"
        in source_error(Exception("42S02", f"[42S02] {F}Invalid object name 'dbo.people'. (208) (SQLExecDirectW)"), [WAGES, PEOPLE]).fact
    )
    column = source_error(Exception("42S22", f"[42S22] {F}Invalid column name 'age'. (207) (SQLExecDirectW)"), [WAGES, PEOPLE])
    assert (column.code, column.fact) == ("S120", "table people has no column age")


def test_names_that_the_mapping_does_not_have_are_not_repeated() -> None:
    other = source_error(Exception("42S02", f"[42S02] {F}Invalid object name 'dbo.Smith, Jane'. (208) (SQLExecDirectW)"), [PEOPLE])
    assert other.code == "S105"
    assert "Smith" not in other.fact


def test_a_number_inside_a_value_decides_nothing() -> None:
    text = f"[22018] {F}Conversion failed when converting the varchar value '(18456)' to data type int. (245) (SQLExecDirectW)"
    found = source_error(Exception("22018", text), [PEOPLE])
    assert (found.code, found.fact) == ("S105", "the source answered with an error (number 245)")


def test_a_fault_of_a_handle_is_known_by_its_number_and_state() -> None:
    assert source_error(OdbcError("SQLFetch", "01000", 20017)).code == "S102"
    assert source_error(OdbcError("SQLFetch", "08S01", 0)).code == "S102"


def test_drivers_that_say_nothing_of_a_handshake_are_known_by_that() -> None:
    freetds = Exception("08001", f"[08001] {F}Unable to connect to data source (0) (SQLDriverConnect)")
    absent = Exception("08S01", f"[08S01] {F}Unable to connect: Adaptive Server is unavailable (20009) (SQLDriverConnect)")
    microsoft = Exception("08001", f"[08001] {M}SSL Provider: certificate verify failed:unable to get local issuer (-1) (SQLDriverConnect)")
    unknown_host = Exception("08001", f"[08001] {M}TCP Provider: Error code 0x2AF9 (11001) (SQLDriverConnect)")
    password = Exception("28000", f"[28000] {M}[SQL Server]Login failed for user 'sa'. (18456) (SQLDriverConnect)")
    assert [is_silent(error) for error in (freetds, microsoft, absent, unknown_host, password)] == [True, True, False, False, False]


def test_the_drivers_own_limit_of_connecting_is_a_source_that_does_not_answer() -> None:
    late = Exception("S1T00", f"[S1T00] {F}Adaptive Server connection timed out (20003) (SQLDriverConnect)")
    assert (connect_error(late).code, source_error(late).code) == ("S101", "S103")
