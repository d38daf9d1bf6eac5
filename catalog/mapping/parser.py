"""Reads a mapping expression into a typed tree. A closed grammar: what has no rule here is refused, with its position.

Precedence is DuckDB's: or, and, not, comparison, ||, + -, * / // %, unary minus, :: and [].
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from catalog.mapping.build import build_call
from catalog.mapping.constants import coerce
from catalog.mapping.errors import ExpressionError
from catalog.mapping.functions import FUNCTIONS
from catalog.mapping.scope import Scope
from catalog.mapping.tokens import MAX_CALLS, MAX_DEPTH, MAX_WEIGHT, Token, tokenize
from catalog.mapping.tree import Call, Literal, Node
from catalog.types import BOOLEAN, DATE, DOUBLE, INTEGER, LOCAL_TIMESTAMP, TEXT, TIMESTAMP, Type, decimal

_COMPARISONS = {"=": "=", "==": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_CAST_TYPES = {
    "varchar": TEXT,
    "text": TEXT,
    "double": DOUBLE,
    "bigint": INTEGER,
    "integer": INTEGER,
    "date": DATE,
    "boolean": BOOLEAN,
}
_RESERVED = frozenset("and or not in is between like case when then else end null true false select from where".split())


def parse_expression(text: str, scope: Scope) -> Node:
    """The typed tree of the text. Raises ExpressionError."""
    parser = _Parser(tokenize(text), scope)
    node = parser.expression()
    parser.expect_end()
    if weight(node) > MAX_WEIGHT:
        raise ExpressionError("C208", "the expression becomes too large", "split it, or nest fewer functions")
    return node


def weight(node: Node) -> int:
    """How many parts the DuckDB expression has, at most: some functions write their argument more than once."""
    if not isinstance(node, Call):
        return 1
    return 1 + FUNCTIONS[node.function].copies * sum(weight(argument) for argument in node.arguments)


@dataclass(slots=True)
class _Parser:
    tokens: list[Token]
    scope: Scope
    index: int = 0
    depth: int = 0
    calls: int = 0

    # ------------------------------------------------------------------ tokens

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def advance(self) -> Token:
        token = self.token
        self.index += 1
        return token

    def accept(self, *spellings: str) -> Token | None:
        token = self.token
        if token.word in spellings or (token.kind == "mark" and token.text in spellings):
            return self.advance()
        return None

    def expect(self, spelling: str) -> Token:
        found = self.accept(spelling)
        if found is None:
            raise self.unexpected(f"expected {spelling.upper() if spelling.isalpha() else spelling}")
        return found

    def expect_end(self) -> None:
        if self.token.kind != "end":
            raise self.unexpected("the expression should end")

    def unexpected(self, hint: str = "") -> ExpressionError:
        token = self.token
        fact = "the expression ends too early" if token.kind == "end" else f"unexpected {token.text!r}"
        return ExpressionError("C208", fact, hint, token.position)

    # ------------------------------------------------------------------ levels, loosest first

    def expression(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError("C208", f"the expression is nested deeper than {MAX_DEPTH}", "split it", self.token.position)
        node = self.conjunction()
        while (token := self.accept("or")) is not None:
            node = self.call("or", token, node, self.conjunction())
        self.depth -= 1
        return node

    def conjunction(self) -> Node:
        node = self.negation()
        while (token := self.accept("and")) is not None:
            node = self.call("and", token, node, self.negation())
        return node

    def negation(self) -> Node:
        negations = []
        while (token := self.accept("not")) is not None:
            negations.append(token)
        node = self.comparison()
        for token in reversed(negations):
            node = self.call("not", token, node)
        return node

    def comparison(self) -> Node:
        node = self.concatenation()
        while True:
            token = self.token
            if token.kind == "mark" and token.text in _COMPARISONS:
                self.advance()
                node = self.call(_COMPARISONS[token.text], token, node, self.concatenation())
            elif self.accept("is"):
                node = self.is_test(node, token)
            elif token.word == "not" and self.tokens[self.index + 1].word in ("in", "between", "like"):
                self.advance()
                node = self.call("not", token, self.set_test(node))
            elif token.word in ("in", "between", "like"):
                node = self.set_test(node)
            else:
                return node

    def is_test(self, node: Node, token: Token) -> Node:
        negated = self.accept("not") is not None
        if self.accept("null"):
            return self.call("is not null" if negated else "is null", token, node)
        raise self.unexpected("after IS stands NULL or NOT NULL")

    def set_test(self, node: Node) -> Node:
        token = self.advance()
        if token.word == "in":
            self.expect("(")
            return self.call("in", token, node, *self.arguments())
        if token.word == "between":
            low = self.concatenation()
            self.expect("and")
            high = self.concatenation()
            return self.call("and", token, self.call(">=", token, node, low), self.call("<=", token, node, high))
        return self.call("like", token, node, self.concatenation())

    def concatenation(self) -> Node:
        node = self.sum()
        while (token := self.accept("||")) is not None:
            node = self.call("concat", token, node, self.sum())
        return node

    def sum(self) -> Node:
        node = self.product()
        while (token := self.accept("+", "-")) is not None:
            node = self.call(token.text, token, node, self.product())
        return node

    def product(self) -> Node:
        node = self.unary()
        while (token := self.accept("*", "/", "//", "%")) is not None:
            node = self.call(token.text, token, node, self.unary())
        return node

    def unary(self) -> Node:
        token = self.accept("-")
        if token is None:
            return self.postfix()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.unexpected("too many signs")
        node = self.unary()
        self.depth -= 1
        if isinstance(node, Literal) and node.type.is_number and node.value is not None:
            return Literal(-node.value, node.type)
        return self.call("*", token, node, Literal(-1, INTEGER))

    def postfix(self) -> Node:
        node = self.primary()
        while True:
            if token := self.accept("::"):
                node = self.cast(node, self.type(), token)
            elif token := self.accept("["):
                key = self.expression()
                self.expect("]")
                node = self.call("map value", token, node, key)
            else:
                return node

    # ------------------------------------------------------------------ primaries

    def primary(self) -> Node:
        token = self.token
        if token.kind == "string":
            self.advance()
            return Literal(token.text, TEXT)
        if token.kind == "number":
            self.advance()
            return _number(token)
        if self.accept("("):
            node = self.expression()
            self.expect(")")
            return node
        if token.kind not in ("word", "quoted"):
            raise self.unexpected()
        match token.word:
            case "null":
                self.advance()
                return Literal(None, TEXT)
            case "true" | "false":
                self.advance()
                return Literal(token.word == "true", BOOLEAN)
            case "case":
                return self.case()
            case "cast" if self.tokens[self.index + 1].text == "(":
                return self.written_cast()
            case "date" | "timestamp" if self.tokens[self.index + 1].kind == "string":
                return self.time_constant()
            case word if word in _RESERVED:
                raise self.unexpected()
            case _:
                return self.name_or_call()

    def name_or_call(self) -> Node:
        first = self.advance()
        if first.kind == "word" and self.accept("("):
            arguments = [] if self.accept(")") else self.arguments()
            if self.token.word in ("over", "filter", "within"):
                raise ExpressionError("C208", "windows and aggregates are not allowed in a mapping", "", self.token.position)
            return self.call(first.word, first, *arguments)
        parts, quoted = [first.text], first.kind == "quoted"
        while self.accept("."):
            if self.token.kind not in ("word", "quoted"):
                raise self.unexpected("after a dot stands a name")
            quoted = quoted or self.token.kind == "quoted"
            parts.append(self.advance().text)
        try:
            return self.scope.resolve(tuple(parts), quoted)
        except ExpressionError as error:
            raise ExpressionError(error.code, error.fact, error.hint, first.position) from None

    def arguments(self) -> list[Node]:
        found = [self.expression()]
        while self.accept(","):
            found.append(self.expression())
        self.expect(")")
        return found

    def case(self) -> Node:
        token = self.expect("case")
        subject = None if self.token.word == "when" else self.expression()
        parts: list[Node] = []
        while when := self.accept("when"):
            condition = self.expression()
            parts.append(condition if subject is None else self.call("=", when, subject, condition))
            self.expect("then")
            parts.append(self.expression())
        if self.accept("else"):
            parts.append(self.expression())
        self.expect("end")
        return self.call("case", token, *parts)

    def written_cast(self) -> Node:
        token = self.advance()
        self.expect("(")
        node = self.expression()
        self.expect("as")
        type = self.type()
        self.expect(")")
        return self.cast(node, type, token)

    def type(self) -> Type:
        token = self.token
        if token.word == "decimal":
            self.advance()
            self.expect("(")
            precision = self.size()
            self.expect(",")
            scale = self.size()
            self.expect(")")
            if not 1 <= precision <= 38 or scale > precision:
                raise ExpressionError("C208", f"decimal({precision},{scale}) is not a type", "at most 38 digits", token.position)
            return decimal(precision, scale)
        if token.word not in _CAST_TYPES:
            raise self.unexpected("a cast goes to varchar, double, bigint, decimal(p,s), date or boolean")
        return _CAST_TYPES[self.advance().word]

    def size(self) -> int:
        if self.token.kind != "number" or not self.token.text.isdigit():
            raise self.unexpected("decimal takes precision and scale")
        return int(self.advance().text)

    def time_constant(self) -> Node:
        word, token = self.advance().word, self.advance()
        type = DATE
        if word == "timestamp":
            try:
                type = TIMESTAMP if datetime.fromisoformat(token.text).tzinfo else LOCAL_TIMESTAMP
            except ValueError:
                raise ExpressionError("C208", "the time constant is not readable", "yyyy-MM-dd HH:mm:ss", token.position) from None
        return self.guarded(token, lambda: coerce(Literal(token.text, TEXT), type))

    # ------------------------------------------------------------------ building

    def call(self, function: str, token: Token, *arguments: Node) -> Node:
        return self.guarded(token, lambda: build_call(function, arguments, token.position))

    def cast(self, node: Node, type: Type, token: Token) -> Node:
        return self.guarded(token, lambda: build_call("cast", (node,), token.position, type))

    def guarded(self, token: Token, build: Any) -> Node:
        self.calls += 1
        if self.calls > MAX_CALLS:
            hint = "use in (...), recode or a lookup"
            raise ExpressionError("C208", f"the expression has more than {MAX_CALLS} functions and operators", hint, token.position)
        try:
            node: Node = build()
        except ExpressionError as error:
            position = token.position if error.position is None else error.position
            raise ExpressionError(error.code, error.fact, error.hint, position) from None
        return node


def _number(token: Token) -> Literal:
    text = token.text.replace("_", "")
    if text.isdigit():
        value = int(text)
        return Literal(value, INTEGER) if value < 2**63 else Literal(float(value), DOUBLE)
    try:
        if "e" in text.lower():
            return Literal(float(text), DOUBLE)
        read = Decimal(text)
    except (ValueError, ArithmeticError):
        raise ExpressionError("C208", f"{token.text!r} is not a number", "", token.position) from None
    digits = text.replace(".", "").lstrip("0") or "0"
    scale = len(text.partition(".")[2])
    precision = max(len(digits), scale + (1 if abs(read) >= 1 or scale == 0 else 0), 1)
    return Literal(read, decimal(precision, scale)) if precision <= 38 else Literal(float(text), DOUBLE)
