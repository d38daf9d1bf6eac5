"""Java-style formats of dates and times: yyyyMMdd, MM/dd/yyyy, yyyy-MM-dd HH:mm:ss."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import pairwise

from catalog.mapping.errors import wrong_arguments

_FIELDS = {  # letters: (pattern, strptime, name)
    "yyyy": ("[0-9]{4}", "%Y", "year"),
    "MM": ("[0-9]{2}", "%m", "month"),
    "M": ("(?:[1-9]|1[0-2])", "%m", "month"),
    "dd": ("[0-9]{2}", "%d", "day"),
    "d": ("(?:[1-9]|[12][0-9]|3[01])", "%d", "day"),
    "HH": ("[0-9]{2}", "%H", "hour"),
    "H": ("(?:[0-9]|1[0-9]|2[0-3])", "%H", "hour"),
    "mm": ("[0-9]{2}", "%M", "minute"),
    "ss": ("[0-9]{2}", "%S", "second"),
    "SSS": ("[0-9]{3}", "%g", "millisecond"),
}
_ORDER = ["yyyy", "MM", "dd", "HH", "mm", "ss", "SSS"]


@dataclass(frozen=True, slots=True)
class TimeFormat:
    """A format. `parts`: (letters, '') for a field, ('', text) for what stands between."""

    text: str
    parts: tuple[tuple[str, str], ...]

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(letters for letters, _ in self.parts if letters)

    @property
    def pattern(self) -> str:
        """A regular expression that matches just the texts of the format's shape."""
        return "".join(_FIELDS[letters][0] if letters else re.escape(literal) for letters, literal in self.parts)

    @property
    def strptime(self) -> str:
        return "".join(_FIELDS[letters][1] if letters else literal.replace("%", "%%") for letters, literal in self.parts)

    @property
    def sortable(self) -> bool:
        """Whether the order of the texts is the order of the times."""
        return list(self.fields) == _ORDER[: len(self.fields)]

    @property
    def has_time(self) -> bool:
        return any(letters in ("HH", "H", "mm", "ss", "SSS") for letters in self.fields)

    def write(self, value: date) -> str:
        """The one text that the format writes for a day or a local time; finer parts are cut off."""
        return "".join(_written(letters, value) if letters else literal for letters, literal in self.parts)

    def read(self, text: str) -> datetime | None:
        """The local time a text of exactly this format says; None if it is not one."""
        groups = re.fullmatch("".join(f"({_FIELDS[p][0]})" if p else re.escape(t) for p, t in self.parts), text)
        if groups is None:
            return None
        found = {_FIELDS[letters][2]: int(value) for letters, value in zip(self.fields, groups.groups())}
        micro = found.pop("millisecond", 0) * 1000
        try:
            return datetime(**found, microsecond=micro)  # type: ignore[arg-type]
        except ValueError:
            return None


def _written(letters: str, value: date) -> str:
    time = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
    number = time.microsecond // 1000 if letters == "SSS" else getattr(time, _FIELDS[letters][2])
    return str(number).zfill(len(letters))


@lru_cache(maxsize=256)
def parse_format(text: str) -> TimeFormat:
    """Raises ExpressionError if the format is not one this language reads."""
    parts: list[tuple[str, str]] = []
    for found in re.finditer(r"'([^']*)'|([A-Za-z])\2*|[^A-Za-z']+|'", text):
        piece = found.group()
        if piece == "'":
            raise wrong_arguments(f"the format {text!r} has an unfinished text", "close its quote")
        if found.group(1) is not None:
            parts.append(("", found.group(1) or "'"))
        elif piece[0].isalpha():
            if piece not in _FIELDS:
                raise wrong_arguments(f"the format {text!r} has an unknown field {piece}", f"there are: {', '.join(_FIELDS)}")
            parts.append((piece, ""))
        else:
            parts.append(("", piece))
    format = TimeFormat(text, tuple(parts))
    names = [_FIELDS[letters][2] for letters in format.fields]
    if len(set(names)) != len(names) or not {"year", "month", "day"} <= set(names):
        raise wrong_arguments(f"the format {text!r} must have year, month and day, each field once")
    for (one, _), (other, _) in pairwise(parts):
        if one in ("M", "d", "H") and other:
            raise wrong_arguments(f"the format {text!r} has a field without a fixed width before another", f"write {one}{one}")
    return format


def contradict(one: TimeFormat, other: TimeFormat) -> bool:
    """Whether some text means two times: tried on every day of a year, and hours that look like days."""
    days = [date.fromordinal(day) for day in range(date(2011, 1, 1).toordinal(), date(2013, 1, 1).toordinal())]
    for a, b in ((one, other), (other, one)):
        for day in days:
            text = a.write(datetime(day.year, day.month, day.day, day.day % 24, day.month, day.month))
            mine, theirs = a.read(text), b.read(text)
            if mine is not None and theirs is not None and mine != theirs:
                return True
    return False
