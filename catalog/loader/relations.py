"""Reads the `from` of a binding into a Relation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from catalog.errors import near_names
from catalog.relations import Join, JoinRelation, Relation, TableRelation, UnnestRelation, WideRelation
from catalog.source_tables import HBaseTable, SourceTable, SqlTable

_TOKEN = re.compile(r"\s*(\"[^\"]+\"|`[^`]+`|\[[^\]]+\]|[^\W\d][\w$#]*|\d\w*|.)", re.DOTALL)
_WORDS = {"join", "left", "inner", "outer", "on", "and", "unnest", "as", "with", "ordinality"}


class RelationError(Exception):
    """The `from` text is wrong. `offset` is the position within it, `code` a catalog error code."""

    def __init__(self, code: str, offset: int, fact: str, hint: str = "") -> None:
        super().__init__(fact)
        self.code, self.offset, self.fact, self.hint = code, offset, fact, hint


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    offset: int

    @property
    def word(self) -> str:
        return self.text.lower() if self.text.lower() in _WORDS else ""

    @property
    def is_name(self) -> bool:
        return bool(self.text) and not self.word and (self.text[0].isalpha() or self.text[0] in '_"`[')

    @property
    def name(self) -> str:
        return self.text[1:-1] if self.text[:1] in '"`[' else self.text


def parse_relation(text: str, tables: Mapping[str, SourceTable]) -> Relation:
    """`table` · `table.family` · `a x [left] join b y on y.k = x.k [and ...]` · `t unnest c as d [with ordinality n]`."""
    return _Parser(text, tables).relation()


class _Parser:
    def __init__(self, text: str, tables: Mapping[str, SourceTable]) -> None:
        self._tokens = [_Token(match[1], match.start(1)) for match in _TOKEN.finditer(text) if match[1].strip()]
        self._end = _Token("", len(text))
        self._tables, self._position = tables, 0

    # ------------------------------------------------------------------------------------------------ tokens

    @property
    def _next(self) -> _Token:
        return self._tokens[self._position] if self._position < len(self._tokens) else self._end

    def _take(self) -> _Token:
        token = self._next
        self._position += 1
        return token

    def _accept(self, *words: str) -> bool:
        ahead = self._tokens[self._position : self._position + len(words)]
        if [token.text.lower() for token in ahead] != list(words):
            return False
        self._position += len(words)
        return True

    def _expect(self, word: str, where: str) -> None:
        if not self._accept(word):
            raise self._unexpected(f"expected {word} {where}")

    def _name(self, what: str) -> _Token:
        if not self._next.is_name:
            raise self._unexpected(f"expected {what}")
        return self._take()

    def _unexpected(self, fact: str) -> RelationError:
        found = f"found {self._next.text}" if self._next.text else "found the end"
        hint = "from reads: table | a x join b y on y.k = x.k | table unnest column as d [with ordinality n] | table.family"
        return RelationError("C208", self._next.offset, f"{fact}, {found}", hint)

    # --------------------------------------------------------------------------------------------- relations

    def relation(self) -> Relation:
        start, table = self._table()
        if isinstance(table, HBaseTable):
            return self._hbase(table)
        if not self._next.text:
            return TableRelation(table=table)
        if self._accept("unnest"):
            return self._unnest(table)
        return self._joins(table, start)

    def _table(self) -> tuple[_Token, SourceTable]:
        """A source table with the token of its own name. A name with a dot, such as dbo.Person, needs no quotes."""
        token = self._name("the name of a source table")
        name = token.name
        if _match(name, self._tables) is None and self._accept("."):
            last = self._name("the name of a source table")
            name, token = f"{name}.{last.name}", _Token(last.text, token.offset)
        found = _match(name, self._tables)
        if found is None or (found != name and isinstance(self._tables[found], HBaseTable)):
            raise RelationError("C201", token.offset, f"unknown source table {name}", near_names(name, self._tables))
        return token, self._tables[found]

    def _hbase(self, table: HBaseTable) -> Relation:
        if not self._next.text:
            return TableRelation(table=table)
        if not self._accept("."):
            raise self._unexpected("an HBase table is read alone, or as table.family")
        token = self._name("the name of a wide family")
        names = [wide.name for wide in table.wide]
        if token.name not in names:
            raise RelationError("C201", token.offset, f"{table.name} has no wide family {token.name}", near_names(token.name, names))
        self._finish()
        return WideRelation(table=table, family=token.name)

    def _unnest(self, table: SqlTable) -> Relation:
        token = self._name("the name of a list column")
        column = _match(token.name, [c.name for c in table.columns])
        if column is None:
            raise RelationError(
                "C203", token.offset, f"unknown column {token.name}", near_names(token.name, [c.name for c in table.columns])
            )
        type = next(c.type for c in table.columns if c.name == column)
        if type.element is None:
            raise RelationError("C212", token.offset, f"{column} is {type}, not a list", "unnest takes a list(...) column")
        self._expect("as", "and a name for the element")
        alias = self._name("a name for the element")
        ordinality = self._name("a name for the position").name if self._accept("with", "ordinality") else None
        self._finish()
        taken = [c.name for c in table.columns]
        for name in (alias.name, *([ordinality] if ordinality else [])):
            if _match(name, taken) is not None:
                raise RelationError("C105", alias.offset, f"the name {name} is already a column of {table.name}", "choose another name")
            taken.append(name)
        return UnnestRelation(table=table, column=column, alias=alias.name, ordinality=ordinality)

    def _joins(self, table: SqlTable, start: _Token) -> Relation:
        aliases: dict[str, SqlTable] = {self._alias(start): table}
        joins: list[Join] = []
        while (kind := self._join_kind()) is not None:
            token, joined = self._table()
            if isinstance(joined, HBaseTable):
                raise RelationError("C201", token.offset, f"{joined.name} is an HBase table and cannot be joined")
            alias = self._alias(token)
            if _match(alias, aliases) is not None:
                raise RelationError("C105", token.offset, f"the name {alias} is used twice", "give each table its own short name")
            earlier = dict(aliases)
            aliases[alias] = joined
            self._expect("on", "and the columns that are equal")
            joins.append(Join(kind=kind, alias=alias, table=joined, on=self._conditions(earlier, alias, aliases)))
        self._finish()
        if not joins:  # only a short name stood there
            raise RelationError("C208", start.offset, "a table that is read alone takes no short name", "name its columns without prefix")
        return JoinRelation(alias=next(iter(aliases)), table=table, joins=tuple(joins))

    def _alias(self, table: _Token) -> str:
        self._accept("as")
        return self._take().name if self._next.is_name else table.name

    def _join_kind(self) -> Literal["inner", "left"] | None:
        if self._accept("left", "outer", "join") or self._accept("left", "join"):
            return "left"
        return "inner" if self._accept("inner", "join") or self._accept("join") else None

    def _conditions(self, earlier: dict[str, SqlTable], alias: str, aliases: dict[str, SqlTable]) -> tuple[tuple[str, str], ...]:
        pairs: list[tuple[str, str]] = []
        while True:
            offset = self._next.offset
            left_alias, left = self._qualified(aliases)
            self._expect("=", "between two columns")
            right_alias, right = self._qualified(aliases)
            if left_alias == alias and right_alias in earlier:
                pairs.append((right, left))
            elif right_alias == alias and left_alias in earlier:
                pairs.append((left, right))
            else:
                raise RelationError("C208", offset, f"{left} = {right} does not join {alias} to a table before it")
            if not self._accept("and"):
                return tuple(pairs)

    def _qualified(self, aliases: dict[str, SqlTable]) -> tuple[str, str]:
        """A qualified column in its canonical spelling, with its alias."""
        token = self._name("a column such as x.key")
        alias = _match(token.name, aliases)
        if not self._accept("."):
            raise RelationError("C203", token.offset, f"{token.name} has no prefix", "with a join, qualify every column, as in x.key")
        if alias is None:
            raise RelationError("C203", token.offset, f"unknown prefix {token.name}", near_names(token.name, aliases))
        column = self._name("the name of a column")
        names = [c.name for c in aliases[alias].columns]
        found = _match(column.name, names)
        if found is None:
            raise RelationError("C203", column.offset, f"{aliases[alias].name} has no column {column.name}", near_names(column.name, names))
        return alias, f"{alias}.{found}"

    def _finish(self) -> None:
        if self._next.text:
            raise self._unexpected("expected nothing more")


def _match(name: str, known: Iterable[str]) -> str | None:
    """The known name meant, whatever its case; the exact one first."""
    names = list(known)
    return name if name in names else next((other for other in names if other.lower() == name.lower()), None)
