"""The key of the masks' tokens: from the settings, or made once in the user's data folder."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from gateway.access.secrets import SecretReference
from gateway.errors import SettingsError

KEY_BYTES = 32
_FILE_NAME = "token_key"


def data_folder() -> Path:
    """Where the gateway keeps what it makes for this user: $XDG_DATA_HOME/hospital-gateway."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "hospital-gateway"


def token_key(reference: SecretReference | None) -> bytes:
    """The key. Raises SettingsError F102 when it is missing, too short, readable by others, or cannot be made."""
    if reference is None:
        return _own_key(data_folder())
    key = reference.read().encode()
    if len(key) < KEY_BYTES:
        raise SettingsError(
            "F102", f"the token key at {reference} has less than {KEY_BYTES} characters", hint="openssl rand -hex 32 makes one"
        )
    return key


def _own_key(folder: Path) -> bytes:
    path = folder / _FILE_NAME
    try:
        if not path.exists():
            _create(path)
        if path.stat().st_mode & 0o077:
            raise SettingsError(
                "F102", f"others can read the token key {path}", hint=f"chmod 600 {path}; if it may have been read, remove it"
            )
        key = path.read_bytes()
    except OSError:
        raise SettingsError(
            "F102",
            f"the token key {path} cannot be made or read",
            hint="let the user write there, set XDG_DATA_HOME, or set [security] token_key to env:NAME or file:/path",
        ) from None
    if len(key) != KEY_BYTES:
        raise SettingsError("F102", f"the token key {path} is damaged", hint="remove it: a new one is made, and tokens given before change")
    return key


def _create(path: Path) -> None:
    """Several processes may start at once: each writes its own file whole, and the first to link it under the name wins."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    own = path.with_name(f".{_FILE_NAME}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(own, path)
        except FileExistsError:
            return
    finally:
        own.unlink()
