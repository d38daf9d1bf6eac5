"""`catalog check` and `catalog schema`: whether the mapping files are right, and what users may ask for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.errors import CatalogError, Problem
from gateway.commands.session import Session
from gateway.report import report_of_problem

if TYPE_CHECKING:
    from catalog.model import CatalogSnapshot, VirtualTable
    from gateway.commands.sample import BindingSample

_SECONDS_BETWEEN_LOOKS = 0.5


def check(
    session: Session,
    sample: Annotated[bool, typer.Option("--sample", help="Run each binding on 100 rows of its source too.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Check again whenever a file changes, until interrupted.")] = False,
) -> int:
    """Check every mapping file, and say every mistake at once."""
    if not watch:
        return _check_once(session, sample)
    folder = session.settings.catalog
    session.say(f"watching {folder}; Ctrl-C ends")
    for _ in _changes(folder):
        _check_once(session, sample)
    return 0


def _changes(folder: Path) -> Iterator[None]:
    """Yields at once, and again after each change of a file."""
    seen: dict[str, tuple[int, int]] | None = None
    while True:
        found: dict[str, tuple[int, int]] = {}
        for path in folder.rglob("*"):
            if path.suffix in (".yaml", ".csv", ".toml") and path.exists():
                facts = path.stat()
                found[str(path)] = (facts.st_mtime_ns, facts.st_size)
        if found != seen:
            seen = found
            yield
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _check_once(session: Session, sample: bool) -> int:
    snapshot: CatalogSnapshot | None = None
    samples: list[BindingSample] = []
    try:
        with session.engine() as engine:
            snapshot, problems = engine.snapshot, engine.check_catalog()
    except CatalogError as error:
        if any(problem.code == "C301" for problem in error.problems):
            raise
        problems = error.problems
    if sample and snapshot is not None and not problems:
        samples = _samples(session, snapshot)
    session.answer(_document(snapshot, problems, samples), lambda: _lines(session, snapshot, problems, samples))
    return 1 if problems or any(found.failure for found in samples) else 0


def _samples(session: Session, snapshot: CatalogSnapshot) -> list[BindingSample]:
    from gateway.app import open_sources
    from gateway.commands.sample import sample_bindings

    sources = open_sources(snapshot, session.settings)
    try:
        return list(sample_bindings(snapshot, sources))
    finally:
        sources.close()


def _document(snapshot: CatalogSnapshot | None, problems: tuple[Problem, ...], samples: list[BindingSample]) -> dict[str, object]:
    found: dict[str, object] = {"ok": not problems, "problems": [report_of_problem(problem).document() for problem in problems]}
    if snapshot is not None:
        found["revision"] = snapshot.revision
        found["policies"] = sorted(snapshot.policies)
        found["warnings"] = [report_of_problem(warning).document() for warning in snapshot.warnings]
    if samples:
        found["samples"] = [sample.document() for sample in samples]
    return found


def _lines(session: Session, snapshot: CatalogSnapshot | None, problems: tuple[Problem, ...], samples: list[BindingSample]) -> None:
    for problem in problems:
        session.say(report_of_problem(problem).text() + "\n")
    if problems or snapshot is None:
        session.say(f"{len(problems)} {'mistake' if len(problems) == 1 else 'mistakes'}")
        return
    for warning in snapshot.warnings:
        session.say("warning: " + report_of_problem(warning).text() + "\n")
    for sample in samples:
        for line in sample.lines():
            session.write_line(line)
    session.write_line(
        f"ok: {len(snapshot.tables)} tables, {len(snapshot.nodes)} hospitals, {len(snapshot.bindings)} bindings, "
        f"roles {', '.join(sorted(snapshot.policies)) or 'none'}, revision {snapshot.revision[:12]}"
    )


def schema(
    session: Session,
    write: Annotated[
        Path | None, typer.Option("--write", metavar="DIR", help="Write JSON Schemas of the mapping files, for editors.")
    ] = None,
) -> int:
    """Print the virtual tables; with --write, write JSON Schemas for editors."""
    from gateway.app import open_snapshot

    snapshot = open_snapshot(session.settings)
    if write is not None:
        from catalog.json_schema import write_schemas

        write_schemas(write, snapshot)
        session.say(f"wrote the schemas to {write}")
        return 0
    tables = sorted(snapshot.tables.values(), key=lambda table: table.name)
    session.answer(
        {"schema": snapshot.schema, "tables": [_table_document(table) for table in tables]}, lambda: _table_lines(session, tables)
    )
    return 0


def _table_document(table: VirtualTable) -> dict[str, object]:
    columns = [
        {"name": column.name, "type": str(column.type), "nullable": column.nullable, "unit": column.unit, "description": column.description}
        for column in table.columns.values()
    ]
    return {
        "name": table.name,
        "key": list(table.key),
        "view": table.view is not None,
        "description": table.description,
        "columns": columns,
    }


def _table_lines(session: Session, tables: list[VirtualTable]) -> None:
    for table in tables:
        about = f"  {table.description}" if table.description else ""
        session.write_line(f"{table.name}{about}")
        width = max(len(name) for name in table.columns)
        for column in table.columns.values():
            words = [str(column.type), *(["not null"] if not column.nullable else []), *([column.unit] if column.unit else [])]
            description = f"  {column.description}" if column.description else ""
            session.write_line(f"  {column.name:{width}}  {' '.join(words)}{description}".rstrip())
        session.write_line()
