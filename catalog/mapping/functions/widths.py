"""Signs that East Asian systems write in two widths, and the usual form of each: what `nfkc` translates."""

from __future__ import annotations

import unicodedata

_BLOCKS = [range(0xFF01, 0xFFEF), range(0x2070, 0x208F), [0x3000, 0xA0, 0xB2, 0xB3, 0xB9, 0xAA, 0xBA, 0x2103, 0x2126, 0x212A, 0x212B]]


def _usual(code: int) -> str:
    usual = unicodedata.normalize("NFKC", chr(code))
    return usual if len(usual) == 1 and usual != chr(code) else ""


_PAIRS = [(chr(code), _usual(code)) for block in _BLOCKS for code in block if _usual(code)]
WIDE = "".join(wide for wide, _ in _PAIRS)
NARROW = "".join(narrow for _, narrow in _PAIRS)
