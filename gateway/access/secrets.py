"""Secrets by reference: `env:NAME` or `file:/path`. The value is read when it is needed and never kept in settings."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gateway.errors import SettingsError

_PREFIXES = ("env:", "file:")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretReference:
    """Where a secret is. Its text form names the place, never the secret."""

    kind: Literal["env", "file"]
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    def read(self) -> str:
        """The secret, without the line end a file has. Raises SettingsError F102."""
        return self._from_environment() if self.kind == "env" else self._from_file()

    def _from_environment(self) -> str:
        value = os.environ.get(self.name)
        if not value:
            raise SettingsError("F102", f"the environment variable {self.name} is not set", hint=f"set it, or change the reference {self}")
        return value

    def _from_file(self) -> str:
        try:
            value = Path(self.name).read_text(encoding="utf-8").rstrip("\r\n")
        except FileNotFoundError:
            raise SettingsError("F102", f"the file {self.name} does not exist", hint="create it, or change the reference") from None
        except (OSError, UnicodeDecodeError):
            raise SettingsError("F102", f"the file {self.name} cannot be read as text", hint="look at its owner and mode") from None
        if not value:
            raise SettingsError("F102", f"the file {self.name} is empty", hint="write the secret into it")
        return value


def is_reference(text: str) -> bool:
    return text.startswith(_PREFIXES)


def parse_reference(text: str, base: Path) -> SecretReference:
    """Read a reference; a relative file is relative to `base`. Raises ValueError that does not repeat the text: it may be a secret."""
    kind, _, name = text.partition(":")
    if kind == "env" and name:
        return SecretReference(kind="env", name=name)
    if kind == "file" and name:
        return SecretReference(kind="file", name=str(base / Path(name.removeprefix("//")).expanduser()))
    raise ValueError("a secret stands here by reference only: env:NAME or file:/path")
