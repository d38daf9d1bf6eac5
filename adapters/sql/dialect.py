"""A dialect as data: which tests may be asked of which type, how each is written, and how constants reach the source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlglot import exp

from adapters.interface import Exactness
from catalog.conditions import Term
from catalog.relations import UnnestRelation
from catalog.source_tables import RawColumn
from catalog.types import DOUBLE, Type
from catalog.values import ValueSet

if TYPE_CHECKING:
    from adapters.sql.conditions import ConditionWriter
    from adapters.sql.statement import SelectBuilder

Form = Literal["nothing", "null", "not null", "points", "excluded", "intervals"]
"""What kind of set a test asks for. A set that is NULL and more has the form of the rest."""

NULL_FORMS: tuple[Form, ...] = ("nothing", "null", "not null")
SET_FORMS: tuple[Form, ...] = ("points", "excluded", "intervals")

ColumnWriter = Callable[[str], exp.Expression]
"""From the name under which the relation delivers a column to how the statement names it: a new tree at each call."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One test as its rule's writer gets it: `wanted` is without NULL, of form points, excluded or intervals.

    `read()` is the term as the rule reads it (a new tree at each call), `type` what it is compared as, `name` the relation's
    name of the column.
    """

    writer: ConditionWriter
    name: str
    column: RawColumn
    type: Type
    wanted: ValueSet
    read: Callable[[], exp.Expression]

    def bind(self, value: Any) -> exp.Expression:
        """A constant of the compared type."""
        return self.writer.bind(value, self.type)


Writer = Callable[[Comparison], exp.Expression]


@dataclass(frozen=True, slots=True)
class Rule:
    """What is known of one (kind of term, form, type): the verdict with its reason, and how it is written.

    `read` turns the column into what is compared (a collation, a cast); None is the column itself.
    `write` writes points, excluded points and intervals; None is `adapters.sql.plain`.
    `unless` gives a reason to refuse a set for its constants all the same, '' if there is none.
    """

    exactness: Exactness
    reason: str = ""
    read: Callable[[exp.Expression, RawColumn], exp.Expression] | None = None
    write: Writer | None = None
    unless: Callable[[ValueSet], str] | None = None


RuleKey = tuple[str, Form, str]
"""(kind of term, form of the set, name of the raw type)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlDialect:
    """One source's SQL. What is not in `rules` is refused: there is no default.

    `name` is sqlglot's name of the dialect. `cast(constant, type)` gives a constant the type of what it is compared with.
    """

    name: str
    rules: Mapping[RuleKey, Rule]
    cast: Callable[[exp.Expression, Type], exp.Expression]
    """Wraps the placeholder (or literal) of one constant, so that both sides of a comparison are of one type."""
    parameters: Literal["numbered", "positional", "literal"] = "numbered"
    """`$1` by number, `?` in the order of the text, or typed literals written by `literal`."""
    parameter: Callable[[Any], Any] = lambda value: value
    """What the driver binds for a constant."""
    literal: Callable[[Any, Type], exp.Expression] | None = None
    """A constant as a literal of its type, for dialects without parameters."""
    table: Callable[[str], exp.Table]
    """A source table by the name the mapping gives it, with its schema, quoted."""
    output: Callable[[exp.Expression, RawColumn], exp.Expression] = lambda column, _: column
    """How a column is selected: where the driver cannot carry its type as it is, a cast."""
    listed: int = 100
    """Up to so many points are constants of their own in one IN; beyond it `many`."""
    many: Callable[[Comparison, Sequence[Any]], exp.Expression] | None = None
    """IN over more points than `listed`; None: several INs under OR (`in_chunks`)."""
    most_points: int | None = None
    """More points than this are sorted out at the gateway; None: any number is sent."""
    most_intervals: int = 500
    """More separate ranges than this are sorted out at the gateway: each is a comparison per row."""
    equal: Callable[[exp.Expression, exp.Expression, RawColumn, RawColumn], exp.Expression] = lambda left, right, *_: exp.EQ(
        this=left, expression=right
    )
    """Equality of two columns in a join: exactly the equality of their values."""
    unnest: Callable[[UnnestRelation, SelectBuilder], exp.Select] | None = None
    """A SELECT of the elements of a list with their conditions; None: the source does not unnest."""
    functions: frozenset[str] = frozenset()
    """Upper-case names of the functions that the writers use, as sqlglot reads them back (UNNEST as EXPLODE); any other is a bug."""


def form_of(wanted: ValueSet) -> Form:
    if not wanted.intervals:
        return "null" if wanted.null else "nothing"
    rest = wanted.without_null()
    if rest.is_not_null:
        return "not null"
    if rest.points() is not None:
        return "points"
    return "excluded" if rest.excluded() is not None else "intervals"


def compared_type(term: Term, column: RawColumn) -> Type:
    return DOUBLE if term.kind == "number" else column.type


def joined(connector: type[exp.And] | type[exp.Or], parts: Sequence[exp.Expression]) -> exp.Expression:
    """The parts under AND or OR, as a balanced tree: a long chain would pass the engine's limit on depth."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return exp.Paren(this=connector(this=joined(connector, parts[:middle]), expression=joined(connector, parts[middle:])))


def is_null(expression: exp.Expression) -> exp.Expression:
    return exp.Is(this=expression, expression=exp.Null())
