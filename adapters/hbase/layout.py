"""Layout: the typed parts of a row key or qualifier, how each is encoded, and row keys taken apart again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from adapters.arrow_types import arrow_type
from adapters.hbase.codecs import Codec, DecimalCodec, IntegerCodec, TextCodec, codec_named, whole
from adapters.hbase.salt import bucket_count, bucket_of, logical_text, stored_bucket
from adapters.interface import SourceError
from catalog.source_tables import HBaseTable, Salt, Segment
from catalog.types import Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A typed field. `before` and `after` are constant bytes around it. `closed`: its text may not hold `after`, which ends it.

    `bounds` are declared least and greatest values: what lies outside is no value of this part.
    """

    name: str
    codec: Codec
    type: Type
    width: int | None = None
    reversed: bool = False
    subtract_from: int | None = None
    salt: Salt | None = None
    before: bytes = b""
    after: bytes = b""
    closed: bool = False
    last: bool = False
    bounds: tuple[int, int] | None = None

    @property
    def takes_points(self) -> bool:
        """Whether equality on values is equality on bytes."""
        return not isinstance(self.codec, DecimalCodec)

    @property
    def is_ordered_text(self) -> bool:
        return isinstance(self.codec, TextCodec) and self.codec.ordered and not self.reversed

    @property
    def number_bounds(self) -> tuple[int, int] | None:
        """Least and greatest stored number if byte order is number order, else None."""
        return None if self.reversed or not self.codec.ordered else self.codec.bounds(self.width)

    def encode(self, value: Any) -> tuple[bytes, ...]:
        """Every stored form of a logical value, without the constants around it; none if it cannot stand here."""
        if self.subtract_from is not None:
            number = whole(value)
            if number is None:
                return ()
            value = self.subtract_from - number
        reach = self.number_bounds
        if reach is not None:
            number = whole(value)
            if number is None or not reach[0] <= number <= reach[1]:
                return ()
        if self.reversed and isinstance(value, str):
            value = value[::-1]
        found = self.codec.encode(value, self.width)
        if self.reversed and not isinstance(value, str):
            found = tuple(one[::-1] for one in found)
        return tuple(one for one in found if not (self.closed and self.after in one))

    def decode(self, stored: Sequence[bytes]) -> pa.Array:
        """The logical values of many stored forms. Raises ValueError."""
        if self.reversed:
            stored = [self._turned(one) for one in stored]
        values = self.codec.decode_many(stored)
        if pa.types.is_integer(values.type):
            self._check_number_text(stored)
            if self._may_be_negative and stored and max(stored) >= b"\x80":
                raise ValueError("a number in a key is negative")
        if self.subtract_from is not None:
            values = pc.subtract(pa.scalar(self.subtract_from, pa.int64()), values)
        wanted = arrow_type(self.type)
        return values if values.type.equals(wanted) else values.cast(wanted)

    def value(self, stored: bytes) -> Any:
        """The logical value of one stored form. Raises ValueError."""
        value = self.codec.decode(self._turned(stored) if self.reversed else stored)
        if isinstance(value, int) and not isinstance(value, bool):
            self._check_number_text([stored])
            if value < self._least:
                raise ValueError("a number in a key is negative")
            return value if self.subtract_from is None else self.subtract_from - value
        return value

    @property
    def _least(self) -> int:
        """The least number that may be stored: keys hold no negative numbers, unless the codec keeps their order."""
        return (self.codec.bounds(self.width) or (0, 0))[0]

    @property
    def _may_be_negative(self) -> bool:
        """Whether the codec writes negative numbers out of their order: behind all others, with the first bit set."""
        return isinstance(self.codec, IntegerCodec) and self.codec.signed and not self.codec.flipped

    def _turned(self, stored: bytes) -> bytes:
        if stored.isascii() or not isinstance(self.codec, TextCodec):
            return stored[::-1]
        return self.codec.decode(stored)[::-1].encode(self.codec.encoding)

    def _check_number_text(self, stored: Sequence[bytes]) -> None:
        """Digits of no fixed width have one spelling only, or equality by bytes would lose rows."""
        if self.codec.name == "digits" and self.width is None and any(one[:1] == b"0" and len(one) > 1 for one in stored):
            raise ValueError("digits without a width take no leading zeros")

    def take(self, row: bytes, position: int) -> tuple[bytes, int]:
        """The stored form that begins at `position`, and where the next part begins. Raises ValueError."""
        size = self.codec.width if self.codec.width is not None else self.width
        if self.salt is not None and size is None:
            size = self.salt.hex
        if size is not None:
            end = self.codec.end_of(row, position, size) if isinstance(self.codec, TextCodec) else position + size
        elif self.last:
            end = len(row)
        else:
            end = row.find(self.after, position)
        if end < position or end > len(row):
            raise ValueError("the key ends too early")
        stored = row[position:end]
        if not row.startswith(self.after, end):
            raise ValueError("a delimiter is not where it should be")
        return stored, end + len(self.after)


_WRONG_SALT = ValueError("the salt is not the declared hash")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLayout:
    """The row key of one table, ready for encoding and decoding."""

    table: str
    parts: tuple[Part, ...]

    @property
    def salt(self) -> Part | None:
        return next((part for part in self.parts if part.salt is not None), None)

    def part(self, name: str) -> Part:
        return next(part for part in self.parts if part.name == name)

    def buckets(self, part: Part) -> tuple[bytes, ...]:
        """Every stored form of a salt."""
        assert part.salt is not None
        return tuple(stored_bucket(part.salt, part.codec, part.width, bucket) for bucket in range(bucket_count(part.salt)))

    def bucket(self, part: Part, value: Any, stored: bytes) -> bytes:
        """The stored form of the salt, from the logical value and stored bytes of the part that it hashes."""
        assert part.salt is not None
        data = stored if part.salt.over == "stored" else logical_text(value)
        return stored_bucket(part.salt, part.codec, part.width, bucket_of(part.salt, data))

    def decode(self, rows: Sequence[bytes]) -> dict[str, pa.Array]:
        """The logical segments of many row keys. Raises SourceError S121, which names the segment and no value."""
        pieces: dict[str, list[bytes]] = {part.name: [] for part in self.parts}
        takes = [(part, pieces[part.name].append) for part in self.parts]
        for row in rows:
            position = 0
            for part, keep in takes:
                try:
                    stored, position = part.take(row, position)
                except ValueError as error:
                    raise self._unreadable(part, error) from None
                keep(stored)
            if position != len(row):
                raise self._unreadable(self.parts[-1], ValueError("the key is too long"))
        found: dict[str, pa.Array] = {}
        for part in self.parts:
            if part.salt is None:
                try:
                    found[part.name] = part.decode(pieces[part.name])
                except (ValueError, pa.ArrowInvalid) as error:
                    raise self._unreadable(part, error) from None
        for part in self.parts:
            if part.salt is not None:
                self._check_salt(part, pieces, found)
        return found

    def values(self, row: bytes) -> dict[str, Any]:
        """The logical segments of one row key. Raises SourceError S121 as `decode` does."""
        pieces: dict[str, bytes] = {}
        found: dict[str, Any] = {}
        position = 0
        for part in self.parts:
            try:
                stored, position = part.take(row, position)
                pieces[part.name] = stored
                if part.salt is None:
                    found[part.name] = part.value(stored)
            except ValueError as error:
                raise self._unreadable(part, error) from None
        if position != len(row):
            raise self._unreadable(self.parts[-1], ValueError("the key is too long"))
        for part in self.parts:
            if part.salt is not None and pieces[part.name] != self.bucket(part, found[part.salt.of], pieces[part.salt.of]):
                raise self._unreadable(part, _WRONG_SALT)
        return found

    def _check_salt(self, part: Part, pieces: dict[str, list[bytes]], found: dict[str, pa.Array]) -> None:
        """A wrong salt would be found by a scan of all buckets and lost by a get: better to say that the layout is wrong."""
        assert part.salt is not None
        of = part.salt.of
        known: dict[bytes, bytes] = {}
        for salt, stored, value in zip(pieces[part.name], pieces[of], found[of].to_pylist(), strict=True):
            right = known.get(stored)
            if right is None:
                right = known[stored] = self.bucket(part, value, stored)
            if salt != right:
                raise self._unreadable(part, _WRONG_SALT)

    def _unreadable(self, part: Part, error: Exception) -> SourceError:
        why = str(error) if type(error) is ValueError else "the bytes do not fit the codec"
        fact = f"a row key of table {self.table} does not fit its layout: segment {part.name}, {part.codec.name}: {why}"
        return SourceError("S121", fact, "compare row_key in node.yaml with the keys of the table")


def key_layout(table: HBaseTable) -> KeyLayout:
    """The layout of a table's row key. Raises SourceError S110 if it cannot be read back."""
    delimiter = (table.row_key.delimiter or "").encode()
    segments = table.row_key.segments
    parts = tuple(_part(table, segment, delimiter, segment is segments[-1]) for segment in segments)
    for part in parts:
        sized = part.codec.width is not None or part.width is not None or (part.salt is not None and part.salt.hex is not None)
        if not (sized or part.last or delimiter):
            raise _misfit(table, part.name, "needs a width, since the key has no delimiter")
        if part.salt is not None and part.salt.of not in {p.name for p in parts if p.salt is None}:
            raise _misfit(table, part.name, f"is a salt of {part.salt.of}, which is no segment")
    return KeyLayout(table=table.name, parts=parts)


def _part(table: HBaseTable, segment: Segment, delimiter: bytes, last: bool) -> Part:
    try:
        codec = codec_named(segment.codec)
    except ValueError as error:
        raise _misfit(table, segment.name, str(error)) from None
    free = codec.width is None and segment.width is None
    return Part(
        name=segment.name,
        codec=codec,
        type=segment.type,
        width=segment.width if codec.width is None else None,
        reversed=segment.reversed,
        subtract_from=segment.subtract_from,
        salt=segment.salt,
        after=b"" if last else delimiter,
        closed=free and not last and bool(delimiter),
        last=last,
    )


def _misfit(table: HBaseTable, segment: str, fact: str) -> SourceError:
    return SourceError("S110", f"the row key of table {table.name}: segment {segment} {fact}", "see docs/hbase-layouts.md")
