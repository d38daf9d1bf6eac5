"""The example region with its hospitals copied under new names: a catalog of as many nodes as asked."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from catalog.loader import load_catalog
from gateway.app import open_sources
from gateway.engine import Engine
from gateway.limits import Limits
from gateway.settings import SourceReplacement, load_settings, region_folder


@contextmanager
def replicated_region(nodes: int) -> Iterator[Engine]:
    """An engine over this many hospitals: copies of A, B and C in turn, over the same files."""
    settings = load_settings(environment={})
    with TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("tables", "codes", "policies"):
            shutil.copytree(region_folder() / part, folder / part)
        originals = sorted(path.name for path in (region_folder() / "nodes").iterdir())
        replacements: dict[tuple[str, str], SourceReplacement] = {}
        for number in range(nodes):
            original = originals[number % len(originals)]
            copy = f"{original}_{number // len(originals) + 1:02}"
            shutil.copytree(region_folder() / "nodes" / original, folder / "nodes" / copy)
            file = folder / "nodes" / copy / "node.yaml"
            file.write_text(re.sub(r"^node:.*$", f"node: {copy}", file.read_text("utf-8"), flags=re.MULTILINE), "utf-8")
            replacements |= {(copy, source): value for (node, source), value in settings.sources.items() if node == original}
        snapshot = load_catalog(folder)
        registry = open_sources(snapshot, replace(settings, catalog=folder, sources=replacements))
        engine = Engine(snapshot, registry, Limits(), b"k" * 32)
        try:
            yield engine
        finally:
            engine.close()
            registry.close()
