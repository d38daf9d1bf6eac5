"""Rules of T-SQL's grammar for the statements that the adapter sends, read by a lexer of the tests' own: the printer is not trusted."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""\s+
    | (?P<name>\[(?:[^\]]|\]\])+\])          # a bracketed name; ]] stands for ]
    | (?P<string>N?'(?:[^']|'')*')
    | (?P<number>\d+)
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<symbol><>|<=|>=|[(),.=<>?])        # no ||, no !=, no quotes, no comments, no semicolon
    """,
    re.VERBOSE,
)

_TYPES = (
    "BIT INT INTEGER BIGINT FLOAT DECIMAL NUMERIC DATE DATETIME DATETIME2 DATETIMEOFFSET UNIQUEIDENTIFIER NVARCHAR VARCHAR VARBINARY BINARY"
)
_WORDS = frozenset(
    f"SELECT TOP FROM WHERE AS AND OR NOT IN IS NULL EXISTS CAST COLLATE VALUES WITH OPENJSON INNER LEFT JOIN ON DATALENGTH MAX {_TYPES}".split()
)
_BEFORE_A_NUMBER = {"TOP", "SELECT", "(", ",", "="}


def check(sql: str, collations: frozenset[str] = frozenset()) -> list[tuple[str, str]]:
    """The tokens (kind, text). Raises AssertionError where the text is no T-SQL of ours."""
    tokens = _tokens(sql)
    depth = 0
    for place, (kind, text) in enumerate(tokens):
        before = tokens[place - 1][1].upper() if place else ""
        match kind:
            case "word":
                known = text.upper() in _WORDS or (before == "COLLATE" and text in collations | {"Latin1_General_100_BIN2"})
                assert known, f"{text} is no word of these statements: {sql}"
            case "string":
                assert text == "'$'", f"a literal in a statement: {text}"
            case "number":
                assert before in _BEFORE_A_NUMBER, f"a number after {before}: {sql}"
                assert int(text) <= 8_000 or before == "TOP"
            case "symbol":
                depth += {"(": 1, ")": -1}.get(text, 0)
                assert depth >= 0
    assert depth == 0, "parentheses"
    assert sum(text.upper() == "TOP" for _, text in tokens) <= 1
    return tokens


def _tokens(sql: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while at < len(sql):
        match = _TOKEN.match(sql, at)
        assert match is not None, f"no token of T-SQL at: {sql[at : at + 40]}"
        at = match.end()
        if match.lastgroup:
            found.append((match.lastgroup, match.group()))
    return found
