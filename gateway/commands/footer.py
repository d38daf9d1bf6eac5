"""What is said below an answer: rows, seconds, and which hospitals it covers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from gateway.report import printable

if TYPE_CHECKING:
    from gateway.result import NodeOutcome, Result

_LABELS = {
    "partial": "rows of the missing hospitals are not in the answer",
    "top_n_incomplete": "each row is right, but a missing hospital's rows could have come before them",
    "lower_bound": "counts and sums lack the missing hospitals: the truth is at least this",
    "unsound": "without the missing hospitals the answer may be wrong",
}


def footer(result: Result, rows: int, seconds: float) -> list[str]:
    """The lines, for people."""
    lines = [f"{rows:,} {'row' if rows == 1 else 'rows'} in {seconds:.2f} s"]
    if result.outcomes:
        lines.append(coverage(result.outcomes))
    lines += [f"{label}: {_LABELS.get(label, '')}".rstrip(": ") for label in result.labels]
    return [printable(line) for line in lines]


def coverage(outcomes: Sequence[NodeOutcome]) -> str:
    """`covers 3 of 3 hospitals: hosp_a ok 1,003 rows, …`: a hospital is covered when each of its sources is."""
    nodes = list(dict.fromkeys(outcome.node for outcome in outcomes))
    covered = [node for node in nodes if _is_covered(node, outcomes)]
    several = {node for node in nodes if sum(outcome.node == node for outcome in outcomes) > 1}
    parts = ", ".join(_part(outcome, outcome.node in several) for outcome in outcomes)
    word = "covers" if len(covered) == len(nodes) else "INCOMPLETE: covers"
    return f"{word} {len(covered)} of {len(nodes)} hospitals: {parts}"


def _is_covered(node: str, outcomes: Iterable[NodeOutcome]) -> bool:
    return all(outcome.status in ("ok", "pruned") for outcome in outcomes if outcome.node == node)


def _part(outcome: NodeOutcome, several: bool) -> str:
    name = f"{outcome.node}.{outcome.source}" if several else outcome.node
    why = f" ({outcome.reason})" if outcome.reason else ""
    match outcome.status:
        case "ok" | "stale":
            as_of = f" as of {outcome.as_of}" if outcome.as_of else ""
            return f"{name} {outcome.status}{as_of} {outcome.rows:,} rows {outcome.seconds:.2f} s{why}"
        case _:
            code = f" [{outcome.code}]" if outcome.code else ""
            return f"{name} {outcome.status}{code}{why}"
