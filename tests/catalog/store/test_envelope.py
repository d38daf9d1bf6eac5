"""An object that was cut off is torn; one that has its length but other bits is damaged, and never the former."""

from __future__ import annotations

import json

import pytest

from catalog.store.envelope import Sealed, Unsound, canonical, seal, unseal

BODY = {"why": "次/分 is /min", "number": 7, "written": {"tables/a.yaml": "a: 1\r\n# kept\n"}, "removed": []}


def test_what_was_sealed_is_read_again_and_is_plain_json() -> None:
    content, digest = seal(BODY)
    assert unseal(content) == Sealed(BODY, digest)
    assert json.loads(content)["body"] == BODY


def test_equal_values_have_one_form() -> None:
    assert canonical({"b": 1, "a": "é"}) == '{"a":"é","b":1}'.encode() == canonical({"a": "é", "b": 1})


def test_cut_at_every_byte_it_is_torn() -> None:
    content, _ = seal(BODY)
    for length in range(len(content)):
        found = unseal(content[:length])
        assert isinstance(found, Unsound) and found.torn, length


def test_zeros_in_place_of_the_end_are_torn() -> None:
    """A file system that lengthens a file before it writes it leaves this after a loss of power."""
    content, _ = seal(BODY)
    for length in range(len(content) - 2):
        found = unseal(content[:length] + bytes(len(content) - length))
        assert isinstance(found, Unsound)
        assert found.torn or 0 < length < 108, length  # a head that is half there is not called torn, to be on the safe side


def test_with_any_bit_flipped_it_is_damaged_and_not_torn() -> None:
    content, _ = seal(BODY)
    for byte in range(len(content)):
        for bit in range(8):
            found = unseal(content[:byte] + bytes([content[byte] ^ (1 << bit)]) + content[byte + 1 :])
            assert isinstance(found, Unsound) and not found.torn, (byte, bit)


@pytest.mark.parametrize("text", [b'{"b":1,"a":2}', b'{"a": 1}', b"[1]", b"{", b'{"a":1,"a":1}'])
def test_a_body_in_another_form_is_damaged_even_if_its_digest_is_right(text: bytes) -> None:
    from hashlib import sha256

    content = b'{"length":"%012d","sha256":"%s","body":%s}\n' % (len(text), sha256(text).hexdigest().encode(), text)
    assert unseal(content) == Unsound(False, "its content is not in canonical form")
