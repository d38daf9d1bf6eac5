"""Bad statements get a clear error with code and place, quickly, and disturb nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.error_codes import ERROR_CODES
from gateway.errors import GatewayError
from tests.region.harness import ask

if TYPE_CHECKING:
    from gateway.engine import Engine

NAMES = {
    "unknown table": ("SELECT * FROM patiens", {"B101", "G101"}, (1, 15)),
    "unknown table in a subquery": ("SELECT 1 FROM patient WHERE patient_id IN (\n  SELECT x FROM nothing)", {"B101", "G101"}, (2, 17)),
    "unknown schema": ("SELECT * FROM elsewhere.patient", {"B101", "G101"}, None),
    "unknown column": ("SELECT given_nam FROM patient", {"B102"}, (1, 8)),
    "unknown column on a later line": ("SELECT given_name\nFROM patient\nWHERE famly_name = 'x'", {"B102"}, (3, 7)),
    "unknown alias": ("SELECT p.city FROM patient AS q", {"B101", "B102"}, (1, 8)),
    "column of a table that is not in reach": ("SELECT * FROM (SELECT patient_id FROM patient) AS d WHERE d.city = 'x'", {"B102"}, (1, 59)),
    "ambiguous column": ("SELECT patient_id FROM patient AS a JOIN encounter AS b ON a.node = b.node", {"B103"}, (1, 8)),
    "same alias twice": ("SELECT 1 FROM patient AS a, encounter AS a", {"B106", "B103", "P104", "B101"}, None),
    "unknown function": ("SELECT uper(city) FROM patient", {"P105"}, (1, 8)),
    "column not grouped": ("SELECT city, count(*) FROM patient", {"B106"}, None),
    "aggregate in WHERE": ("SELECT city FROM patient WHERE count(*) > 1", {"B106", "P104"}, None),
    "different widths in UNION": ("SELECT node, city FROM patient UNION SELECT node FROM patient", {"B106"}, None),
    "subquery of two columns": ("SELECT 1 FROM patient WHERE patient_id IN (SELECT node, patient_id FROM patient)", {"B106", "B104"}, None),
    "position out of range in ORDER BY": ("SELECT city FROM patient ORDER BY 2", {"B106"}, None),
}
TYPES = {
    "text compared with a number": ("SELECT 1 FROM patient WHERE city = 5", {"B104"}),
    "number compared with a word": ("SELECT 1 FROM vital_sign WHERE value > 'high'", {"B105", "B104"}),
    "date compared with a word": ("SELECT 1 FROM patient WHERE birth_date = 'yesterdayish'", {"B105", "B104"}),
    "impossible date": ("SELECT 1 FROM patient WHERE birth_date = '2023-02-30'", {"B105"}),
    "impossible instant": ("SELECT 1 FROM encounter WHERE period_start >= TIMESTAMPTZ '2024-13-01 00:00:00+00'", {"B105"}),
    "text added to a number": ("SELECT city + 1 FROM patient", {"B104", "B105"}),
    "sum of text": ("SELECT sum(city) FROM patient", {"B104"}),
    "text as a condition": ("SELECT 1 FROM patient WHERE city", {"B104"}),
    "instant against number": ("SELECT 1 FROM encounter WHERE period_start > 5", {"B104"}),
    "union of text and double": ("SELECT city FROM patient UNION SELECT value FROM vital_sign", {"B104", "B106"}),
}
WRITES = [
    "INSERT INTO patient (node) VALUES ('x')",
    "UPDATE patient SET city = 'x'",
    "DELETE FROM patient",
    "DROP TABLE patient",
    "TRUNCATE patient",
    "CREATE TABLE x (a int)",
    "CREATE TABLE x AS SELECT * FROM patient",
    "CREATE FUNCTION f() RETURNS int AS 'select 1' LANGUAGE sql",
    "ALTER TABLE patient ADD COLUMN x int",
    "COPY patient TO '/tmp/x'",
    "COPY (SELECT 1) TO PROGRAM 'id'",
    "ATTACH '/tmp/x.db' AS x",
    "DETACH health",
    "PRAGMA database_list",
    "SET memory_limit = '1TB'",
    "RESET ALL",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CALL pragma_version()",
    "EXPORT DATABASE '/tmp/x'",
    "VACUUM",
    "EXECUTE x",
    "PREPARE x AS SELECT 1",
    "GRANT ALL ON patient TO x",
    "MERGE INTO patient USING encounter ON true WHEN MATCHED THEN DELETE",
    "WITH x AS (DELETE FROM patient RETURNING *) SELECT * FROM x",
    "WITH x AS (INSERT INTO patient (node) VALUES ('a') RETURNING *) SELECT * FROM x",
    "SELECT * INTO x FROM patient",
    "SELECT * FROM patient FOR UPDATE",
    "BEGIN; SELECT 1",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE patient",
    "EXPLAIN ANALYZE DELETE FROM patient",
    "DO $$ BEGIN END $$",
    "LISTEN x",
    "SHOW ALL",
    "DESCRIBE patient",
    "SUMMARIZE patient",
    "USE health",
]
ESCAPES = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_parquet('x.parquet')",
    "SELECT * FROM parquet_scan('x.parquet')",
    "SELECT * FROM '/etc/passwd'",
    'SELECT * FROM "/etc/passwd"',
    'SELECT * FROM "x.parquet"',
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('patient')",
    "SELECT * FROM sqlite_scan('a', 'b')",
    "SELECT * FROM postgres_query('a', 'b')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_tables()",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM pg_class",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM pragma_table_info('patient')",
    "SELECT getenv('HOME')",
    "SELECT current_setting('memory_limit')",
    "SELECT set_config('a', 'b', false)",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT getvariable('x')",
    "SELECT * FROM generate_series(1, 1000000000000)",
    "SELECT * FROM range(1000000000000)",
    "SELECT repeat('a', 2000000000)",
    "SELECT lpad('a', 2000000000, 'b')",
    "SELECT rpad('a', 2000000000, 'b')",
    "SELECT error('x')",
    "SELECT pg_sleep(10)",
    "SELECT sleep_ms(10000)",
    "SELECT write_log('x')",
    "SELECT to_json(p) FROM patient AS p",
    "SELECT row_to_json(p) FROM patient AS p",
    "SELECT COLUMNS(*) FROM patient",
    "SELECT * FROM patient TABLESAMPLE BERNOULLI (10)",
    "PIVOT patient ON city USING count(*)",
    "SELECT patient_id FROM patient QUALIFY row_number() OVER () = 1",
    "SELECT [x FOR x IN [1, 2]]",
    "SELECT list_transform([1], lambda x: x + 1)",
    "SELECT nextval('x')",
    "SELECT txid_current()",
    "SELECT health.patient(1)",
    "SELECT pg_catalog.upper('a') FROM pg_catalog.pg_tables",
]
TEXTS = {
    "nothing": "",
    "only spaces": "  \n ",
    "only a comment": "-- nothing",
    "only a semicolon": ";",
    "unterminated quote": "SELECT 'abc FROM patient",
    "unterminated identifier": 'SELECT "abc FROM patient',
    "unterminated comment": "SELECT 1 /* never closed",
    "unterminated dollar quote": "SELECT $$abc",
    "NUL": "SELECT '\x00' FROM patient",
    "lone surrogate": "SELECT '\ud800' FROM patient",
    "unbalanced brackets": "SELECT (1 FROM patient",
    "brackets closed twice": "SELECT 1)) FROM patient",
    "a word too few": "SELECT city FROM",
    "a word too many": "SELECT city FROM patient WHERE WHERE",
    "not SQL": "please give me all patients",
    "an emoji": "😀",
    "identifiers that are not ASCII": "SELECT 姓名 FROM 病人",
    "homoglyph of a column": "SELECT сity FROM patient",
}
LARGE: dict[str, Callable[[], str]] = {
    "a megabyte of open brackets": lambda: "SELECT " + "(" * 1_000_000,
    "a megabyte of balanced brackets": lambda: "SELECT " + "(" * 500_000 + "1" + ")" * 500_000,
    "500 brackets": lambda: "SELECT " + "(" * 500 + "1" + ")" * 500,
    "10,000 nested subqueries": lambda: "SELECT * FROM " + "(SELECT * FROM " * 10_000 + "patient" + ") AS d" * 10_000,
    "300 nested subqueries": lambda: "SELECT * FROM " + "(SELECT * FROM " * 300 + "patient" + ") AS d" * 300,
    "50,001 words": lambda: "SELECT " + "1," * 25_000 + "1",
    "a long list of keys": lambda: "SELECT 1 FROM patient WHERE patient_id IN (" + ",".join(f"'{i:08}'" for i in range(30_000)) + ")",
    "10,000 times NOT": lambda: "SELECT 1 FROM patient WHERE " + "NOT " * 10_000 + "true",
    "10,000 minus signs": lambda: "SELECT " + "- " * 10_000 + "1",
    "10,000 nested CASE": lambda: "SELECT " + "CASE WHEN true THEN " * 10_000 + "1" + " END" * 10_000,
    "3,000 nested functions": lambda: "SELECT " + "abs(" * 3_000 + "1" + ")" * 3_000,
    "5,000 casts": lambda: "SELECT 1" + "::int" * 5_000,
    "2,000 UNIONs": lambda: " UNION ALL ".join(["SELECT 1"] * 2_000),
    "2,000 joins": lambda: "SELECT 1 FROM patient AS p0" + "".join(f" JOIN patient AS p{i} ON true" for i in range(1, 2_000)),
    "2,000 nested CTEs": lambda: (
        "WITH " + ", ".join(f"c{i} AS (SELECT * FROM {f'c{i - 1}' if i else 'patient'})" for i in range(2_000)) + " SELECT * FROM c1999"
    ),
    "5,000 array brackets": lambda: "SELECT " + "[" * 5_000 + "]" * 5_000,
    "300 kB of spaces": lambda: "SELECT 1" + " " * 300_000,
    "a name of 100,000 letters": lambda: "SELECT " + "a" * 100_000 + " FROM patient",
    "10,000 escaped quotes": lambda: "SELECT '" + "''" * 10_000,
}
"""Each must be refused or answered within seconds, and never kill the process."""


def refusal(engine: Engine, sql: str) -> GatewayError:
    started = time.monotonic()
    with pytest.raises(GatewayError) as caught:
        ask(engine, sql)
    assert time.monotonic() - started < 5, "took too long to refuse"
    error = caught.value
    assert error.code in ERROR_CODES and error.code[0] in "PBGL", f"{error.code}: {error.fact} {error.detail}"
    assert error.fact and "\n" not in error.fact and not error.fact.endswith("."), error.fact
    assert "Traceback" not in str(error) and "sqlglot" not in f"{error.fact}{error.detail}{error.hint}".lower()
    return error


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_does_not_fit_is_named_with_its_place(region_engine: Engine, name: str) -> None:
    sql, codes, place = NAMES[name]
    error = refusal(region_engine, sql)
    assert error.code in codes, f"{error.code}: {error.fact}"
    if place is not None:
        assert error.position is not None and (error.position.line, error.position.column) == place, error.position


@pytest.mark.parametrize("name", TYPES)
def test_types_that_do_not_fit_are_refused_before_any_source_is_asked(region_engine: Engine, name: str) -> None:
    sql, codes = TYPES[name]
    error = refusal(region_engine, sql)
    assert error.code in codes, f"{error.code}: {error.fact}"
    assert error.position is not None and error.position.line == 1


def test_a_misspelt_table_and_column_get_the_right_name_as_a_hint(region_engine: Engine) -> None:
    assert "patient" in refusal(region_engine, "SELECT * FROM patiens").hint
    assert "given_name" in refusal(region_engine, "SELECT given_nam FROM patient").hint


@pytest.mark.parametrize("sql", WRITES)
def test_whatever_is_not_one_select_is_refused(region_engine: Engine, sql: str) -> None:
    assert refusal(region_engine, sql).code in ("P101", "P103", "P104")


@pytest.mark.parametrize("sql", ESCAPES)
def test_files_engine_tables_and_unbounded_functions_are_out_of_reach(region_engine: Engine, sql: str) -> None:
    assert refusal(region_engine, sql).code in ("P101", "P103", "P104", "P105", "B101", "B102", "G101")


@pytest.mark.parametrize("name", TEXTS)
def test_text_that_is_no_statement_is_refused(region_engine: Engine, name: str) -> None:
    assert refusal(region_engine, TEXTS[name]).code in ("P101", "P103", "B101", "B102")


@pytest.mark.parametrize(
    "name", ["a word too few", "a word too many", "unbalanced brackets", "not SQL", "NUL", "unterminated quote", "unterminated comment"]
)
def test_a_syntax_error_says_where(region_engine: Engine, name: str) -> None:
    error = refusal(region_engine, TEXTS[name])
    assert error.position is not None and error.position.line == 1 and error.position.column >= 1


@pytest.mark.parametrize(
    "name", ["a megabyte of open brackets", "10,000 nested subqueries", "50,001 words", "300 kB of spaces", "10,000 times NOT"]
)
def test_a_statement_that_is_too_large_or_deep_is_refused_before_it_is_parsed(region_engine: Engine, name: str) -> None:
    assert refusal(region_engine, LARGE[name]()).code == "P102"


def test_large_statements_neither_kill_nor_stall_the_process_and_it_answers_afterwards() -> None:
    """In a process of its own: the compiled parser dies of a segmentation fault where nothing guards it."""
    program = "from tests.sql.test_bad_input import run_large_statements; run_large_statements()"
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    assert done.stdout.splitlines()[-1] == "still answers: 905"


def run_large_statements() -> None:
    """The body of the process that the test above starts."""
    from tests.region.region import open_region

    with open_region() as engine:
        for name, build in LARGE.items():
            started, sql = time.monotonic(), build()
            try:
                outcome = f"{ask(engine, sql).rows.num_rows} rows"
            except GatewayError as error:
                outcome = f"{error.code} {error.fact}"
            seconds = time.monotonic() - started
            print(f"{name}: {outcome} in {seconds:.2f} s", flush=True)
            assert seconds < 15 and outcome[0] in "PBG0123456789", name
        print(f"still answers: {ask(engine, 'SELECT patient_id FROM patient').rows.num_rows}", flush=True)


def test_the_engine_still_answers_after_all_of_this(region_engine: Engine) -> None:
    assert ask(region_engine, "SELECT count(*) AS n FROM patient").rows.to_pylist() == [{"n": 905}]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) AS n FROM patient -- ; DROP TABLE patient",
        "/* a comment */ SELECT count(*) /* another */ AS n FROM patient /* ; */",
        "SELECT count(*) AS n FROM patient;",
        "SELECT count(*) AS n FROM patient WHERE city <> ';--''/*'",
        'SELECT count(*) AS "n" FROM "patient"',
        "select COUNT(*) as n from PATIENT",
        "SELECT count(*) AS n FROM health.patient",
    ],
)
def test_comments_semicolons_in_texts_and_quoted_names_are_no_trouble(region_engine: Engine, sql: str) -> None:
    assert ask(region_engine, sql).rows.to_pylist() == [{"n": 905}]


def test_no_error_repeats_a_constant_of_the_statement_that_could_be_a_patient_value(region_engine: Engine) -> None:
    for sql in ("SELECT 1 FROM patient WHERE birth_date = 'Schmidt-1961'", "SELECT cast('Schmidt-1961' AS date) FROM patient"):
        with pytest.raises(GatewayError) as caught:
            ask(region_engine, sql)
        error = caught.value
        assert "Schmidt" not in f"{error.fact}{error.detail}{error.hint}"


STUMBLES = {
    "a placeholder before AS": ("SELECT count(*) ?AS n FROM patient", "P101"),
    "an array as a table": ("SELECT p.node FROM patient AS p CROSS JOIN (ARRAY[p.sex, p.city]) AS u (x)", "P101"),
    "DISTINCT of nothing": ("SELECT string_agg(DISTINCT , ',' ORDER BY node) AS v FROM patient", "P101"),
    "an aggregate of nothing, in order": ("SELECT array_agg(ORDER BY node) AS v FROM patient", "P101"),
    "a point that is a number": ("SELECT 1 FROM vital_sign WHERE value > . 200.5", "P101"),
    "an exponent with a point": ("SELECT 1 FROM vital_sign WHERE value > 1e9991234.5000", "P101"),
    "an exponent without digits": ("SELECT 1e AS v", "P101"),
    "a name for a star": ("SELECT * p FROM patient", "P101"),
    "a cast of a star": ("SELECT CAST(* AS integer) AS a FROM patient", "P101"),
    "no columns": ("SELECT FROM patient", "P101"),
    "SELECT alone": ("SELECT", "P101"),
    "a LIMIT below 0": ("SELECT node FROM patient LIMIT -1", "B106"),
    "an OFFSET below 0": ("SELECT node FROM patient OFFSET -1", "B106"),
}
"""Texts on which a library or the merge stumbled: the name to the text and its code."""


@pytest.mark.parametrize("name", STUMBLES)
def test_what_a_library_stumbles_over_is_a_clear_error(region_engine: Engine, name: str) -> None:
    sql, code = STUMBLES[name]
    with pytest.raises(GatewayError) as caught:
        ask(region_engine, sql)
    assert caught.value.code == code
