"""Java for the engines: which JDK, a class of our own compiled against their jars, and the flags that open packages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from tests.servers.process import ServerFailed

SOURCES = Path(__file__).parent / "java"


@cache
def java_home(release: int) -> Path:
    """The home of a JDK of just this release: JAVA<release>_HOME, JAVA_HOME, or one under /usr/lib/jvm. Raises ServerFailed."""
    named = [os.environ.get(f"JAVA{release}_HOME"), os.environ.get("JAVA_HOME")]
    installed = sorted(Path("/usr/lib/jvm").glob("*")) if Path("/usr/lib/jvm").is_dir() else []
    on_path = shutil.which("javac")
    candidates = [Path(home) for home in named if home] + installed + ([Path(on_path).resolve().parents[1]] if on_path else [])
    for home in candidates:
        if (home / "bin" / "javac").exists() and _release(home) == release:
            return home
    hint = f"apt-get install openjdk-{release}-jdk-headless" if release == 17 else f"set JAVA{release}_HOME to its folder"
    raise ServerFailed(f"a JDK {release} is needed; {hint}")


def _release(home: Path) -> int:
    shown = subprocess.run([home / "bin" / "javac", "-version"], capture_output=True, text=True)
    found = re.search(r"(\d+)", shown.stdout + shown.stderr)
    return int(found[1]) if found else 0


def compiled(source: str, jars: Path, release: int, target: Path) -> Path:
    """The folder with the class of tests/servers/java/<source>.java."""
    target.mkdir(parents=True, exist_ok=True)
    command = [str(java_home(release) / "bin" / "javac"), "-cp", f"{jars}/*", "-d", str(target), str(SOURCES / f"{source}.java")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ServerFailed(f"{source}.java does not compile: {done.stderr[-2000:]}")
    return target


def opened(packages: Iterable[str]) -> list[str]:
    """`--add-opens` flags; a package is written module/package."""
    return [f"--add-opens={package}=ALL-UNNAMED" for package in packages]
