"""`sources list`, `ping`, `describe`: which databases there are, whether they answer, what they hold."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.errors import near_names
from gateway.commands.session import Session
from gateway.errors import GatewayError, SettingsError
from gateway.report import printable

if TYPE_CHECKING:
    from catalog.model import CatalogSnapshot, Source
    from catalog.source_tables import SqlTable
    from gateway.app import SourceRegistry
    from gateway.settings import Settings

PING_SECONDS = 5.0
_USER_IN_URL = re.compile(r"://[^/@]*@")


def list_sources(session: Session) -> None:
    """List the sources of every hospital, as the settings replace them."""
    from gateway.app import open_snapshot, replaced_sources

    snapshot = open_snapshot(session.settings)
    found = [
        {
            "node": source.node,
            "source": source.name,
            "adapter": source.adapter,
            "url": _shown_url(source),
            "tables": sorted(source.tables),
            "bindings": sorted(b.table for b in snapshot.bindings if (b.node, b.source) == (source.node, source.name)),
        }
        for source in replaced_sources(snapshot, session.settings).values()
    ]

    def lines() -> None:
        for row in found:
            bindings = row["bindings"]
            session.write_line(printable(f"{row['node']}.{row['source']}  {row['adapter']}  {row['url']}  fills {len(bindings)} tables"))

    session.answer({"sources": found}, lines)


def _shown_url(source: Source) -> str:
    return _USER_IN_URL.sub("://…@", source.url or "")


def ping(session: Session, node: Annotated[str | None, typer.Argument(metavar="[NODE]", help="Only this hospital.")] = None) -> int:
    """Ask each source whether it answers. Exit code 1: some do not, 4: none does."""
    from gateway.app import open_snapshot

    snapshot = open_snapshot(session.settings)
    if node is not None and node not in snapshot.nodes:
        raise SettingsError("F103", f"there is no hospital {node[:60]}", hint=near_names(node, snapshot.nodes))
    answers = ping_sources(snapshot, session.settings, node)

    def lines() -> None:
        for answer in answers:
            session.write_line(printable(answer.line()))

    session.answer({"sources": [answer.document() for answer in answers]}, lines)
    failed = sum(not answer.ok for answer in answers)
    return 0 if failed == 0 else 4 if failed == len(answers) else 1


def ping_sources(snapshot: CatalogSnapshot, settings: Settings, node: str | None) -> list[Ping]:
    """Ping the sources (of one hospital, or all) at once; each has answered or run out of time."""
    from gateway.app import open_sources

    sources = open_sources(snapshot, settings)
    pings = [Ping(key, sources) for key in sources.names if node in (None, key[0])]
    for each in pings:
        each.wait()
    if not any(each.is_running for each in pings):
        sources.close()  # an adapter that hangs would hang in close too; the process is about to end
    return pings


class Ping:
    """One ping in a thread of its own: a source that hangs holds nobody up, not even the end of the process."""

    def __init__(self, key: tuple[str, str], sources: SourceRegistry) -> None:
        self._key, self._sources = key, sources
        self.name = ".".join(key)
        self.ok, self.code, self.fact, self.hint = False, "S103", "the source did not answer in time", ""
        self._started, self.seconds = time.monotonic(), PING_SECONDS
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def wait(self) -> None:
        self._thread.join(max(0.0, self._started + PING_SECONDS + 0.5 - time.monotonic()))

    def _run(self) -> None:
        from adapters.interface import ReadContext, SourceError

        try:
            self._sources(*self._key).ping(ReadContext(deadline=self._started + PING_SECONDS))
            self.ok = True
        except (SourceError, GatewayError) as error:
            self.code, self.fact, self.hint = error.code, error.fact, error.hint
        self.seconds = time.monotonic() - self._started

    def document(self) -> dict[str, object]:
        found: dict[str, object] = {"node": self._key[0], "source": self._key[1], "ok": self.ok, "seconds": round(self.seconds, 4)}
        return found if self.ok else found | {"code": self.code, "fact": self.fact, "hint": self.hint}

    def line(self) -> str:
        if self.ok:
            return f"{self.name}  ok  {self.seconds * 1000:.0f} ms"
        return f"{self.name}  failed  [{self.code}] {self.fact}" + (f"; {self.hint}" if self.hint else "")


def describe(
    session: Session,
    node: Annotated[str, typer.Option("--node", help="The hospital.")],
    source: Annotated[str | None, typer.Option("--source", help="The source's name, where the hospital has several.")] = None,
    adapter: Annotated[str | None, typer.Option("--adapter", help="For a source that no node.yaml has: its adapter.")] = None,
    url: Annotated[str | None, typer.Option("--url", help="For a source that no node.yaml has: where it is, or env:NAME.")] = None,
    zone: Annotated[str | None, typer.Option("--zone", help="The hospital's time zone, such as Europe/Berlin.")] = None,
    write: Annotated[Path | None, typer.Option("--write", metavar="FILE", help="Write node.yaml there.")] = None,
) -> int:
    """Write the node.yaml of a source from what it holds: tables, columns, types, keys."""
    from gateway.app import open_source

    described = _described_source(session, node, source, adapter, url, zone)
    opened = open_source(described)
    try:
        tables = opened.describe()
    finally:
        opened.close()
    return _give_description(session, described, tables, write)


def _described_source(session: Session, node: str, name: str | None, adapter: str | None, url: str | None, zone: str | None) -> Source:
    from catalog.model import Source
    from gateway.app import absolute_url, open_snapshot, replaced_sources

    if (adapter is None) != (url is None):
        raise SettingsError("F103", "--adapter and --url come together", hint="without both, the source is one of node.yaml")
    if adapter is not None:
        if zone is None:
            session.say("the time zone is taken as UTC; say --zone if the hospital writes local times")
        found = absolute_url(url, adapter, Path.cwd())
        return Source(node=node, name=name or adapter, adapter=adapter, url=found, options={}, zone=zone or "UTC", tables={})
    sources = replaced_sources(open_snapshot(session.settings), session.settings)
    fitting = [each for each in sources.values() if each.node == node and name in (None, each.name)]
    if not fitting:
        names = [f"--node {each.node} --source {each.name}" for each in sources.values()]
        raise SettingsError("F103", "the catalog has no such source", hint=near_names(f"--node {node} --source {name or ''}", names))
    if len(fitting) > 1:
        raise SettingsError("F103", f"{node} has several sources", hint=f"--source {' or '.join(each.name for each in fitting)}")
    return fitting[0]


def _give_description(session: Session, source: Source, tables: Mapping[str, SqlTable], write: Path | None) -> int:
    from catalog.node_writer import node_yaml

    text = node_yaml(source.node, source.zone, source.name, source.adapter, source.url or "", tables)
    if write is not None:
        _write_new(write, text)
        session.say(f"wrote {len(tables)} tables to {write}; review it, keys and zone above all")
        return 0
    document = {"node": source.node, "zone": source.zone, "source": source.name, "adapter": source.adapter, "url": _shown_url(source)}
    session.answer(document | {"tables": {name: _table_document(table) for name, table in tables.items()}}, lambda: session.write(text))
    return 0


def _table_document(table: SqlTable) -> dict[str, object]:
    columns: Sequence[dict[str, object]] = [
        {"name": column.name, "type": str(column.type), "nullable": column.nullable} for column in table.columns
    ]
    return {"columns": columns, "key": list(table.key), "rows": table.rows}


def _write_new(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise SettingsError("F103", f"{file} exists", hint="it may hold reviewed keys: write elsewhere and compare") from None
    except OSError:
        raise SettingsError("F103", f"{file} cannot be written", hint="look at the folder's owner and mode") from None
