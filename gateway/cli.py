"""The command line: the verbs, and how an error leaves the process. Heavy packages are imported by the verbs that need them."""

from __future__ import annotations

import json
import logging
import os
import secrets
import sys
from collections.abc import Callable, Sequence

import typer

from gateway.commands import account, catalog, sources
from gateway.commands.demo import demo
from gateway.commands.doctor import doctor
from gateway.commands.error import error
from gateway.commands.explain import explain
from gateway.commands.query import query
from gateway.commands.session import Session
from gateway.commands.verb import Catalog, Config, Json, ReaderGoneError, Verbose, take_global_options, verb
from gateway.commands.version import version
from gateway.errors import SettingsError
from gateway.process_log import describe_exception, log_to_stderr, process_log
from gateway.report import exit_code, is_expected, reports_of

_logger = logging.getLogger(__name__)

app = typer.Typer(
    name="hospital-gateway",
    help="One SQL database over many hospitals.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def _global_options(
    context: typer.Context, config: Config = None, catalog: Catalog = None, json: Json = False, verbose: Verbose = False
) -> None:
    take_global_options(context.obj, config, catalog, json, verbose)


_Verbs = dict[str, Callable[..., int | None]]

_VERBS: _Verbs = {"demo": demo, "query": query, "explain": explain, "error": error, "doctor": doctor, "version": version}
_GROUPS: dict[str, tuple[str, _Verbs]] = {
    "catalog": ("The mapping files.", {"check": catalog.check, "schema": catalog.schema}),
    "sources": ("The hospitals' databases.", {"list": sources.list_sources, "ping": sources.ping, "describe": sources.describe}),
    "account": ("Callers of the front doors.", {"add": account.add}),
}

for _name, _function in _VERBS.items():
    app.command(_name)(verb(_function))
for _group_name, (_help, _verbs) in _GROUPS.items():
    _group = typer.Typer(help=_help, no_args_is_help=True, rich_markup_mode=None)
    for _name, _function in _verbs.items():
        _group.command(_name)(verb(_function))
    app.add_typer(_group, name=_group_name)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code (design: 0 ok … 130 interrupted)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    session = Session()
    session.json = "--json" in arguments  # for errors of the call itself; the verb reads it again
    with process_log():
        verbose = log_to_stderr() if "--verbose" in arguments else None
        try:
            return _run(arguments, session)
        finally:
            if verbose is not None:
                logging.getLogger().removeHandler(verbose)


def _run(arguments: list[str], session: Session) -> int:
    try:
        code = app(arguments, prog_name="hospital-gateway", standalone_mode=False, obj=session)
        sys.stdout.flush()
    except (BrokenPipeError, ReaderGoneError):
        return _leave_quietly()
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        return 130
    except typer.TyperException as usage:
        return _usage(usage, session)
    except Exception as failure:  # noqa: BLE001  the last stop of every error: whatever it is must become a code, not a traceback
        return _fail(failure, session)
    return code if isinstance(code, int) else 0


def _leave_quietly() -> int:
    """The reader of a pipe has gone (`| head`): nobody is left to tell. What is still buffered must not fail at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    return 0


def _usage(usage: typer.TyperException, session: Session) -> int:
    context = getattr(usage, "ctx", None)
    command = context.command_path if context is not None else "hospital-gateway"
    if type(usage).__name__ == "NoArgsIsHelpError":
        print(usage.format_message(), file=sys.stderr)
        return 2
    fact = usage.format_message().rstrip(".")
    return _fail(SettingsError("F103", fact[:1].lower() + fact[1:], hint=f"{command} --help shows how it is called"), session)


def _fail(failure: Exception, session: Session) -> int:
    log_id = ""
    if not is_expected(failure):
        log_id = secrets.token_hex(4)
        _logger.error("id=%s %s", log_id, describe_exception(failure))
    reports = reports_of(failure, session.statement, log_id)
    try:
        sys.stdout.flush()
        if session.json:
            document = {"error": reports[0].document()} | ({"errors": [r.document() for r in reports]} if len(reports) > 1 else {})
            print(json.dumps(document, ensure_ascii=False), file=sys.stderr if session.data_started else sys.stdout, flush=True)
        else:
            print("\n\n".join(report.text() for report in reports), file=sys.stderr, flush=True)
    except BrokenPipeError:
        _leave_quietly()
    return exit_code(failure)
