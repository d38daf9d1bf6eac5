"""Makes a call node: finds the function, counts and types the arguments."""

from __future__ import annotations

from catalog.errors import near_names
from catalog.mapping.constants import coerce
from catalog.mapping.errors import ExpressionError, wrong_arguments
from catalog.mapping.functions import FUNCTIONS
from catalog.mapping.functions.base import MappingFunction, Parameter
from catalog.mapping.tree import Call, Literal, Node, same_type
from catalog.types import SIMPLE_TYPES, Type, parse_type

_NEVER = frozenset(
    "now current_date current_timestamp today random uuid gen_random_uuid row_number rank lag lead sum count min max avg".split()
)


def build_call(name: str, arguments: tuple[Node, ...], position: int = 0, type: Type | None = None) -> Node:
    """The typed call. `type` is the target of a cast. Raises ExpressionError (C206, C207)."""
    function = FUNCTIONS.get(name)
    if function is None:
        hint = "a mapping has no windows, aggregates, clock or chance" if name in _NEVER else near_names(name, public_functions())
        raise ExpressionError("C206", f"unknown function {name}", hint)
    parameters = _parameters(function, len(arguments))
    given = tuple(_argument(function, parameter, node) for parameter, node in zip(parameters, arguments))
    arranged = function.arrange(given, type)
    if isinstance(arranged, tuple):
        return Call(name, arranged, type or function.type_of(arranged), position)
    return arranged


def public_functions() -> list[str]:
    return [name for name in FUNCTIONS if name.replace("_", "").isalnum()]


def _parameters(function: MappingFunction, count: int) -> list[Parameter]:
    """One parameter for each argument given."""
    declared = list(function.parameters)
    least = len(declared) if function.required is None else function.required
    if function.repeats and count > len(declared):
        tail = declared[len(declared) - function.repeats :]
        extra = count - len(declared)
        if extra % function.repeats == 0:
            return declared + tail * (extra // function.repeats)
    if least <= count <= len(declared):
        return declared[:count]
    raise wrong_arguments(f"{function.name} takes {_described(function)}, not {count} arguments")


def _described(function: MappingFunction) -> str:
    least = len(function.parameters) if function.required is None else function.required
    names = [p.name if index < least else f"[{p.name}]" for index, p in enumerate(function.parameters)]
    return f"({', '.join(names)}{', ...' if function.repeats else ''})"


def _argument(function: MappingFunction, parameter: Parameter, node: Node) -> Node:
    if parameter.literal and not isinstance(node, Literal):
        raise wrong_arguments(f"the {parameter.name} of {function.name} must be a constant")
    if isinstance(node, Literal) and node.value is None:
        if parameter.literal:
            raise wrong_arguments(f"the {parameter.name} of {function.name} cannot be NULL")
        return Literal(None, parse_type(parameter.types[0])) if parameter.types and parameter.types[0] in SIMPLE_TYPES else node
    if not parameter.types or node.type.name in parameter.types:
        return node
    first = parameter.types[0]
    if isinstance(node, Literal) and first in SIMPLE_TYPES:
        return coerce(node, parse_type(first))
    hint = "cast it with ::varchar" if first == "text" and node.type.is_number else ""
    raise wrong_arguments(f"the {parameter.name} of {function.name} is {' or '.join(parameter.types)}, not {node.type}", hint)


def as_declared(node: Node, type: Type) -> Node:
    """A column's expression as the column's declared type. Raises ExpressionError (C212)."""
    if same_type(node.type, type) and not (isinstance(node, Literal) and node.value is None):
        return node
    try:
        return coerce(node, type) if isinstance(node, Literal) else build_call("cast", (node,), 0, type)
    except ExpressionError as error:
        raise ExpressionError("C212", error.fact, error.hint) from None
