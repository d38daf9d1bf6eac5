"""The contract stays small enough to be read at one sitting."""

from __future__ import annotations

from pathlib import Path

import adapters.interface


def test_the_contract_has_at_most_120_lines():
    assert len(Path(adapters.interface.__file__).read_text().splitlines()) <= 120
