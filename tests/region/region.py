"""Opens the embedded region as an engine, with chances to change its catalog and its sources before it opens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from adapters.interface import Adapter
from catalog.loader import load_catalog
from catalog.model import CatalogSnapshot
from gateway.app import open_sources
from gateway.engine import Engine
from gateway.limits import Limits
from gateway.settings import load_settings, region_folder

KEY = b"a key of the tests, 32 bytes long"[:32]
Sources = Callable[[str, str], Adapter]


@cache
def region_snapshot() -> CatalogSnapshot:
    return load_catalog(region_folder())


@contextmanager
def open_region(
    *, snapshot: CatalogSnapshot | None = None, wrap: Callable[[Sources], Sources] = lambda sources: sources, limits: Limits | None = None
) -> Iterator[Engine]:
    """The engine over the example region. `wrap` may put other sources in place of the real ones."""
    catalog = snapshot or region_snapshot()
    registry = open_sources(catalog, load_settings(environment={}))
    engine = Engine(catalog, wrap(registry), limits or Limits(), KEY)
    try:
        yield engine
    finally:
        engine.close()
        registry.close()
