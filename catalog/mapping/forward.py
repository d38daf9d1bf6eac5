"""Writes expressions as DuckDB syntax, and collects the joins they need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from catalog.binding import LookupTable
from catalog.mapping import sql
from catalog.mapping.functions import FUNCTIONS
from catalog.mapping.functions.units import factors_of
from catalog.mapping.lookups import LookupSlice, named_table
from catalog.mapping.tree import Call, Literal, LookupValue, Node, Raw, Virtual, lookup_aliases, walk
from catalog.model import Units
from catalog.types import DOUBLE, TEXT

VIRTUAL = "virtual"
_FACTOR = (("add", DOUBLE), ("multiply", DOUBLE), ("divide", DOUBLE))


@dataclass(frozen=True)
class Joined:
    """A small table that the projection joins: how it is called there, on what, and which lookups it looks at."""

    alias: str
    table: LookupTable
    on: exp.Expr
    inner: bool = False


@dataclass
class Writer:
    """Writes the expressions of one binding; an expression always has the same text, so it may be kept."""

    zone: str
    units: Units
    lookups: Mapping[str, LookupSlice]
    conversions: dict[Call, int] = field(default_factory=dict)

    def write(self, node: Node) -> exp.Expr:
        match node:
            case Literal(value=value, type=type):
                return sql.typed(value, type)
            case Raw(name=name):
                return sql.raw_column(name)
            case LookupValue(alias=alias, column=column):
                return sql.column(self.lookups[alias].alias, column)
            case Virtual(name=name):
                return sql.column(VIRTUAL, name)
            case Call(function=function, arguments=arguments):
                return FUNCTIONS[function].forward(node, [self.write(argument) for argument in arguments], self)

    def output(self, node: Node) -> exp.Expr:
        """The expression as a column of its type; DuckDB's small integer constants become 64 bits."""
        written = self.write(node)
        if (isinstance(node, Literal) and node.value is not None) or (node.type.name in ("integer", "bigint") and isinstance(node, Call)):
            return sql.cast(written, node.type)
        return written

    def failed(self, node: Node) -> exp.Expr | None:
        """Whether bad data made a NULL anywhere in the expression: not-NULL arguments, and NULL out of them."""
        found = []
        for part in walk(node):
            if isinstance(part, Call) and FUNCTIONS[part.function].fails:
                given = [sql.is_not_null(self.write(argument)) for argument in part.arguments if not isinstance(argument, Literal)]
                found.append(sql.both(*given, sql.is_null(self.write(part))))
        return sql.either(*found) if found else None

    # ---------------------------------------------------------------------------------------------- joins

    def conversion(self, call: Call) -> tuple[exp.Expr, exp.Expr, exp.Expr]:
        number = self._number(call)
        general, special = f"unit_{number}", f"unit_{number}_analyte"
        if len(call.arguments) < 4:
            add, multiply, divide = (sql.column(general, name) for name, _ in _FACTOR)
        else:
            add, multiply, divide = (sql.function("coalesce", sql.column(special, name), sql.column(general, name)) for name, _ in _FACTOR)
        return add, multiply, divide

    def _number(self, call: Call) -> int:
        return self.conversions.setdefault(call, len(self.conversions) + 1)

    def joins(self, *nodes: Node, always: Iterable[str] = ()) -> list[Joined]:
        """The joins that the expressions need and lookups that are `always` joined, each after those it looks at."""
        calls = [part for node in nodes for part in walk(node) if isinstance(part, Call) and part.function == "convert_unit"]
        wanted = {*lookup_aliases(*nodes), *always}
        wanted = self._with_earlier(wanted)
        found = [self._lookup(slice) for alias, slice in self.lookups.items() if alias in wanted]
        for call in dict.fromkeys(calls):
            found += self._conversion_joins(call)
        return found

    def _with_earlier(self, aliases: set[str]) -> set[str]:
        found = set(aliases)
        for alias, slice in reversed(list(self.lookups.items())):
            if alias in found:
                found |= lookup_aliases(*(key for _, key in slice.keys))
        return found

    def _lookup(self, slice: LookupSlice) -> Joined:
        on = sql.both(*(sql.equal(sql.column(slice.alias, f"key_{name}"), self.write(key)) for name, key in slice.keys))
        return Joined(slice.alias, slice.table, on, inner=slice.use.missing == "drop")

    def _conversion_joins(self, call: Call) -> list[Joined]:
        number, factors = self._number(call), factors_of(self.units)
        source, target = (self.write(argument) for argument in call.arguments[1:3])
        general = named_table(
            "units",
            (("source_unit", TEXT), ("unit", TEXT), *_FACTOR),
            tuple((s, u, *factor) for (s, u, analyte), factor in sorted(factors.items(), key=str) if analyte is None),
        )
        on = [sql.equal(sql.column(f"unit_{number}", "source_unit"), source), sql.equal(sql.column(f"unit_{number}", "unit"), target)]
        found = [Joined(f"unit_{number}", general, sql.both(*on))]
        if len(call.arguments) > 3:
            special = named_table(
                "analyte_units",
                (("source_unit", TEXT), ("unit", TEXT), ("loinc", TEXT), *_FACTOR),
                tuple((s, u, analyte, *factor) for (s, u, analyte), factor in sorted(factors.items(), key=str) if analyte is not None),
            )
            alias = f"unit_{number}_analyte"
            values = (source.copy(), target.copy(), self.write(call.arguments[3]))
            on = [sql.equal(sql.column(alias, name), value) for name, value in zip(("source_unit", "unit", "loinc"), values)]
            found.append(Joined(alias, special, sql.both(*on)))
        return found
