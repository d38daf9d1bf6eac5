"""EXPLAIN: a Plan in words and as a JSON-able document. What a policy adds is not shown to the role it binds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.interface import Exactness, SourceProfile
from gateway.planner.condition_text import condition_text
from gateway.planner.plan import ConjunctDecision, Fragment, Plan, Reference

ProfileOf = Callable[[str, str], SourceProfile]

_WORDS = {
    Exactness.EXACT: "sent, exact",
    Exactness.SUPERSET: "sent, and checked again at the gateway",
    Exactness.REFUSE: "stays at the gateway",
}


def explain_document(plan: Plan, profile_of: ProfileOf) -> dict[str, Any]:
    """The plan as JSON-able values: references, fragments, conjuncts with verdicts, pruned bindings, milliseconds by stage."""
    return {
        "sql": plan.sql,
        "role": plan.role,
        "revision": plan.revision,
        "pushdown": plan.pushdown,
        "columns": list(plan.columns),
        "top_n": plan.top_n,
        "references": [_reference_document(reference, profile_of) for reference in plan.references],
        "milliseconds": {name: round(value, 3) for name, value in plan.timings.items()},
    }


def _reference_document(reference: Reference, profile_of: ProfileOf) -> dict[str, Any]:
    return {
        "name": reference.name,
        "table": reference.table,
        "alias": reference.alias,
        "columns": [name for name, _ in reference.columns],
        "spooled": reference.spool,
        "without_a_node": reference.unsound or "loses rows only",
        "fragments": [_fragment_document(fragment, profile_of) for fragment in reference.fragments],
        "pruned": [{"node": p.node, "source": p.source, "binding": p.binding, "reason": p.reason} for p in reference.pruned],
    }


def _fragment_document(fragment: Fragment, profile_of: ProfileOf) -> dict[str, Any]:
    return {
        "id": fragment.id,
        "node": fragment.node,
        "source": fragment.source,
        "binding": fragment.binding,
        "sent": "" if fragment.guarded else _sent(fragment, profile_of),
        "columns": [] if fragment.guarded else list(fragment.scan.columns),
        "limit": fragment.scan.limit,
        "conjuncts": [
            {"text": c.text, "origin": c.origin, "verdict": c.exactness.value, "pushed": _pushed(c), "reason": c.reason}
            for c in shown(fragment)
        ],
    }


def shown(fragment: Fragment) -> list[ConjunctDecision]:
    """The decisions that the role may see."""
    return [conjunct for conjunct in fragment.conjuncts if not conjunct.hidden]


def _sent(fragment: Fragment, profile_of: ProfileOf) -> str:
    return profile_of(fragment.node, fragment.source).explain(fragment.scan)


def _pushed(conjunct: ConjunctDecision) -> str:
    return condition_text(conjunct.pushed) if conjunct.pushed is not None else ""


def explain_text(plan: Plan, profile_of: ProfileOf) -> str:
    """The plan in words: per fragment what is sent, what stays and why, what was pruned, and what the gateway does itself."""
    lines = [f"plan for role {plan.role}, catalog revision {plan.revision[:12]}, pushdown {plan.pushdown}"]
    for reference in plan.references:
        lines += _reference_lines(reference, profile_of)
    lines += ["", "merge (DuckDB, in the gateway)", "  the statement as written, over the streams above"]
    if plan.top_n:
        lines.append("  ORDER BY with LIMIT is done here over all hospitals")
    if plan.timings:
        lines += ["", "planned in " + ", ".join(f"{name} {value:.1f} ms" for name, value in plan.timings.items())]
    return "\n".join(lines)


def _reference_lines(reference: Reference, profile_of: ProfileOf) -> list[str]:
    alias = f" as {reference.alias}" if reference.alias != reference.table else ""
    lines = ["", f"{reference.name}: {reference.table}{alias}, columns {', '.join(name for name, _ in reference.columns)}"]
    if reference.spool:
        lines.append("  kept as a table first: it may be read more than once, or its size decides the order of joins")
    lines.append(
        f"  without one of its hospitals the answer {'loses rows only' if reference.unsound is None else 'would be wrong: ' + reference.unsound}"
    )
    for fragment in reference.fragments:
        lines += _fragment_lines(fragment, profile_of)
    for pruned in reference.pruned:
        lines.append(f"  {pruned.node}/{pruned.source} ({pruned.binding}): not asked, {pruned.reason}")
    return lines


def _fragment_lines(fragment: Fragment, profile_of: ProfileOf) -> list[str]:
    lines = [f"  {fragment.node}/{fragment.source} ({fragment.binding})"]
    if not fragment.guarded:
        lines.append(f"    asks    {_indented(_sent(fragment, profile_of))}")
        limit = f", at most {fragment.scan.limit} rows" if fragment.scan.limit is not None else ""
        lines.append(f"    reads   {', '.join(fragment.scan.columns)}{limit}")
    for conjunct in shown(fragment):
        origin = "mapping" if conjunct.origin == "mapping" else "filter "
        lines.append(f"    {origin} {conjunct.text}")
        pushed = f" as {_pushed(conjunct)}" if conjunct.pushed is not None else ""
        reason = f": {conjunct.reason}" if conjunct.reason else ""
        lines.append(f"            {_WORDS[conjunct.exactness]}{pushed}{reason}")
    return lines


def _indented(text: str) -> str:
    return text.replace("\n", "\n            ")
