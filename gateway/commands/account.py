"""`account add`: a caller for the front doors. The password is asked for, never an argument: arguments are seen by others."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from catalog.errors import near_names
from gateway.commands.session import Session
from gateway.errors import DeniedError, SettingsError
from gateway.settings import CONFIG_NAME, Settings, config_file, load_settings

_LONGEST_PASSWORD = 1_024


def add(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The account's name.")],
    role: Annotated[str, typer.Option("--role", help="The role of the policies that it has.")],
) -> int:
    """Add an account; its password is asked for, or read from stdin."""
    from gateway.access.account_file import add_account

    config = _file_to_write(session)
    new = not config.exists()
    _check_role(load_settings(config=None if new else config, catalog=session.catalog), role)
    key = add_account(config, name, role, _password())
    if new:
        session.say(f"{config} is new: where it is in force the example's demo account and default role are off")
    session.say(f"added {name} with role {role} to {config}; the API key is shown this once:")
    session.answer({"account": name, "role": role, "config": str(config), "api_key": key}, lambda: session.write_line(key))
    return 0


def _file_to_write(session: Session) -> Path:
    """The settings file that is in force, else a new one in the catalog folder or here."""
    known = config_file(session.config, session.catalog, os.environ)
    return known or (session.catalog or Path.cwd()).expanduser().absolute() / CONFIG_NAME


def _check_role(settings: Settings, role: str) -> None:
    from gateway.app import open_snapshot

    policies = open_snapshot(settings).policies
    if role not in policies:
        raise DeniedError("G102", f"no policy defines the role {role}", hint=near_names(role, policies))


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline(_LONGEST_PASSWORD).rstrip("\r\n")
    import getpass

    password = getpass.getpass("Password: ", sys.stderr)
    if getpass.getpass("The same again: ", sys.stderr) != password:
        raise SettingsError("F103", "the two passwords differ")
    return password
