"""Whether an expression can be NULL because the mapping says so. Conservative: only what is certain is reported."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.mapping.functions import FUNCTIONS
from catalog.mapping.lookups import LookupSlice
from catalog.mapping.tree import Call, Literal, LookupValue, Node, Virtual


def null_reason(node: Node, lookups: Mapping[str, LookupSlice]) -> str | None:
    """Why the expression can be NULL, in words; None if that is not certain."""
    match node:
        case Literal(value=None):
            return "it is NULL"
        case LookupValue(alias=alias):
            return None if lookups[alias].use.missing in ("drop", "fail") else f"codes that the lookup {alias} does not have are NULL"
        case Call(function="coalesce", arguments=arguments):
            reasons = [null_reason(argument, lookups) for argument in arguments]
            return None if None in reasons else reasons[-1]
        case Call(function="case", arguments=arguments):
            return "case has no else" if len(arguments) % 2 == 0 else None
        case Call(function=name, arguments=arguments):
            function = FUNCTIONS[name]
            if function.blanks:
                return f"{name} can give NULL"
            if function.strict:
                return next((reason for argument in arguments if (reason := null_reason(argument, lookups))), None)
    return None


def kept_not_null(keep: Node | None) -> frozenset[str]:
    """The virtual columns that `keep` demands."""
    match keep:
        case Call(function="and", arguments=(left, right)):
            return kept_not_null(left) | kept_not_null(right)
        case Call(function="is not null", arguments=(Virtual(name=name),)):
            return frozenset([name])
        case _:
            return frozenset()
