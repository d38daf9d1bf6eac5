"""Salts: hashes against published vectors, and how buckets stand in keys."""

from __future__ import annotations

import pytest

from adapters.hbase.codecs import codec_named
from adapters.hbase.salt import bucket_count, bucket_of, murmur3, stored_bucket
from catalog.source_tables import Salt


@pytest.mark.parametrize(
    ("data", "seed", "hash"),
    [  # the vectors of the reference implementation's verification, as published with it and in its ports
        (b"", 0, 0),
        (b"", 1, 0x514E28B7),
        (b"", 0xFFFFFFFF, 0x81F16F39),
        (b"\xff\xff\xff\xff", 0, 0x76293B50),
        (b"\x21\x43\x65\x87", 0, 0xF55B516B),
        (b"\x21\x43\x65\x87", 0x5082EDEE, 0x2362F9DE),
        (b"\x21\x43\x65", 0, 0x7E4A8634),
        (b"\x21\x43", 0, 0xA0F7B07A),
        (b"\x21", 0, 0x72661CF4),
        (b"\x00\x00\x00\x00", 0, 0x2362F9DE),
        (b"test", 0, 0xBA6BD213),
        (b"Hello, world!", 0, 0xC0363E43),
        (b"The quick brown fox jumps over the lazy dog", 0, 0x2E4FF723),
    ],
)
def test_murmur3_gives_the_published_hashes(data: bytes, seed: int, hash: int) -> None:
    assert murmur3(data, seed) == hash


def test_crc32_and_md5_give_the_published_hashes() -> None:
    # CRC-32 of "123456789" is 0xCBF43926 (the check value of the catalogue), MD5 of "abc" is 900150983cd24fb0... (RFC 1321)
    assert bucket_of(Salt(hash="crc32", of="x", hex=8), b"123456789") == 0xCBF43926
    assert bucket_of(Salt(hash="crc32", of="x", modulo=8), b"123456789") == 0xCBF43926 % 8
    assert bucket_of(Salt(hash="md5", of="x", hex=4), b"abc") == 0x9001
    assert bucket_of(Salt(hash="md5", of="x", modulo=1000), b"abc") == 0x900150983CD24FB0D6963F7D28E17F72 % 1000


def test_a_bucket_is_text_of_its_width_hex_digits_or_one_byte() -> None:
    modulo, hex = Salt(hash="crc32", of="x", modulo=16), Salt(hash="md5", of="x", hex=2)
    assert stored_bucket(modulo, codec_named("text"), 2, 5) == b"05"
    assert stored_bucket(modulo, codec_named("digits"), 3, 12) == b"012"
    assert stored_bucket(modulo, codec_named("u8"), 1, 5) == b"\x05"
    assert stored_bucket(modulo, codec_named("i16be"), 2, 5) == b"\x00\x05"
    assert stored_bucket(hex, codec_named("text"), None, 10) == b"0a"
    assert (bucket_count(modulo), bucket_count(hex)) == (16, 256)
