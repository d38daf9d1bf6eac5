"""Texts: cutting, joining, cleaning, JSON and maps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from sqlglot import exp

from catalog.conditions import Condition, Never, Unknown, all_of, any_of
from catalog.mapping import sql
from catalog.mapping.errors import wrong_arguments
from catalog.mapping.functions.base import (
    INTEGERS,
    TEXTS,
    Forward,
    Inverse,
    MappingFunction,
    Parameter,
    Verdicts,
    literal,
    require,
    verdicts,
)
from catalog.mapping.functions.widths import NARROW, WIDE
from catalog.mapping.tree import Call, Literal, Node
from catalog.types import TEXT, Type
from catalog.values import ValueSet

MAX_SPLITS = 200
MAX_ARMS = 1_000
_BLANKS = " \t\r\n\u00a0\u3000\ufeff"


class SplitPart(MappingFunction):
    """split_part(x, '|', 2): the n-th part of a text, '' where there is none."""

    name = "split_part"
    parameters = (Parameter("text", TEXTS), Parameter("delimiter", ("text",), True), Parameter("position", INTEGERS, True))
    verdicts = verdicts("E N N S - N")

    def type_of(self, arguments: Sequence[Node]) -> Type:
        require(literal(arguments[1]) != "", "the delimiter of split_part cannot be empty")
        require(literal(arguments[2]) != 0, "the position of split_part counts from 1, or from the end with -1")
        return TEXT

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        return sql.function("split_part", *arguments)

    def verdicts_of(self, call: Call) -> Verdicts:
        return self.verdicts if literal(call.arguments[2]) == 1 else verdicts("N N N N - N")

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        subject, delimiter = call.arguments[0], literal(call.arguments[1])
        points = wanted.points()
        if points is None:
            return context.preimage(subject, wanted)  # a prefix of the first part is a prefix of the whole
        found = ValueSet()
        for point in points:
            if delimiter not in point:
                found = found | ValueSet.of(point)
            if delimiter not in point + delimiter[:-1]:
                found = found | ValueSet.prefix(point + delimiter)
        return context.preimage(subject, found)


class Concat(MappingFunction):
    """concat(a, '-', b), also a || '-' || b: NULL if any part is. A wanted text is split in every way it can be."""

    name = "concat"
    parameters = (Parameter("part", TEXTS), Parameter("part", TEXTS))
    repeats = 1
    verdicts = verdicts("E - - - - -")

    def arrange(self, arguments: tuple[Node, ...], type: Type | None) -> tuple[Node, ...] | Node:
        flat: list[Node] = []
        for node in arguments:
            flat += node.arguments if isinstance(node, Call) and node.function == "concat" else [node]
        return tuple(flat)

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        joined = sql.wrapped(arguments[0])
        for part in arguments[1:]:
            joined = exp.DPipe(this=joined, expression=sql.wrapped(part))
        return joined

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        if any(isinstance(part, Literal) and part.value is None for part in call.arguments):
            return Never()
        arms: list[Condition] = []
        for point in wanted.points() or ():
            pieces = list(islice(splits(point, call.arguments), MAX_SPLITS + 1))
            possible = [all_of(*(context.preimage(node, ValueSet.of(piece)) for node, piece in cut)) for cut in pieces]
            arms += [condition for condition in possible if not isinstance(condition, Never)]
            if len(pieces) > MAX_SPLITS or len(arms) > MAX_ARMS:
                return Unknown()
        return any_of(*arms)


def splits(text: str, parts: Sequence[Node]) -> Iterator[list[tuple[Node, str]]]:
    """Every way to cut the text into the parts, as (part that is not a constant, its piece)."""
    if not parts:
        if not text:
            yield []
        return
    first, rest = parts[0], parts[1:]
    if isinstance(first, Literal):
        if text.startswith(first.value):
            yield from splits(text[len(first.value) :], rest)
        return
    if not rest:
        yield [(first, text)]
        return
    following = rest[0].value if isinstance(rest[0], Literal) else ""
    for end in range(len(text) + 1):
        if text.startswith(following, end):
            for others in splits(text[end:], rest):
                yield [(first, text[:end]), *others]


class Cleaning(MappingFunction):
    """A function that many texts share a result of: only `is not null` goes down."""

    parameters = (Parameter("text", TEXTS),)


class DigitsOnly(Cleaning):
    """The digits 0 to 9 of a text: '(508) 555-0101' is '5085550101'."""

    name = "digits_only"

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        return sql.function("regexp_replace", arguments[0], sql.text("[^0-9]"), sql.text(""), sql.text("g"))


class Lower(Cleaning):
    name = "lower"

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        return sql.function(self.name, arguments[0])


class Upper(Lower):
    name = "upper"


class Trim(Cleaning):
    """Without the blanks at both ends: also tabs, line ends, no-break and ideographic spaces, byte order marks."""

    name = "trim"

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        return sql.function("trim", arguments[0], sql.text(_BLANKS))


class Nfkc(Cleaning):
    """Full-width letters, digits and signs and half-width kana in their usual form, then Unicode's NFC."""

    name = "nfkc"

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        usual = sql.function("translate", arguments[0], sql.text(WIDE), sql.text(NARROW))
        return sql.function("nfc_normalize", usual)


class RegexpReplace(MappingFunction):
    """regexp_replace(x, pattern, replacement [, 'g']): the first match, with 'g' every match (RE2 syntax, \\1 for groups)."""

    name = "regexp_replace"
    parameters = (
        Parameter("text", TEXTS),
        Parameter("pattern", ("text",), True),
        Parameter("replacement", ("text",), True),
        Parameter("options", ("text",), True),
    )
    required = 3

    def type_of(self, arguments: Sequence[Node]) -> Type:
        pattern = literal(arguments[1])
        try:
            re.compile(pattern)
        except re.error as error:
            raise wrong_arguments(f"the pattern of regexp_replace is not readable: {error.msg}") from None
        require(re.search(r"\(\?[=!<]|\\[1-9]", pattern) is None, "the pattern looks around or back, which is not supported")
        require(
            set(arguments[3].value if len(arguments) > 3 and isinstance(arguments[3], Literal) else "") <= set("gi"),
            "the options of regexp_replace are g and i",
        )
        return TEXT

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        return sql.function("regexp_replace", *arguments)


class Substr(MappingFunction):
    """substr(x, start [, length]): counts characters from 1."""

    name = "substr"
    parameters = (Parameter("text", TEXTS), Parameter("start", INTEGERS, True), Parameter("length", INTEGERS, True))
    required = 2

    def type_of(self, arguments: Sequence[Node]) -> Type:
        require(literal(arguments[1]) >= 1, "the start of substr counts from 1")
        require(all(literal(length) >= 0 for length in arguments[2:]), "the length of substr is not negative")
        return TEXT

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        return sql.function("substr", *arguments)


class JsonValue(MappingFunction):
    """json_value(x, '$.a.b'): a value of a JSON text as text; NULL where it is absent, null, or the text is not JSON."""

    name = "json_value"
    parameters = (Parameter("text", TEXTS), Parameter("path", ("text",), True))
    fails = True

    def type_of(self, arguments: Sequence[Node]) -> Type:
        readable = re.fullmatch(r"\$(\.\w+|\.\"[^\"]+\"|\[\d+\])+", literal(arguments[1]))
        require(readable is not None, "the path of json_value is not readable", "as '$.name', '$.a.b' or '$.list[0]'")
        return TEXT

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        return sql.function("try", sql.function("json_extract_string", *arguments))


class MapValue(MappingFunction):
    """m['tel']: the value of a key, NULL where the map has none."""

    name = "map value"
    parameters = (Parameter("map", ("map",)), Parameter("key", literal=True))

    def arrange(self, arguments: tuple[Node, ...], type: Type | None) -> tuple[Node, ...] | Node:
        require(arguments[0].type.name == "map", f"[ ] takes a map, not {arguments[0].type}")
        return arguments

    def type_of(self, arguments: Sequence[Node]) -> Type:
        inner = arguments[0].type.value
        assert inner is not None
        return inner

    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        return exp.Bracket(this=arguments[0], expressions=[arguments[1]])
