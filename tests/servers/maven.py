"""Jars of an engine, from Maven by a small pom each, kept outside the clone: resolved once per machine and pom."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import ServerFailed

POMS = Path(__file__).parent / "poms"


def cache() -> Path:
    """Where engines are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    found = Path(base) / "hospital-gateway" / "engines"
    found.mkdir(parents=True, exist_ok=True)
    return found


@contextmanager
def locked(name: str) -> Iterator[None]:
    """One process at a time makes the folder of an engine."""
    with (cache() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def jars(name: str) -> Path:
    """The folder with every jar that poms/<name>.xml names at run time. Raises ServerFailed if Maven is missing or refuses."""
    pom = POMS / f"{name}.xml"
    target = cache() / f"{name}-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    with locked(name):
        if not target.exists():
            made = target.with_name(target.name + ".part")
            shutil.rmtree(made, ignore_errors=True)
            run_maven("-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={made}")
            made.rename(target)
    return target


def artifact(coordinates: str) -> Path:
    """One file, such as io.trino:trino-server:476:tar.gz. Raises ServerFailed."""
    _group, name, version, kind = coordinates.split(":")
    target = cache() / f"{name}-{version}.{kind}"
    with locked(name):
        if not target.exists():
            made = cache() / f"{name}.part"
            shutil.rmtree(made, ignore_errors=True)
            run_maven("dependency:copy", f"-Dartifact={coordinates}", f"-DoutputDirectory={made}")
            (made / target.name).rename(target)
            made.rmdir()
    return target


def run_maven(*arguments: str) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ServerFailed("Maven is needed to fetch the engine; on Debian: apt-get install maven")
    done = subprocess.run([maven, "-B", "-q", *arguments], cwd=cache(), capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise ServerFailed(f"Maven failed: {(done.stdout + done.stderr)[-2000:]}")
