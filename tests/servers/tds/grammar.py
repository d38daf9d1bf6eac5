"""What T-SQL's own parser refuses and sqlglot's lets pass; and the batches that sqlglot cannot read at all.

sqlglot reads a T-SQL that no server would take: LIMIT, `||`, TRUE, `::`. Such tokens are refused here, before the tree hides them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.dialects.tsql import TSQL

from tests.servers.tds.errors import SqlServerError, syntax_error
from tests.servers.tds.words import BEFORE_PARENTHESES, FUNCTIONS, NAMES_COME_AFTER, RESERVED, TYPES

_REFUSED_TYPES = {
    TokenType.DPIPE, TokenType.DCOLON, TokenType.LIMIT, TokenType.RLIKE, TokenType.ARROW, TokenType.DARROW,
    TokenType.NULLSAFE_EQ, TokenType.TRUE, TokenType.FALSE, TokenType.QUALIFY, TokenType.HASH_ARROW, TokenType.AT_GT,
}  # fmt: skip
_REFUSED_WORDS = {"NULLS", "RETURNING", "SIMILAR", "REGEXP", "INTERVAL", "ARRAY", "LATERAL", "USING"}
_RENAMED = {
    "real": "float(24)",
    "ntext": "nvarchar(max)",
    "sysname": "nvarchar(128)",
    "text": "varchar(max)",
    "0x": "CAST('' AS varbinary(1))",
}
_WAIT = re.compile(r"\s*WAITFOR\s+DELAY\s+'(\d+):(\d+):(\d+(?:\.\d+)?)'\s*;?\s*", re.IGNORECASE)


def seconds_to_wait(batch: str) -> float | None:
    """WAITFOR DELAY at the head of a batch, and how much text it is; None if it is no such statement."""
    match = _WAIT.fullmatch(batch)
    return None if match is None else int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])


def parse(batch: str) -> list[exp.Expression]:
    """The statements of a batch. Raises SqlServerError 102, 105, 207 for what T-SQL refuses."""
    if not batch.strip():
        return []
    if "`" in batch:
        raise syntax_error("`")
    try:
        tokens = TSQL.Tokenizer().tokenize(batch)
    except sqlglot.errors.TokenError:
        raise SqlServerError(105, "Unclosed quotation mark after the character string.", severity=15) from None
    _check(tokens)
    try:
        parsed = sqlglot.parse(_with_names_kept(batch, tokens), read="tsql")
    except sqlglot.errors.SqlglotError as error:
        near = getattr(error, "errors", [{}])[0].get("highlight", "?")
        raise syntax_error(str(near)) from None
    statements = [statement for statement in parsed if statement is not None]
    for statement in statements:
        if isinstance(statement, exp.Query | exp.DML):
            _check_names(statement)
    return statements


def _check(tokens: list[sqlglot.Token]) -> None:
    for place, (before, token, after) in enumerate(_neighbours(tokens)):
        if _is_name(before, token) or token.token_type in (TokenType.STRING, TokenType.NATIONAL_STRING):
            continue
        word = token.text.upper()
        if token.token_type in (TokenType.TRUE, TokenType.FALSE):
            raise SqlServerError(207, f"Invalid column name '{token.text}'.")
        if word == "ILIKE":
            message = "An expression of non-boolean type specified in a context where a condition is expected, near 'ILIKE'."
            raise SqlServerError(4145, message, severity=15)
        if token.token_type in _REFUSED_TYPES or word in _REFUSED_WORDS:
            raise syntax_error(token.text)
        if word == "FETCH" and before is not None and before.text.upper() not in ("ROWS", "ROW"):
            raise syntax_error("FETCH")  # only after OFFSET … ROWS
        if token.token_type is TokenType.EQ and after is not None and after.token_type is TokenType.EQ:
            raise syntax_error("=")
        if word == "TOP" and after is not None and after.text == "@":
            raise syntax_error("@")  # a variable must be in parentheses
        _check_type(tokens, place)
        if after is not None and after.token_type is TokenType.L_PAREN and (word[:1].isalpha() or word[:1] == "_"):
            _check_function(before, token)


def _check_type(tokens: list[sqlglot.Token], place: int) -> None:
    """A type in a cast must be of T-SQL's: sqlglot takes uuid, boolean and string as well."""
    token, before = tokens[place], [found.text.upper() for found in tokens[max(place - 2, 0) : place]]
    after = tokens[place + 1].text if place + 1 < len(tokens) else ""
    cast = before[-1:] == ["AS"] and after in (")", "(")
    convert = before[-1:] == ["("] and before[0] in ("CONVERT", "TRY_CONVERT")
    if (cast or convert) and token.token_type in TSQL.Parser.TYPE_TOKENS and token.text.upper() not in TYPES:
        raise SqlServerError(243, f"Type {token.text} is not a defined system type.")


def _check_function(before: sqlglot.Token | None, token: sqlglot.Token) -> None:
    word = token.text.upper().split()[-1]  # "PRIMARY KEY" is one token
    if word in FUNCTIONS or word in TYPES or word in BEFORE_PARENTHESES:
        return
    if before is not None and before.text.upper() in NAMES_COME_AFTER:
        return
    raise SqlServerError(195, f"'{token.text}' is not a recognized built-in function name (or this test server does not translate it).")


def _check_names(statement: exp.Expression) -> None:
    """A reserved word is a name in brackets or quotes only."""
    for name in statement.find_all(exp.Identifier):
        if not name.args.get("quoted") and name.name.upper() in RESERVED:
            raise SqlServerError(156, f"Incorrect syntax near the keyword '{name.name}'.", severity=15)


def _neighbours(tokens: list[sqlglot.Token]) -> Iterator[tuple[sqlglot.Token | None, sqlglot.Token, sqlglot.Token | None]]:
    for place, token in enumerate(tokens):
        yield tokens[place - 1] if place else None, token, tokens[place + 1] if place + 1 < len(tokens) else None


def _is_name(before: sqlglot.Token | None, token: sqlglot.Token) -> bool:
    """In brackets or quotes, or behind a dot or an at sign."""
    return token.token_type is TokenType.IDENTIFIER or (before is not None and before.text in (".", "@"))


def _with_names_kept(batch: str, tokens: list[sqlglot.Token]) -> str:
    """The batch with what sqlglot would confuse written another way: type names, and the empty binary constant."""
    pieces, position = [], 0
    for before, token, _ in _neighbours(tokens):
        renamed = _RENAMED.get(token.text.lower())
        bare = batch[token.start] not in "[\"'"
        if renamed is None or not bare or (before is not None and before.text in (".", "@")):
            continue
        pieces += [batch[position : token.start], renamed]
        position = token.end + 1
    return "".join([*pieces, batch[position:]])
