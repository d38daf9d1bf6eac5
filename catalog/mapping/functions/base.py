"""What a mapping function is: its name, parameters and type, its DuckDB expression, and its inverse."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from sqlglot import exp

from catalog.conditions import Condition
from catalog.mapping.errors import wrong_arguments
from catalog.mapping.tree import Call, Literal, Node
from catalog.model import Units
from catalog.types import TEXT, Type
from catalog.values import ValueSet

ANY: tuple[str, ...] = ()
TEXTS = ("text", "uuid")
INTEGERS = ("integer", "bigint")
NUMBERS = ("integer", "bigint", "double", "decimal")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: which types it takes (none named: any), and whether only a constant may stand there."""

    name: str
    types: tuple[str, ...] = ANY
    literal: bool = False


class Forward(Protocol):
    """What a function may ask while it writes its DuckDB expression."""

    @property
    def zone(self) -> str:
        """The zone of the binding's local times."""

    def conversion(self, call: Call) -> tuple[exp.Expr, exp.Expr, exp.Expr]:
        """Joins the unit conversions of a convert_unit; gives (add, multiply, divide), NULL where there is none."""


class Inverse(Protocol):
    """What a function may ask while it is inverted."""

    @property
    def zone(self) -> str: ...
    @property
    def units(self) -> Units: ...

    def preimage(self, node: Node, wanted: ValueSet) -> Condition:
        """Which raw rows can make `node` a member of `wanted`."""

    def not_null(self, node: Node) -> Condition:
        """Which raw rows can make `node` not NULL, never claimed to be exact."""

    def possible(self, node: Node) -> frozenset[str] | None:
        """Every text that the node can be besides NULL; None if they are not known."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The row of docs/mapping-language.md: what each kind of predicate becomes (E, S, N or -)."""

    equal: str
    unequal: str
    range: str
    like: str
    null: str
    not_null: str


def verdicts(letters: str) -> Verdicts:
    return Verdicts(*letters.split())


class MappingFunction(ABC):
    """A function of the mapping language. Stateless; one instance each, in the registry.

    `required`: how many of the parameters must be given; `repeats`: the last so many may be given again and again.
    `strict`: NULL in, NULL out. `fails`: not-NULL arguments can give NULL (bad data; `on_error` looks at it).
    `copies`: how often the DuckDB expression has an argument, at most.
    `blanks`: NULL comes out of not-NULL arguments because the mapping says so.
    """

    name: str
    parameters: ClassVar[tuple[Parameter, ...]]
    required: ClassVar[int | None] = None
    repeats: ClassVar[int] = 0
    returns: ClassVar[Type] = TEXT
    strict: ClassVar[bool] = True
    copies: ClassVar[int] = 1
    fails: ClassVar[bool] = False
    blanks: ClassVar[bool] = False
    verdicts: ClassVar[Verdicts] = verdicts("N N N N - N")

    def arrange(self, arguments: tuple[Node, ...], type: Type | None) -> tuple[Node, ...] | Node:
        """The arguments in the form that the other methods expect, or what to put in place of the call."""
        return arguments

    def type_of(self, arguments: Sequence[Node]) -> Type:
        """The type of the call; raises ExpressionError if the arguments do not go together."""
        return self.returns

    def verdicts_of(self, call: Call) -> Verdicts:
        """What each kind of predicate over this call becomes; a preimage is never asked for more."""
        return self.verdicts

    def not_null_arguments(self, call: Call) -> tuple[Node, ...]:
        """The arguments that rule 3 asks to be not NULL."""
        return call.arguments

    @abstractmethod
    def forward(self, call: Call, arguments: Sequence[exp.Expr], context: Forward) -> exp.Expr:
        """The DuckDB expression; `arguments` are those of the call, already written."""

    def preimage(self, call: Call, wanted: ValueSet, context: Inverse) -> Condition | None:
        """Which raw rows can make the call a member of `wanted`; None: only rule 3, the arguments are not NULL."""
        return None


def literal(node: Node) -> Any:
    """The value of an argument that is known to be a constant."""
    assert isinstance(node, Literal)
    return node.value


def require(holds: bool, fact: str, hint: str = "") -> None:
    if not holds:
        raise wrong_arguments(fact, hint)
