"""What every verb shares: the global options, the settings they lead to, where data and talk go."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.errors import DeniedError
from gateway.settings import Settings, example_settings, load_settings

if TYPE_CHECKING:
    from gateway.context import Principal
    from gateway.engine import Engine


@dataclass(kw_only=True)
class Session:
    """One call of the command line.

    `example`: without --config and --catalog, the example region is in force even where a gateway.toml is. `statement` is the user's SQL,
    for showing errors in it; `data_started`: stdout has data.
    """

    config: Path | None = None
    catalog: Path | None = None
    json: bool = False
    verbose: bool = False
    example: bool = False
    statement: str | None = field(default=None, init=False)
    data_started: bool = field(default=False, init=False)

    @cached_property
    def settings(self) -> Settings:
        if self.example and self.config is None and self.catalog is None:
            return example_settings()
        return load_settings(config=self.config, catalog=self.catalog)

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """The engine, closed at the end. Imported here: it brings DuckDB, pyarrow and sqlglot."""
        from gateway.app import open_engine

        engine = open_engine(self.settings)
        try:
            yield engine
        finally:
            engine.close()

    def principal(self, role: str | None) -> Principal:
        """The caller with its role. Raises DeniedError G103 when neither --role nor default_role names one."""
        from gateway.context import Principal

        chosen = role or self.settings.default_role
        if chosen is None:
            raise DeniedError("G103", "no role was given", hint="give --role, or set default_role in gateway.toml")
        return Principal(name="local", role=chosen)

    def write(self, text: str) -> None:
        """Data, to stdout."""
        self.data_started = True
        sys.stdout.write(text)

    def write_line(self, text: str = "") -> None:
        self.write(text + "\n")

    def write_document(self, document: object) -> None:
        """Data as one JSON document, to stdout."""
        self.write_line(json.dumps(document, ensure_ascii=False, indent=2))

    def say(self, text: str) -> None:
        """Talk, to stderr."""
        sys.stdout.flush()
        print(text, file=sys.stderr, flush=True)

    def answer(self, document: object, lines: Callable[[], Any]) -> None:
        """Print a small answer: as JSON with --json, else as `lines` writes it."""
        if self.json:
            self.write_document(document)
        else:
            lines()


def terminal_width() -> int | None:
    """Columns of the terminal, None when stdout is not one: then nothing is cut."""
    if not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns
