"""Turns per-test verdicts into the verdict of a whole condition: And keeps what it can, Or needs every arm."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from adapters.interface import Exactness, Verdict
from catalog.conditions import AllOf, Always, AnyOf, Condition, Never, Test, Unknown, all_of, any_of, inexact, is_exact


def classify_by_test(condition: Condition, test_verdict: Callable[[Test], Verdict]) -> Verdict:
    """The verdict of a condition from a verdict per test. `test_verdict` may answer with a weaker test as `pushed`."""
    reasons: list[str] = []
    before, pushed = condition, _weaken(condition, test_verdict, reasons)
    while pushed != before:  # tests of one column have become one, of another form or too long, on which there is no verdict yet
        before, pushed = pushed, _weaken(pushed, test_verdict, reasons)
    reason = "; ".join(dict.fromkeys(reason for reason in reasons if reason))
    if isinstance(pushed, Unknown):
        return Verdict(Exactness.REFUSE, Unknown(), reason or "nothing of it can be said over the source's columns")
    exactness = Exactness.EXACT if is_exact(pushed) else Exactness.SUPERSET
    return Verdict(exactness, pushed, reason)


def _weaken(condition: Condition, test_verdict: Callable[[Test], Verdict], reasons: list[str]) -> Condition:
    match condition:
        case Always() | Never() | Unknown():
            return condition
        case Test():
            verdict = test_verdict(condition)
            if verdict.exactness is not Exactness.EXACT or verdict.reason:
                reasons.append(verdict.reason)
            match verdict.exactness:
                case Exactness.REFUSE:
                    return Unknown()
                case Exactness.SUPERSET:
                    return inexact(verdict.pushed)
                case Exactness.EXACT:
                    return verdict.pushed
        case AllOf(parts=parts, exact=exact):
            weakened = all_of(*(_weaken(part, test_verdict, reasons) for part in parts))
            return weakened if exact else inexact(weakened)
        case AnyOf(arms=arms):
            return any_of(*(_weaken(arm, test_verdict, reasons) for arm in arms))
        case _:
            assert_never(condition)
