"""Reads YAML text into a tree that knows its lines, within bounds: no anchors, tags, duplicate keys, or files made to exhaust memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml import events as yaml_events
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from catalog.errors import Place
from catalog.loader.problems import Problems

MAXIMUM_BYTES = 1 << 20
MAXIMUM_DEPTH = 20
MAXIMUM_ITEMS = 50_000

PlainValue = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Scalar:
    """A plain value. `text` is what was written (without quotes), so that 08 and 1.50 keep their digits."""

    value: PlainValue
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Item, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Entries:
    """A mapping. `keys` has the place of each key, the item itself the place of its value."""

    entries: dict[str, Item]
    keys: dict[str, Place]
    place: Place


Item = Scalar | Items | Entries


def read_document(path: Path, file: str, problems: Problems) -> Entries | None:
    """The file's top-level mapping, or None if it has none to offer (the reason is then among the problems)."""
    text = read_text(path, file, problems, MAXIMUM_BYTES)
    return None if text is None else parse_document(text, file, problems)


def read_text(path: Path, file: str, problems: Problems, maximum_bytes: int) -> str | None:
    """The UTF-8 text of a file that is not too large."""
    try:
        with path.open("rb") as stream:
            content = stream.read(maximum_bytes + 1)
    except OSError as error:
        problems.add("C101", Place(file), f"the file cannot be read ({type(error).__name__})")
        return None
    if len(content) > maximum_bytes:
        problems.add("C101", Place(file), f"the file is larger than {maximum_bytes:,} bytes", "split it")
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.add("C101", Place(file, content.count(b"\n", 0, error.start) + 1), "the file is not UTF-8")
        return None
    problems.record_content(file, content)
    return text


def parse_document(text: str, file: str, problems: Problems) -> Entries | None:
    try:
        item = _Builder(file, problems).build(_parse_events(text))
    except _Refused as refusal:
        problems.add("C101", refusal.place, refusal.fact, refusal.hint)
        return None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file) if mark is None else Place(file, mark.line + 1, mark.column + 1)
        problems.add("C101", place, str(error.problem or error.context or "unreadable YAML").strip().rstrip("."), _syntax_hint(text, mark))
        return None
    except YAMLError:
        problems.add("C101", Place(file), "the file has characters that YAML does not allow")
        return None
    if isinstance(item, Entries):
        return item
    place = Place(file, 1) if item is None else item.place
    problems.add("C101", place, "the file must be a mapping of keys to values" if item else "the file is empty")
    return None


def _parse_events(text: str) -> Iterator[Any]:
    yield from YAML(typ="rt", pure=True).parse(text)


def _syntax_hint(text: str, mark: Any) -> str:
    lines = text.splitlines()
    line = lines[mark.line] if mark is not None and mark.line < len(lines) else ""
    return "indent with spaces, not tabs" if "\t" in line else "quote texts that begin with a sign or hold ': ' or ' #'"


class _Refused(Exception):
    """The document is YAML, but uses what mapping files may not."""

    def __init__(self, place: Place, fact: str, hint: str = "") -> None:
        super().__init__(fact)
        self.place, self.fact, self.hint = place, fact, hint


class _Builder:
    """Builds the tree from parser events, one at a time, so that bounds hold before memory is used."""

    def __init__(self, file: str, problems: Problems) -> None:
        self._file, self._problems = file, problems
        self._open: list[_Open] = []
        self._count = 0

    def build(self, events: Iterator[Any]) -> Item | None:
        root: Item | None = None
        documents = 0
        for event in events:
            place = Place(self._file, event.start_mark.line + 1, event.start_mark.column + 1)
            finished: Item | None = None
            match event:
                case yaml_events.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        raise _Refused(place, "a second document begins", "a file holds one document")
                case yaml_events.AliasEvent():
                    raise _Refused(place, f"the alias *{event.anchor} is not allowed", "write the value out")
                case yaml_events.ScalarEvent() | yaml_events.SequenceStartEvent() | yaml_events.MappingStartEvent():
                    self._check_node(event, place)
                    if isinstance(event, yaml_events.ScalarEvent):
                        finished = _scalar(event, place)
                    else:
                        self._open.append(_Open(place, isinstance(event, yaml_events.MappingStartEvent)))
                case yaml_events.SequenceEndEvent() | yaml_events.MappingEndEvent():
                    finished = self._open.pop().close()
            if finished is not None and self._open:
                self._open[-1].add(finished, self._problems)
            elif finished is not None:
                root = finished
        return root

    def _check_node(self, event: Any, place: Place) -> None:
        self._count += 1
        if self._count > MAXIMUM_ITEMS:
            raise _Refused(place, f"the file has more than {MAXIMUM_ITEMS:,} values", "split it")
        if len(self._open) >= MAXIMUM_DEPTH:
            raise _Refused(place, f"the file is nested deeper than {MAXIMUM_DEPTH} levels")
        if event.anchor is not None:
            raise _Refused(place, f"the anchor &{event.anchor} is not allowed", "write the value out where it is used")
        if event.tag is not None:
            raise _Refused(place, f"the tag {event.tag} is not allowed", "quote a text that begins with !")


class _Open:
    """A list or mapping whose end has not been seen. Of a duplicate key the first value stays."""

    def __init__(self, place: Place, is_mapping: bool) -> None:
        self._place, self._is_mapping = place, is_mapping
        self._items: list[Item] = []
        self._entries: dict[str, Item] = {}
        self._keys: dict[str, Place] = {}
        self._key: tuple[str, Place] | None = None

    def add(self, item: Item, problems: Problems) -> None:
        if not self._is_mapping:
            self._items.append(item)
        elif self._key is None:
            if not isinstance(item, Scalar):
                raise _Refused(item.place, "a key must be a text", "quote it if it begins with [ or {")
            self._key = item.text, item.place
        else:
            (key, place), self._key = self._key, None
            if key in self._keys:
                problems.add("C105", place, f"the key {key} stands twice", f"the first is at line {self._keys[key].line}")
                return
            self._entries[key], self._keys[key] = item, place

    def close(self) -> Item:
        if self._is_mapping:
            return Entries(self._entries, self._keys, self._place)
        return Items(tuple(self._items), self._place)


_WHOLE = re.compile(r"[-+]?[0-9]+")
_FRACTION = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def _scalar(event: Any, place: Place) -> Scalar:
    """YAML 1.2's core rules: `no`, dates and the like are texts."""
    text = str(event.value)
    if event.style in ("'", '"'):
        return Scalar(text, text, Place(place.file, place.line, place.column + 1))
    if event.style:
        return Scalar(text, text, place)
    return Scalar(read_scalar(text), text, place)


def read_scalar(text: str) -> PlainValue:
    """What a value without quotes means."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if len(text) <= 40 and _WHOLE.fullmatch(text):
        return int(text)
    if len(text) <= 40 and _FRACTION.fullmatch(text):
        return float(text)
    return text
