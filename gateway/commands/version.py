"""`version`: which release this is, and of the packages that decide about answers."""

from __future__ import annotations

import platform
import tomllib
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path

from gateway.commands.session import Session

_SHOWN = ("duckdb", "sqlglot", "pyarrow")


def version(session: Session) -> None:
    """Print the version."""
    found = {"hospital-gateway": own_version(), "python": platform.python_version(), **{name: installed_version(name) for name in _SHOWN}}

    def lines() -> None:
        for name, number in found.items():
            session.write_line(f"{name} {number}")

    session.answer(found, lines)


def own_version() -> str:
    """The installed version; in a clone that is not installed, the one pyproject.toml says."""
    try:
        return installed_version("hospital-gateway")
    except PackageNotFoundError:
        project = Path(__file__).resolve().parents[2] / "pyproject.toml"
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
