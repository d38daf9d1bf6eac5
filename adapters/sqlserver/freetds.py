"""Where FreeTDS finds its servers: one private freetds.conf for the process, with a section for each source.

FreeTDS checks certificates only by what a section says (`ca file`, `check certificate hostname`): what a connection string says of it is
ignored without a word. The file's name is in the environment (FREETDSCONF), which a process has once, so all sources share the file.
A server that is not in it is still looked up in the user's own files.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from threading import Lock

from adapters.sqlserver.options import SqlServerOptions

_VARIABLE = "FREETDSCONF"
_ENCRYPTION = {"off": "off", "require": "require", "verify": "require"}


class FreeTdsFile:
    """The file and its sections; a section is never changed once it is written."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._path: Path | None = None
        self._sections: dict[str, str] = {}
        self._process = 0

    def section_of(self, options: SqlServerOptions) -> str:
        """The name of a section that says what these options say; connections find it by `Servername`."""
        text = section(options)
        with self._lock:
            for name, known in self._sections.items():
                if known == text and self._process == os.getpid():
                    return name
            name = f"hospital_gateway_{os.getpid()}_{len(self._sections) + 1}"
            self._sections[name] = text
            self._write()
            return name

    def _write(self) -> None:
        """A whole new file in place of the old one: a connection that reads it now finds the old or the new."""
        if self._path is None or self._process != os.getpid():
            folder = Path(tempfile.mkdtemp(prefix="hospital-gateway-freetds-"))  # of mode 0700
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            self._path, self._process = folder / "freetds.conf", os.getpid()
        new = self._path.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.writelines(f"[{name}]\n{text}\n" for name, text in self._sections.items())
        new.replace(self._path)
        os.environ[_VARIABLE] = str(self._path)


FREETDS_FILE = FreeTdsFile()


def section(options: SqlServerOptions) -> str:
    """The lines of a section. No account is in it."""
    lines = [
        f"host = {options.host}",
        f"port = {options.port}",
        "tds version = 7.4",
        "client charset = UTF-8",
        f"encryption = {_ENCRYPTION[options.tls.mode]}",
        f"connect timeout = {max(1, round(options.connect_timeout))}",
        "text size = 2147483647",
    ]
    if options.tls.mode == "verify":
        lines += [f"ca file = {options.tls.authority or 'system'}", "check certificate hostname = yes"]
    return "".join(f"\t{line}\n" for line in lines)
