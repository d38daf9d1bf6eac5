"""Values that cannot be read are told of without themselves, also in the chain of exceptions."""

from __future__ import annotations

import pytest

from adapters.trino.decode import UnreadableValueError, decoder
from adapters.trino.types import found_type
from catalog.types import parse_type


@pytest.mark.parametrize(
    ("found", "declared", "value"),
    [
        ("date", "date", "-0044-03-15"),
        ("timestamp(3)", "local_timestamp", "+12020-01-01 00:00:00.000"),
        ("decimal(3,2)", "decimal(2,1)", "1.25"),
    ],
)
def test_an_unreadable_value_is_not_carried_along(found: str, declared: str, value: str) -> None:
    with pytest.raises(UnreadableValueError) as caught:
        decoder(found_type(found), parse_type(declared))([value])
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
