"""Whether what a source delivers is what was asked for: columns by name, order and type, never shifted."""

from __future__ import annotations

import pyarrow as pa

from adapters.interface import SourceError

_HINT = "compare `sources describe` with node.yaml"


def check_drift(expected: pa.Schema, batch: pa.RecordBatch) -> None:
    """Raise SourceError S120 naming the first column that is missing, unasked for or of another type."""
    found = batch.schema
    if found.names == expected.names and found.types == expected.types:
        return
    for name in expected.names:
        if name not in found.names:
            raise SourceError("S120", f"column {name} is missing from what the source delivers", _HINT)
    for name, actual in zip(found.names, found.types):
        if name not in expected.names:
            raise SourceError("S120", f"column {name} was not asked for but is delivered", _HINT)
        declared = expected.field(name).type
        if declared != actual:
            raise SourceError("S120", f"column {name} is delivered as {actual}, but declared as {declared}", _HINT)
    wrong = next((a for a, b in zip(found.names, expected.names) if a != b), found.names[-1])
    raise SourceError("S120", f"column {wrong} is delivered at another place than asked for", _HINT)
