"""Collations: what SQL Server holds for equal, how it orders, how LIKE matches, and what a code page makes of a text.

Linguistic collations are rebuilt from what is documented (case, accents, width, kana, expansions, characters without weight), not from
Microsoft's tables: equality is as there for what hospitals write; order is by base letter, then accent, then case.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

from tests.servers.tds.errors import SqlServerError

_BASES = {
    # base name: (code page, LCID)
    "sql_latin1_general_cp1": ("cp1252", 0x0409),
    "latin1_general": ("cp1252", 0x0409),
    "latin1_general_100": ("cp1252", 0x0409),
    "turkish": ("cp1254", 0x041F),
    "turkish_100": ("cp1254", 0x041F),
    "chinese_prc": ("cp936", 0x0804),
    "chinese_prc_100": ("cp936", 0x0804),
}
_NAME = re.compile(
    r"(?P<base>\w+?)(?:_(?P<binary>BIN2?)|_(?P<case>C[IS])_(?P<accent>A[IS])(?P<kana>_KS)?(?P<width>_WS)?(?P<sc>_SC)?)(?P<utf8>_UTF8)?",
    re.I,
)
_NEW_IN_100 = (("\u04d2", "\u04d3"), ("\u1200", "\u139f"), ("\u1400", "\u167f"))
"""Of the characters that version 80 has no weights for, those that its answers are documented with."""
_LOOK_ALIKES = {"\u2593": "\u00a6", "\u221e": "8"}
"""Of Windows' best fit (bestfit1252.txt), what no decomposition of Unicode gives."""
_EXPANDED = str.maketrans({"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "TH"})


@dataclass(frozen=True, slots=True)
class Collation:
    """A collation by its name's parts."""

    name: str
    base: str
    binary: bool
    ignores_case: bool = False
    ignores_accents: bool = False
    ignores_kana: bool = True
    ignores_width: bool = True
    utf8: bool = False
    """varchar holds every sign, in one to four bytes."""
    supplementary: bool = False
    """_SC: a supplementary character is one character, not two."""

    @property
    def code_page(self) -> str:
        return "utf-8" if self.utf8 else _BASES[self.base][0]

    @property
    def lcid(self) -> int:
        return _BASES[self.base][1]

    @property
    def weighs_supplementary(self) -> bool:
        """Collations of version 80, without a number, have no weights for supplementary characters."""
        return self.base.endswith("_100")


@cache
def collation(name: str) -> Collation:
    """Raises SqlServerError 448 for a name that is none (or that this server does not know)."""
    match = _NAME.fullmatch(name)
    if match is None or match["base"].lower() not in _BASES:
        raise SqlServerError(448, f"Invalid collation '{name}'.")
    base = match["base"].lower()
    if match["binary"]:
        return Collation(name, base, binary=True, utf8=match["utf8"] is not None)
    return Collation(
        name,
        base,
        binary=False,
        ignores_case=match["case"].upper() == "CI",
        ignores_accents=match["accent"].upper() == "AI",
        ignores_kana=match["kana"] is None,
        ignores_width=match["width"] is None,
        utf8=match["utf8"] is not None,
        supplementary=match["sc"] is not None,
    )


def _weightless(character: str, rules: Collation) -> bool:
    if ord(character) > 0xFFFF or any(low <= character <= high for low, high in _NEW_IN_100):
        return not rules.weighs_supplementary
    control = character < "\x09" or "\x0e" <= character <= "\x1f" or "\x7f" <= character <= "\x9f"
    return control or unicodedata.category(character) == "Cf"


def _folded(text: str, rules: Collation, unicode: bool) -> str:
    """The text with everything made the same that the collation does not tell apart; blanks at its end stay."""
    if unicode or not rules.base.startswith("sql_"):  # a SQL collation has older, simpler rules for varchar
        text = "".join(character for character in unicodedata.normalize("NFC", text) if not _weightless(character, rules))
        text = text.translate(_EXPANDED)
        if rules.ignores_width:
            text = "".join(unicodedata.normalize("NFKC", c) if "\uff00" <= c <= "\uffef" or c in "\u3000ﬀﬁﬂﬃﬄ" else c for c in text)
        if rules.ignores_kana:
            text = "".join(chr(ord(c) - 0x60) if "\u30a1" <= c <= "\u30f6" else c for c in text)
    if rules.ignores_accents:
        text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    if rules.ignores_case:
        if rules.base.startswith("turkish"):
            text = text.replace("i", "İ").replace("ı", "I")
        text = "".join(c.upper() if len(c.upper()) == 1 else c for c in text)
    return text


@lru_cache(65536)
def equality_key(text: str, name: str, unicode: bool) -> str:
    """Two texts are equal under the collation if and only if their keys are. Blanks at the end never count, under no collation."""
    rules = collation(name)
    return (text if rules.binary else _folded(text, rules, unicode)).rstrip(" ")


@lru_cache(65536)
def order_key(text: str, name: str, unicode: bool) -> str:
    """Keys of ASCII signs that sort by code point as the collation sorts the texts."""
    rules = collation(name)
    if rules.binary:
        # Code units, and a blank at the end: what is shorter is compared as if filled up with blanks.
        encoded = (text.rstrip(" ") + " ").encode("utf-16-be" if unicode else rules.code_page, "replace")
        return encoded.hex()
    folded = unicodedata.normalize("NFD", _folded(text, rules, unicode).rstrip(" "))
    primary: list[str] = []
    accents: list[str] = []
    cases: list[str] = []
    for character in folded:
        if unicodedata.combining(character):
            if accents:
                accents[-1] += f"{ord(character):05x}"
            continue
        base = character.upper() if len(character.upper()) == 1 else character
        primary.append(f"{_class_of(character)}{ord(base):05x}")
        accents.append("")
        cases.append("1" if character != character.lower() else "0")
    return "!".join(("".join(primary), ".".join(accents), "" if rules.ignores_case else "".join(cases)))


def _class_of(character: str) -> int:
    """Blanks before punctuation before symbols before digits before letters."""
    category = unicodedata.category(character)
    return {"Z": 1, "C": 1, "P": 2, "S": 3, "N": 4}.get(category[0], 5)


def _units(text: str, rules: Collation, unicode: bool) -> list[str]:
    """The characters that `_` counts: UTF-16 code units, each folded by itself."""
    found = []
    for character in unicodedata.normalize("NFC", text) if not rules.binary else text:
        if ord(character) > 0xFFFF and not rules.supplementary:
            encoded = character.encode("utf-16-be")
            found += [encoded[:2].hex() + "h", encoded[2:].hex() + "l"]
        else:
            found.append(character if rules.binary else _folded(character, rules, unicode))
    return found


def like(text: str, pattern: str, escape: str, name: str, unicode: bool) -> bool:
    """LIKE. Blanks at the end of the pattern count; those of the text do for nvarchar, and do not need to for varchar."""
    rules = collation(name)
    wanted = _pattern(pattern, escape, rules, unicode)
    candidates = [text]
    if not unicode:
        while candidates[-1].endswith(" "):
            candidates.append(candidates[-1][:-1])

    def key(unit: str) -> str:
        return order_key(unit, name, unicode)

    return any(_matches(_units(candidate, rules, unicode), wanted, key) for candidate in candidates)


_Set = tuple[bool, tuple[tuple[str, str], ...]]
"""Negated, and ranges (a single character is a range of itself)."""


def _pattern(pattern: str, escape: str, rules: Collation, unicode: bool) -> list[str | _Set | None]:
    """`%` is None, `_` is (True, ()) - everything but nothing - and a character is its folded self."""
    parts: list[str | _Set | None] = []
    position = 0
    while position < len(pattern):
        sign = pattern[position]
        if escape and sign == escape and position + 1 < len(pattern):
            parts += _units(pattern[position + 1], rules, unicode)
            position += 2
            continue
        closing = pattern.find("]", position + 2)
        if sign == "%":
            parts.append(None)
        elif sign == "_":
            parts.append((True, ()))
        elif sign == "[" and closing > 0:
            inner = pattern[position + 1 : closing]
            negated, inner = inner.startswith("^"), inner.removeprefix("^")
            ranges = re.findall(r"(.)-(.)|(.)", inner, re.DOTALL)
            parts.append((negated, tuple((low or one, high or one) for low, high, one in ranges)))
            position = closing
        else:
            parts += _units(sign, rules, unicode)
        position += 1

    def keyed(part: str | _Set | None) -> str | _Set | None:
        if not isinstance(part, tuple):
            return part
        return part[0], tuple((order_key(low, rules.name, unicode), order_key(high, rules.name, unicode)) for low, high in part[1])

    return [keyed(part) for part in parts if part != ""]


def _matches(text: list[str], wanted: list[str | _Set | None], key: Callable[[str], str]) -> bool:
    at, place, star, mark = 0, 0, -1, 0
    text = [unit for unit in text if unit != ""]
    while at < len(text):
        part = wanted[place] if place < len(wanted) else ""
        if part is None:
            star, mark, place = place, at, place + 1
        elif part == text[at] or (isinstance(part, tuple) and part[0] != any(low <= key(text[at]) <= high for low, high in part[1])):
            at, place = at + 1, place + 1
        elif star >= 0:
            mark += 1
            at, place = mark, star + 1
        else:
            return False
    return all(part is None for part in wanted[place:])


@lru_cache(65536)
def to_code_page(text: str, name: str) -> str:
    """The text as varchar can hold it: what the code page lacks becomes its nearest look-alike, else a question mark."""
    page = collation(name).code_page
    try:
        text.encode(page)
    except UnicodeEncodeError:
        return "".join(_nearest(character, page) for character in text)
    return text


def _nearest(character: str, page: str) -> str:
    """Windows' best fit, as far as Unicode's decompositions give it: Ā is A, a fullwidth A is A."""
    simpler = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    for candidate in (character, simpler, _LOOK_ALIKES.get(character, "")):
        if len(candidate) == 1:
            try:
                candidate.encode(page)
            except UnicodeEncodeError:
                continue
            return candidate
    return "??" if ord(character) > 0xFFFF else "?"
