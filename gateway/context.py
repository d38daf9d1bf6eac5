"""QueryContext: who asks, and how the answer may be made."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.result import OnUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """An authenticated caller. `role` decides what it may see."""

    name: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryContext:
    """One query's settings. `pushdown`: `on`, `off`, or comma-separated rules of filter, project, limit. `deadline` in seconds."""

    principal: Principal
    pushdown: str = "on"
    on_unavailable: OnUnavailable = "fail"
    deadline: float = 30.0
