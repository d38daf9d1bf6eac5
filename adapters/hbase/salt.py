"""Salts: the bucket that a hash of another segment puts a row in."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

from adapters.hbase.codecs import Codec
from catalog.source_tables import Salt

_MASK = 0xFFFFFFFF


def murmur3(data: bytes, seed: int = 0) -> int:
    """MurmurHash3 x86, 32 bits, unsigned."""
    state = seed
    tail = len(data) & ~3
    for position in range(0, tail, 4):
        state ^= _scramble(int.from_bytes(data[position : position + 4], "little"))
        state = ((state << 13 | state >> 19) & _MASK) * 5 + 0xE6546B64 & _MASK
    if tail < len(data):
        state ^= _scramble(int.from_bytes(data[tail:], "little"))
    state ^= len(data)
    state = (state ^ state >> 16) * 0x85EBCA6B & _MASK
    state = (state ^ state >> 13) * 0xC2B2AE35 & _MASK
    return state ^ state >> 16


def _scramble(block: int) -> int:
    block = block * 0xCC9E2D51 & _MASK
    return (block << 15 | block >> 17) * 0x1B873593 & _MASK


def _digest(salt: Salt, data: bytes) -> bytes:
    match salt.hash:
        case "crc32":
            return zlib.crc32(data).to_bytes(4, "big")
        case "murmur3":
            return murmur3(data).to_bytes(4, "big")
        case "md5":
            return hashlib.md5(data, usedforsecurity=False).digest()


def bucket_of(salt: Salt, data: bytes) -> int:
    """The bucket of the hashed bytes: 0 to bucket_count - 1."""
    digest = _digest(salt, data)
    if salt.hex is not None:
        return int(digest.hex()[: salt.hex], 16)
    assert salt.modulo is not None
    return int.from_bytes(digest, "big") % salt.modulo


def bucket_count(salt: Salt) -> int:
    if salt.hex is not None:
        return 1 << 4 * salt.hex
    assert salt.modulo is not None
    return salt.modulo


def stored_bucket(salt: Salt, codec: Codec, width: int | None, bucket: int) -> bytes:
    """How a bucket stands in the key: hex digits, decimal text (zero-padded to `width`), or a binary number."""
    if codec.bounds(1) is None or codec.name == "digits":
        return (f"{bucket:0{salt.hex}x}" if salt.hex is not None else str(bucket).zfill(width or 0)).encode()
    return codec.encode(bucket)[0]


def logical_text(value: Any) -> bytes:
    """A logical value as the text that is hashed."""
    return (str(value).lower() if isinstance(value, bool) else str(value)).encode()
