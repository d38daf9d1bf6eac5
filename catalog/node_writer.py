"""Writes the node.yaml that `sources describe` offers for review: it loads back to equal tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from catalog.loader.document import read_scalar
from catalog.source_tables import SqlTable

_PLAIN = re.compile(r"[A-Za-z_](?:[\w$(),./-]|:(?=[\w/.])| (?=[\w$(]))*")


def node_yaml(node: str, zone: str, source: str, adapter: str, url: str, tables: Mapping[str, SqlTable]) -> str:
    """The text of nodes/<node>/node.yaml with one source. Types and 'not null' stand beside each column, in its order."""
    lines = [
        "# yaml-language-server: $schema=../../schemas/node.json",
        f"node: {_text(node)}",
        f"zone: {_text(zone)}",
        "sources:",
        f"  {_text(source)}:",
        f"    adapter: {_text(adapter)}",
        f"    url: {_text(url)}",
        "    tables:" if tables else "    tables: {}",
    ]
    for table in tables.values():
        lines += [f"      {_text(table.name)}:", *(f"        {line}" for line in _table(table))]
    return "\n".join(lines) + "\n"


def _table(table: SqlTable) -> Iterator[str]:
    yield "columns:"
    for column in table.columns:
        implied = column.name in table.key  # the parts of a key are never NULL
        words = str(column.type) if column.nullable or implied else f"{column.type} not null"
        yield f"  {_text(column.name)}: {_text(words)}"
    if table.key:
        yield f"key: [{', '.join(_text(name, in_list=True) for name in table.key)}]"
    if table.rows is not None:
        yield f"rows: {table.rows}"
    if table.partitions:
        yield "partitions:"
        for partition in table.partitions:
            yield f"  {_text(partition.column)}: {_text(f'{partition.function}({partition.expression})')}"
    if table.zone is not None:
        yield f"zone: {_text(table.zone)}"


def _text(text: str, *, in_list: bool = False) -> str:
    """A text as YAML: plain where it reads back as itself, else quoted."""
    plain = _PLAIN.fullmatch(text) is not None and not (in_list and "," in text)
    if plain and isinstance(read_scalar(text), str):
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"
