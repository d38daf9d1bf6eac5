"""The pads of HMAC-SHA-256 (RFC 2104): with them SQL can compute a keyed hash as sha256(outer || sha256(inner || text))."""

from __future__ import annotations

import hashlib

_BLOCK = 64


def hmac_pads(key: bytes) -> tuple[bytes, bytes]:
    """(inner, outer): the key, brought to one block of 64 bytes, xor 0x36 and xor 0x5c."""
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)
