"""`error CODE`: what an error code means and what to do about it."""

from __future__ import annotations

from typing import Annotated

import typer

from catalog.errors import near_names
from gateway.commands.session import Session
from gateway.error_codes import ERROR_CODES
from gateway.errors import SettingsError


def error(session: Session, code: Annotated[str, typer.Argument(metavar="CODE", help="For example B102.")]) -> None:
    """Say what an error code means and what to do."""
    known = ERROR_CODES.get(code.upper()) or next((entry for entry in ERROR_CODES.values() if entry.name == code.upper()), None)
    if known is None:
        raise SettingsError("F103", f"there is no error code {code[:40]}", hint=near_names(code.upper()[:40], ERROR_CODES))

    def lines() -> None:
        session.write_line(f"{known.code} {known.name}")
        session.write_line(known.advice)
        session.write_line(f"SQLSTATE {known.sqlstate} · HTTP {known.http} · exit code {known.exit}")

    session.answer(
        {
            "code": known.code,
            "name": known.name,
            "advice": known.advice,
            "sqlstate": known.sqlstate,
            "http": known.http,
            "exit": known.exit,
        },
        lines,
    )
