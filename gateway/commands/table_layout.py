"""The widths of a printed table: columns share the terminal, what is cut is marked with …"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from gateway.report import printable

NULL_TEXT = "NULL"
_GAP = "  "
_NARROWEST = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLayout:
    """Shown columns with their widths in terminal cells; `left_out` names those for which there was no room."""

    names: tuple[str, ...]
    widths: tuple[int, ...]
    right: tuple[bool, ...]
    left_out: tuple[str, ...] = ()

    @staticmethod
    def fitted(names: Sequence[str], right: Sequence[bool], rows: Sequence[Sequence[str | None]], width: int | None) -> TableLayout:
        """The layout for a terminal of `width` cells; None: as wide as the values are."""
        wanted = [cell_len(printable(name)) for name in names]
        for row in rows:
            wanted = [max(known, cell_len(_shown(value))) for known, value in zip(wanted, row, strict=True)]
        count = len(names) if width is None else _columns_that_fit(wanted, width)
        widths = wanted[:count] if width is None else _shared(wanted[:count], width - len(_GAP) * max(0, count - 1))
        return TableLayout(
            names=tuple(names[:count]),
            widths=tuple(widths),
            right=tuple(right[:count]),
            left_out=tuple(printable(n) for n in names[count:]),
        )

    def header(self) -> tuple[str, str]:
        return self._line([printable(name) for name in self.names]), _GAP.join("─" * width for width in self.widths)

    def row(self, values: Sequence[str | None]) -> str:
        return self._line([_shown(value) for value in values[: len(self.names)]])

    def _line(self, values: Sequence[str]) -> str:
        padded = [_fit(value, width, right) for value, width, right in zip(values, self.widths, self.right, strict=True)]
        return _GAP.join(padded).rstrip()


def _shown(value: str | None) -> str:
    return NULL_TEXT if value is None else printable(value)


def _fit(value: str, width: int, right: bool) -> str:
    length = cell_len(value)
    if length > width:
        return set_cell_size(value, width - 1) + "…"
    return " " * (width - length) + value if right else value + " " * (width - length)


def _columns_that_fit(wanted: Sequence[int], width: int) -> int:
    used = count = 0
    for column in wanted:
        used += min(column, _NARROWEST) + (len(_GAP) if count else 0)
        if used > width:
            break
        count += 1
    return max(1, count)


def _shared(wanted: Sequence[int], room: int) -> list[int]:
    """Narrow columns keep what they want; the wide ones share the rest alike."""
    widths = list(wanted)
    limit = max(widths, default=0)
    while sum(min(width, limit) for width in widths) > room and limit > 1:
        limit -= 1
    return [min(width, limit) for width in widths]
