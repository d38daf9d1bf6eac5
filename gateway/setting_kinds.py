"""Every setting there is, and how its value is read. docs/settings.md has a heading for each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.access.secrets import is_reference, parse_reference

ReadValue = Callable[[object, Path], Any]
"""Reads a value that TOML, the environment or a flag gave; relative paths are relative to the folder. Raises ValueError in words."""

ACCOUNT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.@-]{0,62}")
"""Also what PostgreSQL clients and HTTP Basic can send without quoting (no colon, at most 63 bytes)."""

_SECRET_NAME = re.compile(r"password|passwd|passphrase|pwd|secret|token|credential|(api|access|account|private|shared)_?key", re.IGNORECASE)
_SECRET_IN_URL = re.compile(r"://[^/?#@]*:[^/?#@]+@|(password|passwd|pwd|secret|token|key)\s*=\s*[^;&\s]", re.IGNORECASE)
_SIZE = re.compile(r"(\d+)\s*(|B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)")
_SIZE_UNITS = {"": 1, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12} | {
    unit: 1024**power for power, unit in enumerate(("KiB", "MiB", "GiB", "TiB"), start=1)
}


def read_text(value: object, _base: Path) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("expected a text")
    return value


def read_port(value: object, _base: Path) -> int:
    number = _whole_number(value)
    if not 1 <= number <= 65_535:
        raise ValueError("expected a port from 1 to 65535")
    return number


def read_count(value: object, _base: Path) -> int:
    number = _whole_number(value)
    if number < 1:
        raise ValueError("expected a whole number of at least 1")
    return number


def read_seconds(value: object, _base: Path) -> float:
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else -1.0
    except ValueError:
        number = -1.0
    if not 0 < number <= 86_400:
        raise ValueError("expected seconds above 0, at most 86400")
    return number


def read_size(value: object, _base: Path) -> int:
    match = _SIZE.fullmatch(str(value).strip()) if isinstance(value, (int, str)) and not isinstance(value, bool) else None
    size = int(match[1]) * _SIZE_UNITS[match[2]] if match is not None else 0
    if size < 1024 * 1024:
        raise ValueError('expected a size of at least 1 MiB, such as 536870912 or "512 MiB"')
    return size


def read_path(value: object, base: Path) -> Path:
    return base / Path(read_text(value, base)).expanduser()


def read_folder_url(value: object, base: Path) -> Path:
    """A folder as a path or file:// URL."""
    text = read_text(value, base)
    if text.startswith("file://"):
        return Path(text.removeprefix("file://"))
    if "://" in text:
        raise ValueError("expected a folder of mappings, as a path or file:// URL")
    return base / Path(text).expanduser()


def read_secret(value: object, base: Path) -> Any:
    return parse_reference(value if isinstance(value, str) else "", base)


def read_source_url(value: object, base: Path) -> str:
    text = read_text(value, base)
    if not is_reference(text) and _SECRET_IN_URL.search(text):
        raise ValueError("the url holds a secret: put the whole url behind a reference, env:NAME or file:/path")
    return text


def read_option(value: object, base: Path) -> Any:
    if isinstance(value, str) and is_reference(value):
        return str(parse_reference(value, base))
    if isinstance(value, (str, int, float, bool)) or (
        isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value)
    ):
        return value
    raise ValueError("expected a text, a number, true, false or a list of them")


def read_secret_option(value: object, base: Path) -> str:
    return str(parse_reference(value if isinstance(value, str) else "", base))


def _whole_number(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{1,18}", value):
        return int(value)
    raise ValueError("expected a whole number")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `path` has `*` where the user chooses a name; `meaning` is one line for people."""

    path: tuple[str, ...]
    read: ReadValue
    meaning: str

    def __str__(self) -> str:
        return ".".join(self.path)

    def matches(self, path: tuple[str, ...]) -> bool:
        return len(path) == len(self.path) and all(own in ("*", part) for own, part in zip(self.path, path, strict=True))


def _setting(path: str, read: ReadValue, meaning: str) -> Setting:
    return Setting(tuple(path.split(".")), read, meaning)


SETTINGS: tuple[Setting, ...] = (
    _setting("default_role", read_text, "the role of a query that names none; without it such a query is denied"),
    _setting("server.http_port", read_port, "the port of GraphQL and the console"),
    _setting("server.pg_port", read_port, "the port of the PostgreSQL wire protocol"),
    _setting("server.tls.certificate", read_path, "the certificate chain, PEM"),
    _setting("server.tls.key", read_secret, "a reference to the private key, PEM"),
    _setting("catalog.url", read_folder_url, "the folder of mappings"),
    _setting("sources.*.*.adapter", read_text, "replaces the adapter of a source"),
    _setting("sources.*.*.url", read_source_url, "replaces where the source is; may be a reference"),
    _setting("sources.*.*.options.*", read_option, "replaces one option of the source's adapter"),
    _setting("limits.deadline", read_seconds, "seconds a query may take when the caller names none"),
    _setting("limits.rows", read_count, "rows an answer may have"),
    _setting("limits.bytes", read_size, "bytes of one table reference that is kept whole because the query reads it twice"),
    _setting("limits.memory", read_size, "bytes held in memory per table reference before its readers wait or spill"),
    _setting("merge.memory", read_size, "memory of the merge of one query"),
    _setting("merge.threads", read_count, "threads of the merge of one query"),
    _setting("merge.disk", read_size, "disk that one query's fragments may spill to"),
    _setting("merge.folder", read_path, "where private spill folders are made"),
    _setting("accounts.*.role", read_text, "the role of the account"),
    _setting("accounts.*.scram", read_secret, "a reference to the account's SCRAM-SHA-256 verifier"),
    _setting("accounts.*.api_key_hash", read_secret, "a reference to the hash of the account's API key"),
    _setting("security.token_key", read_secret, "a reference to the key of the tokens that masks put in place of identifiers"),
)


def find_setting(path: tuple[str, ...]) -> Setting | None:
    """The setting of a path; an option whose name speaks of a secret takes only a reference."""
    found = next((setting for setting in SETTINGS if setting.matches(path)), None)
    if found is not None and found.read is read_option and _SECRET_NAME.search(path[-1]):
        return Setting(found.path, read_secret_option, found.meaning)
    return found


def is_section(path: tuple[str, ...]) -> bool:
    """Whether some setting lies below the path."""
    return any(Setting(setting.path[: len(path)], setting.read, "").matches(path) for setting in SETTINGS if len(setting.path) > len(path))


def known_names(path: tuple[str, ...]) -> list[str]:
    """The names that may stand in place of the path's last part."""
    above = path[:-1]
    return sorted(
        {
            setting.path[len(above)]
            for setting in SETTINGS
            if len(setting.path) > len(above) and Setting(setting.path[: len(above)], setting.read, "").matches(above)
        }
        - {"*"}
    )
