"""Byte ranges: half-open [start, stop) pieces of the order in which HBase keeps row keys and qualifiers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class ByteRange(NamedTuple):
    """Keys from `start` up to but not `stop`; a stop of None is the end of the table."""

    start: bytes = b""
    stop: bytes | None = None

    @property
    def is_empty(self) -> bool:
        return self.stop is not None and self.start >= self.stop

    @property
    def key(self) -> bytes | None:
        """The one key the range holds, if it holds just one."""
        return self.start if self.stop == self.start + b"\x00" else None

    def contains(self, key: bytes) -> bool:
        return self.start <= key and (self.stop is None or key < self.stop)


EVERYTHING = (ByteRange(),)


def successor(prefix: bytes) -> bytes | None:
    """The least key above every key that begins with `prefix`; None if there is none (only 0xFF bytes)."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else None


def prefix_range(prefix: bytes) -> ByteRange:
    """Every key that begins with `prefix`."""
    return ByteRange(prefix, successor(prefix))


def key_range(key: bytes) -> ByteRange:
    """Just this key."""
    return ByteRange(key, key + b"\x00")


def merge(ranges: Iterable[ByteRange]) -> tuple[ByteRange, ...]:
    """Sorted and disjoint, with overlapping and adjacent ranges made one."""
    merged: list[ByteRange] = []
    for found in sorted((r for r in ranges if not r.is_empty), key=lambda r: r.start):
        last = merged[-1] if merged else None
        if last is not None and (last.stop is None or found.start <= last.stop):
            stop = None if last.stop is None or found.stop is None else max(last.stop, found.stop)
            merged[-1] = ByteRange(last.start, stop)
        else:
            merged.append(found)
    return tuple(merged)


def intersect(ranges: Sequence[ByteRange], other: ByteRange) -> tuple[ByteRange, ...]:
    """The parts of `ranges` that lie within `other`."""
    found = []
    for each in ranges:
        stops = [stop for stop in (each.stop, other.stop) if stop is not None]
        piece = ByteRange(max(each.start, other.start), min(stops) if stops else None)
        if not piece.is_empty:
            found.append(piece)
    return tuple(found)


def readable(key: bytes) -> str:
    """A key in print: ASCII as it is, every other byte as \\xNN."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F and byte != 0x5C else f"\\x{byte:02x}" for byte in key)
