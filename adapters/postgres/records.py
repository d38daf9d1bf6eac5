"""Rows that came in binary, decoded into Arrow column by column. Composites have the form of a record, arrays their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from adapters.arrow_types import arrow_type
from adapters.postgres.cells import Cells, WireBytes
from adapters.postgres.cells import columns as columns_of
from adapters.postgres.few_rows import decode_few
from adapters.postgres.natives import Native
from adapters.postgres.numerics import UnfitNumberError, decimals
from adapters.postgres.rows import Rows
from adapters.postgres.time_scale import DAYS, EPOCH_DAYS, EPOCH_MICROSECONDS, MICROSECONDS
from catalog.types import Type

_FEW = 10
"""Rows that are sooner read value by value."""


class UnreadableError(Exception):
    """A value of the column is not one of the declared type. `changed`: the column's type is another one than it was."""

    def __init__(self, column: str, *, changed: bool = False) -> None:
        super().__init__(column)
        self.column, self.changed = column, changed


class _UnfitError(Exception):
    def __init__(self, *, changed: bool = False) -> None:
        super().__init__()
        self.changed = changed


def decode_rows(rows: Rows, columns: Sequence[tuple[str, Native, Type]], row: pa.StructType) -> pa.RecordBatch:
    """The rows (at least one) as one batch of the declared types, of which `row` is made in Arrow's terms. Raises UnreadableError."""
    count = len(rows.lengths)
    if count <= _FEW:
        few = decode_few(rows, [declared for _, _, declared in columns], row)
        if few is not None:
            return few
    held = WireBytes(rows.data)
    starts = np.fromiter(rows.starts, np.int64, count)
    arrays = []
    for (name, native, declared), cells in zip(columns, columns_of(held, starts, len(columns), rows.oids), strict=True):
        try:
            arrays.append(_decoded(cells, native, declared))
        except _UnfitError as unfit:
            raise UnreadableError(name, changed=unfit.changed) from None
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(list(row)))


def _decoded(cells: Cells, native: Native, declared: Type) -> pa.Array:
    match declared.name:
        case "list":
            return _lists(cells, native, declared)
        case "struct":
            return _structs(cells, native, declared)
        case "decimal":
            return _numerics(cells, declared)
        case name:
            decoder = _DECODERS[name].get(cells.oid)
            if decoder is None:
                raise _UnfitError(changed=True)
            return decoder(cells)


def _integers(form: str) -> Callable[[Cells], pa.Array]:
    def decode(cells: Cells) -> pa.Array:
        return pa.array(cells.numbers(form, np.int64), mask=cells.nulls)

    return decode


def _doubles(form: str) -> Callable[[Cells], pa.Array]:
    def decode(cells: Cells) -> pa.Array:
        # from_pandas would turn NaN into NULL; a mask alone does not
        return pa.array(cells.numbers(form, np.float64), mask=cells.nulls, from_pandas=False)

    return decode


def _booleans(cells: Cells) -> pa.Array:
    return pa.array(cells.held.view("u1")[cells.present] != 0, mask=cells.nulls)


def _counts(cells: Cells, form: str, finite: range, shift: int) -> Any:
    """Days or microseconds on Arrow's scale; anything for NULL."""
    found = cells.numbers(form, np.int64)
    if cells.nulls is not None:
        found[cells.nulls] = 0
    if len(found) and not (int(found.min()) in finite and int(found.max()) in finite):
        raise _UnfitError
    return found + shift


def _dates(cells: Cells) -> pa.Array:
    return pa.array(_counts(cells, ">i4", DAYS, EPOCH_DAYS).astype(np.int32), mask=cells.nulls).view(pa.date32())


def _times(type: pa.DataType) -> Callable[[Cells], pa.Array]:
    def decode(cells: Cells) -> pa.Array:
        return pa.array(_counts(cells, ">i8", MICROSECONDS, EPOCH_MICROSECONDS), mask=cells.nulls).view(type)

    return decode


def _stretches(type: pa.DataType) -> Callable[[Cells], pa.Array]:
    """Texts and bytes. Arrow itself copies them together: the values, and what lies between them, are every other value of one array
    over the bytes as they came."""

    def decode(cells: Cells) -> pa.Array:
        count = len(cells.starts)
        ends = cells.starts + (cells.lengths if cells.nulls is None else np.maximum(cells.lengths, 0))
        bounds = np.empty(2 * count, np.int32)
        bounds[0::2], bounds[1::2] = cells.starts, ends
        both = pa.Array.from_buffers(type, 2 * count - 1, [None, pa.py_buffer(bounds), pa.py_buffer(cells.held.data)])
        return both.take(pa.array(np.arange(0, 2 * count, 2), mask=cells.nulls))

    return decode


_HEX = np.frombuffer("".join(f"{octet:02X}" for octet in range(256)).encode(), np.uint16)
_DASHES = np.array([8, 13, 18, 23])
_DIGITS = np.setdiff1d(np.arange(36), _DASHES)


def _uuids(cells: Cells) -> pa.Array:
    """Upper-case, with dashes."""
    count = len(cells.starts)
    octets = cells.held.view("u1")[cells.present[:, None] + np.arange(16)]
    text = np.empty((count, 36), np.uint8)
    text[:, _DASHES] = ord("-")
    text[:, _DIGITS] = np.ascontiguousarray(_HEX[octets]).view(np.uint8)
    bounds = np.arange(0, 36 * (count + 1), 36, dtype=np.int32)
    found = pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(bounds), pa.py_buffer(text.tobytes())])
    return found if cells.nulls is None else found.take(pa.array(np.arange(count), mask=cells.nulls))


def _numerics(cells: Cells, declared: Type) -> pa.Array:
    if cells.oid != _NUMERIC:
        raise _UnfitError(changed=True)
    valid = cells.valid()
    try:
        found = decimals(cells.held.view(">i2"), valid.starts, declared.precision, declared.scale)
    except UnfitNumberError:
        raise _UnfitError from None
    return cells.spread(found)


def _lists(cells: Cells, native: Native, declared: Type) -> pa.Array:
    """An array: dimensions, flags, the elements' OID, for each dimension its size and lower bound, and then lengths and elements."""
    assert declared.element is not None
    if native.element is None or not (cells.oid in _ARRAYS or cells.oid >= _FIRST_OWN):
        raise _UnfitError(changed=True)
    held, valid = cells.held, cells.valid()
    words = held.view(">i4")
    dimensions = words[valid.starts]
    if len(dimensions) and dimensions.max() > 1:
        raise _UnfitError  # an array of arrays is not a list of the declared elements
    counts = np.where(dimensions == 1, words[np.where(dimensions == 1, valid.starts + 12, 0)], 0).astype(np.int64)
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    starts, lengths = np.empty(offsets[-1], np.int64), np.empty(offsets[-1], np.int64)
    place = valid.starts + 20
    for number in range(int(counts.max(initial=0))):
        rows = np.flatnonzero(counts > number)
        here, length = place[rows], words[place[rows]].astype(np.int64)
        starts[offsets[rows] + number], lengths[offsets[rows] + number] = here + 4, length
        place[rows] = here + 4 + np.maximum(length, 0)
    filled = np.flatnonzero(counts)
    oid = int(words[valid.starts[filled[0]] + 8]) if len(filled) else 0
    elements = Cells(held, starts, lengths, lengths < 0 if lengths.min(initial=0) < 0 else None, oid)
    values = _decoded(elements, native.element, declared.element) if len(starts) else pa.array([], arrow_type(declared.element))
    type = arrow_type(declared)
    found = pa.Array.from_buffers(type, len(counts), [None, pa.py_buffer(offsets.astype(np.int32))], children=[values])
    return cells.spread(found)


def _structs(cells: Cells, native: Native, declared: Type) -> pa.Array:
    valid = cells.valid()
    if cells.oid < _FIRST_OWN:
        raise _UnfitError(changed=True)
    if not len(valid.starts):
        return pa.nulls(len(cells.starts), arrow_type(declared))
    if int(cells.held.view(">i4")[valid.starts[0]]) != len(native.fields):
        raise _UnfitError(changed=True)
    by_name = dict(zip((name for name, _ in native.fields), columns_of(cells.held, valid.starts, len(native.fields)), strict=True))
    natives = dict(native.fields)
    arrays = [_decoded(by_name[name], natives[name], type) for name, type in declared.fields]
    return cells.spread(pa.StructArray.from_arrays(arrays, fields=list(arrow_type(declared))))


_FIRST_OWN = 16_384
"""The first OID that is not PostgreSQL's own: a composite, or an array of it."""
_ARRAYS = frozenset((1000, 1001, 1005, 1007, 1009, 1015, 1016, 1021, 1022, 1115, 1182, 1185, 1231, 2951))
"""Arrays of the types below. Their elements say which."""
_NUMERIC = 1700
_DECODERS: Mapping[str, Mapping[int, Callable[[Cells], pa.Array]]] = {
    "text": {oid: _stretches(pa.string()) for oid in (25, 1043)},
    "uuid": {2950: _uuids},
    **{name: {21: _integers(">i2"), 23: _integers(">i4"), 20: _integers(">i8")} for name in ("integer", "bigint")},
    "double": {700: _doubles(">f4"), 701: _doubles(">f8")},
    "boolean": {16: _booleans},
    "date": {1082: _dates},
    "timestamp": {1184: _times(pa.timestamp("us", tz="UTC"))},
    "local_timestamp": {1114: _times(pa.timestamp("us"))},
    "bytes": {17: _stretches(pa.binary())},
}
"""Declared type, then the OID of what came."""
