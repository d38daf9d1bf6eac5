"""Forms: what a value in a mapping file may look like. One declaration serves reading, checking and the JSON Schemas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

from catalog.errors import Place, near_names
from catalog.loader.document import Entries, Item, Items, Scalar
from catalog.loader.problems import Problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text; `pattern` must match it whole, `choices` is a closed list (if `null` is one, it needs no quotes).

    `written`: any plain value, taken as it is spelled.
    """

    pattern: str | None = None
    pattern_words: str = ""
    choices: tuple[str, ...] = ()
    written: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A whole number."""

    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""


@dataclass(frozen=True, slots=True)
class Plain:
    """Any plain value: text, number, true, false or null."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf:
    item: Form
    minimum: int = 0
    maximum: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOf:
    """A mapping with free keys; `names` lists them where they are known (for the JSON Schema)."""

    value: Form
    key_pattern: str | None = None
    key_words: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    form: Form
    description: str
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A mapping with fixed keys, closed."""

    what: str
    keys: Mapping[str, Key]


@dataclass(frozen=True, slots=True, kw_only=True)
class ByKey:
    """One of several shapes: the first whose `marker` key is there."""

    what: str
    shapes: Mapping[str, Shape]


Form = Text | Whole | Flag | Plain | ListOf | MapOf | Shape | ByKey


@dataclass(frozen=True, slots=True)
class Reading:
    """A checked mapping as plain values; what did not fit its form is left out. Paths are keys joined by dots."""

    data: dict[str, Any]
    place: Place
    places: dict[str, Place] = field(default_factory=dict)
    key_places: dict[str, Place] = field(default_factory=dict)

    def at(self, *path: str) -> Place:
        """Where the value stands; if it is not there, where the mapping around it does."""
        return self._find(self.places, path)

    def at_key(self, *path: str) -> Place:
        """Where the key stands."""
        return self._find(self.key_places, path)

    def _find(self, places: dict[str, Place], path: tuple[str, ...]) -> Place:
        for length in range(len(path), 0, -1):
            for known in (places, self.key_places):
                if (found := known.get(".".join(path[:length]))) is not None:
                    return found
        return self.place


_ABSENT = object()


def read_form(document: Entries, shape: Shape, problems: Problems) -> Reading:
    """Check a document against its shape. Every misfit becomes a problem at its own place."""
    reading = Reading({}, document.place)
    data = _Reader(problems, reading).read(document, shape, "")
    reading.data.update(data)
    return reading


class _Reader:
    def __init__(self, problems: Problems, reading: Reading) -> None:
        self._problems, self._reading = problems, reading

    def read(self, item: Item, form: Form, path: str) -> Any:
        self._reading.places[path] = item.place
        match form:
            case Shape():
                return self._shape(item, form, path)
            case ByKey():
                return self._by_key(item, form, path)
            case MapOf():
                return self._map(item, form, path)
            case ListOf():
                return self._list(item, form, path)
            case Text() | Whole() | Flag() | Plain():
                return self._scalar(item, form)
            case _:
                assert_never(form)

    def _misfit(self, place: Place, fact: str, hint: str = "", code: str = "C104") -> Any:
        self._problems.add(code, place, fact, hint)
        return _ABSENT

    def _shape(self, item: Item, shape: Shape, path: str) -> Any:
        if not isinstance(item, Entries):
            return self._misfit(item.place, f"{shape.what} must be a mapping with the keys {', '.join(shape.keys)}")
        found: dict[str, Any] = {}
        for name, inner in item.entries.items():
            key = shape.keys.get(name)
            inner_path = self._key(path, name, item)
            if key is None:
                self._misfit(item.keys[name], f"unknown key {name} in {shape.what}", near_names(name, shape.keys), "C102")
            elif (value := self.read(inner, key.form, inner_path)) is not _ABSENT:
                found[name] = value
        for name, key in shape.keys.items():
            if key.required and name not in item.entries:
                self._misfit(item.place, f"{shape.what} lacks the key {name}", key.description, "C103")
        return found

    def _by_key(self, item: Item, form: ByKey, path: str) -> Any:
        if isinstance(item, Entries):
            for marker, shape in form.shapes.items():
                if marker in item.entries:
                    return self._shape(item, shape, path)
        return self._misfit(item.place, f"{form.what} must have the key {' or '.join(form.shapes)}", code="C103")

    def _map(self, item: Item, form: MapOf, path: str) -> Any:
        if not isinstance(item, Entries):
            return self._misfit(item.place, f"{_title(path)} must be a mapping of names to values")
        found: dict[str, Any] = {}
        for name, inner in item.entries.items():
            inner_path = self._key(path, name, item)
            if form.key_pattern is not None and re.fullmatch(form.key_pattern, name) is None:
                self._misfit(item.keys[name], f"{name} is not {form.key_words}")
            if (value := self.read(inner, form.value, inner_path)) is not _ABSENT:
                found[name] = value
        return found

    def _key(self, path: str, name: str, item: Entries) -> str:
        inner_path = f"{path}.{name}" if path else name
        self._reading.key_places[inner_path] = item.keys[name]
        return inner_path

    def _list(self, item: Item, form: ListOf, path: str) -> Any:
        if not isinstance(item, Items):
            return self._misfit(item.place, f"{_title(path)} must be a list, as in [a, b]")
        if len(item.items) < form.minimum or (form.maximum is not None and len(item.items) > form.maximum):
            count = str(form.minimum) if form.minimum == form.maximum else f"at least {form.minimum}"
            return self._misfit(item.place, f"{_title(path)} must have {count} item{'s' if count != 'at least 1' else ''}")
        values = [self.read(inner, form.item, f"{path}.{index}") for index, inner in enumerate(item.items)]
        return [value for value in values if value is not _ABSENT]

    def _scalar(self, item: Item, form: Text | Whole | Flag | Plain) -> Any:
        if not isinstance(item, Scalar):
            hint = "a text that begins with [ or { must be quoted" if isinstance(form, Text) else ""
            return self._misfit(item.place, f"expected {_words(form)}, found a {'list' if isinstance(item, Items) else 'mapping'}", hint)
        match form:
            case Plain():
                return item.value
            case Flag() if isinstance(item.value, bool):
                return item.value
            case Whole() if isinstance(item.value, int) and not isinstance(item.value, bool) and _in_bounds(item.value, form):
                return item.value
            case Text(choices=choices) if item.text == "null" and "null" in choices:
                return item.text
            case Text(written=True) if item.value is not None:
                return item.text
            case Text(written=False) if isinstance(item.value, str):
                return self._text(item, form)
        hint = "quote it" if isinstance(form, Text) and item.value is not None else ""
        return self._misfit(item.place, f"expected {_words(form)}, found {item.text or 'nothing'}", hint)

    def _text(self, item: Scalar, form: Text) -> Any:
        if form.choices and item.text not in form.choices:
            return self._misfit(item.place, f"{item.text} is not one of {', '.join(form.choices)}", near_names(item.text, form.choices))
        if form.pattern is not None and re.fullmatch(form.pattern, item.text) is None:
            return self._misfit(item.place, f"{item.text or 'an empty text'} is not {form.pattern_words}")
        return item.text


def _title(path: str) -> str:
    return path.rpartition(".")[2] or "the file"


def _in_bounds(value: int, form: Whole) -> bool:
    return (form.minimum is None or value >= form.minimum) and (form.maximum is None or value <= form.maximum)


def _words(form: Text | Whole | Flag | Plain) -> str:
    match form:
        case Text(choices=choices) if choices:
            return f"one of {', '.join(choices)}"
        case Text():
            return "a text"
        case Whole(minimum=minimum, maximum=maximum):
            low = "" if minimum is None else f" from {minimum}"
            return f"a whole number{low}" + ("" if maximum is None else f" to {maximum}")
        case Flag():
            return "true or false"
        case Plain():
            return "a plain value"
        case _:
            assert_never(form)
