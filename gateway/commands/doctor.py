"""`doctor`: looks at everything the gateway needs on this machine, and says what to do about what is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from catalog.errors import CatalogError
from gateway.commands.session import Session
from gateway.errors import GatewayError
from gateway.report import printable

if TYPE_CHECKING:
    from catalog.model import CatalogSnapshot

_PACKAGES = ("duckdb", "sqlglot", "pyarrow", "typer", "rich", "ruamel.yaml", "cachetools", "scramp", "tomlkit")
_DRIVERS = {"hbase": "happybase", "hive": "impyla", "sqlserver": "pyodbc", "postgres": "psycopg", "trino": "orjson"}
"""Extra of the package to the driver that shows it is there."""

_NEWEST_TESTED_PYTHON = (3, 13)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at. `warn` costs a feature or the integration tests only; `advice` says what to do."""

    name: str
    state: Literal["ok", "warn", "fail"]
    fact: str
    advice: str = ""


def doctor(session: Session) -> int:
    """Check this machine, the settings, the catalog and every source."""
    findings: list[Finding] = []
    for finding in _findings(session):
        findings.append(finding)
        if not session.json:
            advice = f"\n      {finding.advice}" if finding.advice else ""
            session.write_line(f"{finding.state:4}  {finding.name}: {printable(finding.fact)}{advice}")
    failed = sum(finding.state == "fail" for finding in findings)
    if session.json:
        session.write_document({"ok": failed == 0, "findings": [asdict(finding) for finding in findings]})
    return 1 if failed else 0


def _findings(session: Session) -> Iterator[Finding]:
    yield _python()
    yield from _packages()
    yield from _drivers()
    yield _compiled_parser()
    yield from _writable_folders()
    snapshot = yield from _catalog(session)
    if snapshot is not None:
        yield from _sources(session, snapshot)
    yield from _engines_for_tests()


def _python() -> Finding:
    number = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] > _NEWEST_TESTED_PYTHON:
        return Finding(
            name="python", state="warn", fact=f"{number} is newer than what the gateway is tested with", advice="3.11 to 3.13 are"
        )
    return Finding(name="python", state="ok", fact=number)


def _packages() -> Iterator[Finding]:
    for name in _PACKAGES:
        try:
            yield Finding(name=name, state="ok", fact=version(name))
        except PackageNotFoundError:
            yield Finding(name=name, state="fail", fact="not installed", advice="make setup, or pip install hospital-gateway")


def _drivers() -> Iterator[Finding]:
    """Only a hospital with such a database needs its driver."""
    for extra, package in _DRIVERS.items():
        try:
            yield Finding(name=f"driver for {extra}", state="ok", fact=f"{package} {version(package)}")
        except PackageNotFoundError:
            advice = f"for a source of this kind: pip install 'hospital-gateway[{extra}]'"
            yield Finding(name=f"driver for {extra}", state="warn", fact=f"{package} is not installed", advice=advice)


def _compiled_parser() -> Finding:
    from sqlglot import parser

    if (parser.__file__ or "").endswith(".py"):
        return Finding(name="sqlglot compiled", state="warn", fact="no: planning is slower", advice="pip install 'sqlglot[c]'")
    return Finding(name="sqlglot compiled", state="ok", fact="yes")


def _writable_folders() -> Iterator[Finding]:
    from gateway.access.token_key import data_folder
    from gateway.process_log import log_file

    folders = {"data folder": data_folder(), "log folder": log_file().parent, "temporary folder": Path(tempfile.gettempdir())}
    for name, folder in folders.items():
        existing = next(each for each in (folder, *folder.parents) if each.exists())
        if os.access(existing, os.W_OK):
            yield Finding(name=name, state="ok", fact=str(folder))
        else:
            yield Finding(name=name, state="fail", fact=f"{folder} cannot be written", advice=_FOLDER_ADVICE[name])


_FOLDER_ADVICE = {
    "data folder": "set XDG_DATA_HOME to a folder that can be written, or [security] token_key",
    "log folder": "set XDG_STATE_HOME to a folder that can be written",
    "temporary folder": "set TMPDIR to a folder that can be written",
}


def _catalog(session: Session) -> Generator[Finding, None, CatalogSnapshot | None]:
    """Yields what was found; returns the snapshot, if it loads."""
    try:
        settings = session.settings
    except GatewayError as error:
        yield Finding(name="settings", state="fail", fact=error.fact, advice=error.hint)
        return None
    yield Finding(name="settings", state="ok", fact=str(settings.config or "none: the embedded example region"))
    from gateway.app import open_snapshot

    try:
        snapshot = open_snapshot(settings)
    except CatalogError as error:
        first = error.problems[0]
        fact = f"{len(error.problems)} mistakes, the first at {first.place}: {first.fact}"
        yield Finding(name="catalog", state="fail", fact=fact, advice="hospital-gateway catalog check shows all")
        return None
    yield Finding(name="catalog", state="ok", fact=f"{settings.catalog}: {len(snapshot.nodes)} hospitals, {len(snapshot.tables)} tables")
    return snapshot


def _sources(session: Session, snapshot: CatalogSnapshot) -> Iterator[Finding]:
    from gateway.commands.sources import ping_sources

    try:
        answers = ping_sources(snapshot, session.settings, None)
    except GatewayError as error:
        yield Finding(name="sources", state="fail", fact=error.fact, advice=error.hint)
        return
    for answer in answers:
        if answer.ok:
            yield Finding(name=f"source {answer.name}", state="ok", fact=f"answers in {answer.seconds * 1000:.0f} ms")
        else:
            advice = answer.hint or f"hospital-gateway error {answer.code}"
            yield Finding(name=f"source {answer.name}", state="fail", fact=f"[{answer.code}] {answer.fact}", advice=advice)


_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def _engines_for_tests() -> Iterator[Finding]:
    for program, arguments, why in (("java", ["-version"], "JDK 17"), ("mvn", ["-version"], "Maven 3")):
        path = shutil.which(program)
        if path is None:
            yield Finding(name=program, state="warn", fact="not found", advice=f"{why} is needed for make integration only")
            continue
        done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603  found on PATH
        lines = _COLOURS.sub("", done.stdout + done.stderr).strip().splitlines()
        yield Finding(name=program, state="ok", fact=lines[0] if lines else path)
