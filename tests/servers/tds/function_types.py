"""What a translation of a function looks like."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from tests.servers.tds.values import Value

if TYPE_CHECKING:
    from tests.servers.tds.expressions import Translation

Argument = Callable[[exp.Expression], Value]
"""Translates an argument of the function where the function stands."""

Handler = Callable[["Translation", Any, Argument], Value]
"""From the statement's translation, the function's node, and the translation of its arguments."""
