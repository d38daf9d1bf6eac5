"""How many constants a statement may have: what is too much for the server is refused while planning, not answered with an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.interface import Exactness, Verdict
from adapters.sqlserver.key_lists import MOST_VALUES
from catalog.conditions import AllOf, AnyOf, Condition, Test
from catalog.source_tables import RawColumn

MOST_PARAMETERS = 2_000
"""SQL Server takes 2,100 in a statement, and uses some for itself."""

_OF_A_RANGE = {"timestamp": 4, "local_timestamp": 4}
"""Two bounds; of a datetime two more, for its index."""
_OF_A_POINT = {"text": 3, "bytes": 2, **_OF_A_RANGE}


def within_parameters(verdicts: Sequence[Verdict], columns: Mapping[str, RawColumn]) -> list[Verdict]:
    """The verdicts, those refused for which no constants are left. Counts at least as many as are written."""
    room, found = MOST_PARAMETERS, []
    for verdict in verdicts:
        wanted = _constants(verdict.pushed, columns)
        if wanted > room:
            found.append(Verdict(Exactness.REFUSE, reason="the statement would have more constants than the source takes"))
        else:
            room -= wanted
            found.append(verdict)
    return found


def _constants(condition: Condition, columns: Mapping[str, RawColumn]) -> int:
    match condition:
        case Test():
            return _of_test(condition, columns[condition.term.column].type.name)
        case AllOf(parts=parts) | AnyOf(arms=parts):
            return sum(_constants(part, columns) for part in parts)
        case _:
            return 0


def _of_test(test: Test, type: str) -> int:
    listed = test.wanted.points() or test.wanted.excluded()
    if listed is None:
        return _OF_A_RANGE.get(type, 2) * len(test.wanted.intervals)
    if len(listed) > MOST_VALUES:
        return 1  # one JSON text
    return (_OF_A_POINT.get(type, 1) if type != "text" or len(listed) == 1 else 1) * len(listed)
