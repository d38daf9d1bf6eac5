"""Every version of cells. Thrift 1 scans and gets rows give the newest only: older ones are asked for cell by cell."""

from __future__ import annotations

from adapters.hbase.cell_source import CellBlock, CellRequest
from adapters.hbase.thrift_calls import ThriftCalls
from adapters.hbase.thrift_faults import HBaseFault


class VersionReader:
    """Completes the blocks of one request that wants all versions."""

    def __init__(self, request: CellRequest) -> None:
        self._table = request.table
        self._kept: dict[bytes, int] | None = None

    def complete(self, calls: ThriftCalls, block: CellBlock) -> CellBlock:
        """The block with all versions of its loose cells. Families that keep one version only are not asked again."""
        cells = [(block.keys[place], name) for place, name in zip(block.places, block.names, strict=True)]
        asked = [index for index, (_, name) in enumerate(cells) if self._versions_kept(calls, name) != 1]
        found = dict(zip(asked, calls.versions(self._table, [cells[index] for index in asked]), strict=True))
        whole = CellBlock(keys=block.keys, columns=block.columns, cells=block.cells, size=block.size)
        for index, (place, name) in enumerate(zip(block.places, block.names, strict=True)):
            for timestamp, value in found.get(index, [(block.times[index], block.values[index])]):
                whole.places.append(place)
                whole.names.append(name)
                whole.values.append(value)
                whole.times.append(timestamp)
        added = len(whole.places) - len(block.places)
        whole.cells += added
        whole.size += sum(len(value) for versions in found.values() for _, value in versions[1:])
        return whole

    def _versions_kept(self, calls: ThriftCalls, name: bytes) -> int | None:
        """How many versions the column's family keeps; None if that is not known (the account may not ask)."""
        if self._kept is None:
            try:
                self._kept = {family.encode(): count for family, count in calls.families(self._table).items()}
            except HBaseFault:
                self._kept = {}
        return self._kept.get(name.partition(b":")[0])
