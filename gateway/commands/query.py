"""`query`: one statement, its answer on stdout, what it covers on stderr."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.errors import near_names
from gateway.commands.progress import Progress
from gateway.commands.session import Session
from gateway.errors import SettingsError

if TYPE_CHECKING:
    from gateway.commands.writers import Writer
    from gateway.context import QueryContext
    from gateway.result import Result

LONGEST_STATEMENT = 1 << 20
"""Characters read from a file or stdin; the parser's own limit is lower and gives the error."""

Statement = Annotated[str | None, typer.Argument(metavar="SQL", help="The statement, or - to read it from stdin.", show_default=False)]
File = Annotated[Path | None, typer.Option("--file", metavar="FILE", help="Read the statement from a file.")]
Role = Annotated[str | None, typer.Option("--role", help="Ask as this role of the policies.")]
Pushdown = Annotated[str, typer.Option("--pushdown", help="on, off, or names of rules: filter,project,limit.")]
Deadline = Annotated[float | None, typer.Option("--deadline", help="Seconds the query may take.")]
OnUnavailableOption = Annotated[str | None, typer.Option("--on-unavailable", help="A hospital is missing: fail, partial or unsound.")]
Partial = Annotated[bool, typer.Option("--partial", help="The same as --on-unavailable partial.")]

_ON_UNAVAILABLE = ("fail", "partial", "unsound")


def query(
    session: Session,
    sql: Statement = None,
    file: File = None,
    form: Annotated[str | None, typer.Option("--format", help="table, json, csv or arrow.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show the plan too.")] = False,
    pushdown: Pushdown = "on",
    on_unavailable: OnUnavailableOption = None,
    partial: Partial = False,
    role: Role = None,
    deadline: Deadline = None,
) -> int:
    """Ask one question in SQL over all hospitals."""
    chosen = _form(session, form)
    session.statement = read_statement(sql, file)
    context = query_context(session, role, pushdown, _on_unavailable(on_unavailable, partial), deadline)
    from gateway.commands.writers import writer_of

    with session.engine() as engine:
        plan: object = None
        if explain:
            explanation = engine.explain(session.statement, context)
            plan = explanation.document
            if chosen != "json":
                session.say(explanation.text)
        started = time.monotonic()
        result = engine.run(session.statement, context)
        rows = write_result(result, writer_of(chosen, session, plan))
        if chosen != "json":
            _say_footer(session, result, rows, time.monotonic() - started)
    return 0 if result.complete else 3


def write_result(result: Result, writer: Writer) -> int:
    """Write an answer to its end; the number of rows. The result is closed, whatever happens."""
    rows = 0
    with Progress() as progress:
        try:
            writer.begin(result)
            for batch in result.batches:
                rows += batch.num_rows
                progress.advance(rows)
                writer.batch(batch)
            writer.end(result)
        finally:
            result.close()
    sys.stdout.flush()
    return rows


def _say_footer(session: Session, result: Result, rows: int, seconds: float) -> None:
    from gateway.commands.footer import footer

    for line in footer(result, rows, seconds):
        session.say(line)


def read_statement(sql: str | None, file: Path | None) -> str:
    """The statement from the argument, a file or stdin. Raises SettingsError F103."""
    if (sql is None) == (file is None):
        raise SettingsError("F103", "give one statement: as SQL, as - for stdin, or with --file", hint='hospital-gateway query "select 1"')
    try:
        if file is not None:
            with file.open(encoding="utf-8") as opened:
                return opened.read(LONGEST_STATEMENT)
        if sql == "-":
            return sys.stdin.read(LONGEST_STATEMENT)
    except (OSError, UnicodeDecodeError):
        raise SettingsError(
            "F103", "the statement cannot be read as UTF-8 text", hint="look at the file's name, mode and encoding"
        ) from None
    assert sql is not None
    return sql


def query_context(session: Session, role: str | None, pushdown: str, on_unavailable: str, deadline: float | None) -> QueryContext:
    """The context of one query from its options. Raises SettingsError F103, DeniedError G103."""
    if deadline is not None and not 0 < deadline <= 86_400:
        raise SettingsError("F103", "--deadline takes seconds above 0, at most 86400")
    if on_unavailable not in _ON_UNAVAILABLE:
        raise SettingsError("F103", "--on-unavailable has an unknown value", hint=near_names(on_unavailable[:40], _ON_UNAVAILABLE))
    principal = session.principal(role)
    from gateway.context import QueryContext

    return QueryContext(
        principal=principal,
        pushdown=pushdown,
        on_unavailable=on_unavailable,  # type: ignore[arg-type]  # checked above
        deadline=session.settings.limits.deadline if deadline is None else deadline,
    )


def _on_unavailable(given: str | None, partial: bool) -> str:
    if partial and given not in (None, "partial"):
        raise SettingsError("F103", "--partial and --on-unavailable contradict each other", hint="give one of them")
    return "partial" if partial else given or "fail"


def _form(session: Session, given: str | None) -> str:
    forms = ("table", "json", "csv", "arrow")
    if session.json and given not in (None, "json"):
        raise SettingsError("F103", "--json and --format contradict each other", hint="give one of them")
    form = "json" if session.json else given or "table"
    if form not in forms:
        raise SettingsError("F103", "--format has an unknown value", hint=near_names(form[:40], forms))
    if form == "arrow" and sys.stdout.isatty():
        raise SettingsError("F103", "an Arrow stream is not for a terminal", hint="send it to a file: > answer.arrows")
    return form
