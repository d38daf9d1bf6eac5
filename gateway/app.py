"""Puts the gateway together from settings: the only place that names concrete adapters."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from threading import Lock

from adapters.interface import Adapter, AdapterFactory, SourceError
from catalog.errors import near_names
from catalog.loader import load_catalog
from catalog.model import CatalogSnapshot, Source
from gateway.access.secrets import is_reference, parse_reference
from gateway.access.token_key import KEY_BYTES, token_key
from gateway.engine import Engine
from gateway.errors import SettingsError
from gateway.limits import Limits
from gateway.settings import PlacedSettingsError, Settings, SourceReplacement

_logger = logging.getLogger(__name__)

ADAPTER_GROUP = "hospital_gateway.adapters"
BUILT_IN_ADAPTERS = {
    "duckdb": "adapters.duckdb:open_source",
    "hbase": "adapters.hbase:open_source",
    "hive": "adapters.hive:open_source",
    "postgres": "adapters.postgres:open_source",
    "sqlserver": "adapters.sqlserver:open_source",
    "trino": "adapters.trino:open_source",
}
_LOCAL_SCHEMES = ("cells", "parquet", "csv", "duckdb", "file")
_LOCAL_ADAPTERS = ("duckdb", "hbase")


class SourceRegistry:
    """The adapter of each (node, source), opened at first use and kept; the settings' replacements are applied."""

    def __init__(self, sources: Mapping[tuple[str, str], Source]) -> None:
        self._sources = sources
        self._opened: dict[tuple[str, str], Adapter] = {}
        self._lock = Lock()

    def __call__(self, node: str, source: str) -> Adapter:
        """The adapter. Raises SourceError S110 for an unknown adapter, bad options or a missing secret."""
        with self._lock:
            if (node, source) not in self._opened:
                self._opened[node, source] = open_source(self._sources[node, source])
            return self._opened[node, source]

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        return tuple(self._sources)

    def close(self) -> None:
        with self._lock:
            opened, self._opened = list(self._opened.values()), {}
        for adapter in opened:
            try:
                adapter.close()
            except Exception as error:  # noqa: BLE001  whatever an adapter raises, it must not hide how the query ended
                _logger.warning("an adapter did not close: %s", type(error).__name__)


def open_engine(settings: Settings) -> Engine:
    """Load the catalog and make the engine. Raises CatalogError with every mistake, or SettingsError."""
    snapshot = open_snapshot(settings)
    return _OwningEngine(snapshot, open_sources(snapshot, settings), settings.limits, _token_key(settings))


def open_snapshot(settings: Settings) -> CatalogSnapshot:
    """The catalog as it is now. Raises CatalogError with every mistake."""
    return load_catalog(settings.catalog)


class _OwningEngine(Engine):
    """The engine of one process: closing it closes the sources that were opened for it."""

    def __init__(self, snapshot: CatalogSnapshot, sources: SourceRegistry, limits: Limits, key: bytes) -> None:
        super().__init__(snapshot, sources, limits, key)
        self._sources = sources

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._sources.close()


def open_sources(snapshot: CatalogSnapshot, settings: Settings) -> SourceRegistry:
    """The sources of a catalog, opened when they are first used. Raises SettingsError for a replacement that names no source."""
    return SourceRegistry(replaced_sources(snapshot, settings))


def replaced_sources(snapshot: CatalogSnapshot, settings: Settings) -> dict[tuple[str, str], Source]:
    """Each source by (node, name), as the settings want it. Raises SettingsError for a replacement that names no source."""
    known = {(node.name, source.name): source for node in snapshot.nodes.values() for source in node.sources.values()}
    for (node, name), replacement in settings.sources.items():
        if (node, name) not in known:
            names = [".".join(pair) for pair in known]
            raise PlacedSettingsError(
                f"[sources.{node}.{name}] names no source of the catalog", place=replacement.place, hint=near_names(f"{node}.{name}", names)
            )
    return {key: replaced_source(source, settings.sources.get(key), settings.catalog) for key, source in known.items()}


def replaced_source(source: Source, replacement: SourceReplacement | None, catalog: Path) -> Source:
    """The source with the settings' adapter, url and options; relative paths in urls are made absolute, from where they are written."""
    given = replacement or SourceReplacement()
    adapter = given.adapter or source.adapter
    url, base = (source.url, catalog) if given.url is None else (given.url, given.base)
    return replace(source, adapter=adapter, url=absolute_url(url, adapter, base), options={**source.options, **given.options})


def open_source(source: Source) -> Adapter:
    """Open one adapter; its secrets are read now and live in it alone."""
    factory = _adapter_factory(source.adapter)
    try:
        url = None if source.url is None else _dereferenced(source.url)
        options = {name: _dereferenced(value) if isinstance(value, str) else value for name, value in source.options.items()}
    except SettingsError as error:  # one source is wrong, not the gateway: the others may still answer
        raise SourceError("S110", error.fact, error.hint) from None
    return factory(replace(source, url=url, options=options))


def _dereferenced(value: str) -> str:
    return parse_reference(value, Path.cwd()).read() if is_reference(value) else value


def absolute_url(url: str | None, adapter: str, base: Path) -> str | None:
    """Local files (`data/b.duckdb`, `cells:data/a`, `file:url.txt`) become absolute; everything else is the adapter's own affair."""
    if url is None or "://" in url:
        return url
    scheme, separator, path = url.rpartition(":")
    local = scheme in _LOCAL_SCHEMES or (not scheme and adapter in _LOCAL_ADAPTERS)
    return f"{scheme}{separator}{base / path}" if path and local else url


def _adapter_factory(name: str) -> AdapterFactory:
    known = BUILT_IN_ADAPTERS | {point.name: point.value for point in entry_points(group=ADAPTER_GROUP)}
    if name not in known:
        raise SourceError("S110", f"there is no adapter {name}", near_names(name, known))
    module, _, attribute = known[name].partition(":")
    try:
        factory: AdapterFactory = getattr(import_module(module), attribute)
    except (ImportError, AttributeError):
        _logger.warning("adapter %s: %s cannot be imported", name, known[name])
        raise SourceError("S110", f"the adapter {name} cannot be loaded", f"pip install 'hospital-gateway[{name}]'") from None
    return factory


def _token_key(settings: Settings) -> bytes:
    try:
        return token_key(settings.token_key)
    except SettingsError:
        if not settings.embedded:
            raise
        # The example region must run in a read-only home too; its data is synthetic, so a key for this process does.
        _logger.warning("no token key can be kept; masks use a key of this process")
        return secrets.token_bytes(KEY_BYTES)
