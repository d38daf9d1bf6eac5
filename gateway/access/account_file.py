"""Adds an account to gateway.toml: its comments stay, verifier and hash go into private files that it refers to."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.access.accounts import new_api_key, scram_verifier
from gateway.errors import AccessError, SettingsError
from gateway.setting_kinds import ACCOUNT_NAME

FOLDER = "accounts"


def add_account(config: Path, name: str, role: str, password: str) -> str:
    """Add the account to the settings file (made if absent); its API key, which nobody can show again.

    Raises AccessError A102 if the account exists, SettingsError F103 for a bad name or password, F101 if nothing can be written.
    """
    if not ACCOUNT_NAME.fullmatch(name):
        raise SettingsError("F103", "this cannot be an account's name", hint="letters, digits and _ . @ -, not a digit first, at most 63")
    try:
        verifier = scram_verifier(password)
    except ValueError as error:
        raise SettingsError("F103", str(error)) from None
    key, key_hash = new_api_key()
    try:
        folder = config.parent / FOLDER
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(folder):
            text = _with_account(config, name, role)
            _write(folder / f"{name}.scram", str(verifier) + "\n", 0o600)
            _write(folder / f"{name}.api_key", key_hash + "\n", 0o600)
            _write(config, text, config.stat().st_mode & 0o777 if config.exists() else 0o644)
    except OSError as error:
        raise SettingsError("F101", f"{error.filename or config} cannot be written", hint="look at its owner, mode and disk") from None
    return key


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One writer at a time: two that add accounts at once would lose one of them."""
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _with_account(config: Path, name: str, role: str) -> str:
    """The text of the settings file with the account added."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(config.read_text(encoding="utf-8") if config.exists() else "")
    except (TOMLKitError, UnicodeDecodeError):
        raise SettingsError("F101", f"{config} is not readable TOML", hint="hospital-gateway doctor says where") from None
    accounts = document.setdefault("accounts", tomlkit.table(is_super_table=True))
    if name in accounts:
        raise AccessError("A102", f"the account {name} exists", hint="choose another name, or remove its section and files first")
    account = tomlkit.table()
    account["role"] = role
    account["scram"] = f"file:{FOLDER}/{name}.scram"
    account["api_key_hash"] = f"file:{FOLDER}/{name}.api_key"
    accounts[name] = account
    return tomlkit.dumps(document)


def _write(path: Path, text: str, mode: int) -> None:
    """Whole or not at all, with its mode from the start."""
    own = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        own.replace(path)
    finally:
        own.unlink(missing_ok=True)
