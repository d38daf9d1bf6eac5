"""Loads a folder of mapping files into one immutable CatalogSnapshot. `load_catalog` is the way in."""

from catalog.loader.load import DEFAULT_SCHEMA, load_catalog

__all__ = ["DEFAULT_SCHEMA", "load_catalog"]
