"""Makes a verb of a function: the global options may stand after the verb as well as before it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.commands.session import Session

Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Settings file (gateway.toml).")]
Catalog = Annotated[Path | None, typer.Option("--catalog", metavar="DIR", help="Folder of mappings.")]
Json = Annotated[bool, typer.Option("--json", help="The answer, or the error, as JSON on stdout.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show the log on stderr.")]
_GLOBAL = {"config": Config, "catalog": Catalog, "json": Json, "verbose": Verbose}


class ReaderGoneError(Exception):
    """The reader of stdout has gone (`| head`)."""


def verb(function: Callable[..., int | None]) -> Callable[..., int | None]:
    """The function without its `session`, with the global options in its place: Typer reads the signature."""
    signature = inspect.signature(function, eval_str=True)
    own = [parameter for name, parameter in signature.parameters.items() if name != "session"]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=False if name in ("json", "verbose") else None)
        for name, kind in _GLOBAL.items()
    ]
    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)

    @wraps(function)
    def command(*, context: typer.Context, **given: Any) -> int | None:
        session: Session = context.find_root().obj
        take_global_options(session, **{name: given.pop(name) for name in _GLOBAL})
        try:
            return function(session, **given)
        except BrokenPipeError:
            raise ReaderGoneError from None  # else Typer ends the process with exit code 1
        except KeyboardInterrupt:
            raise typer.Abort from None  # else Typer ends it without a word

    keyword_only = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    parameters = [context, *keyword_only, *shared]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del command.__wrapped__  # else the original signature is found first
    return command


def take_global_options(
    session: Session, config: Config = None, catalog: Catalog = None, json: Json = False, verbose: Verbose = False
) -> None:
    """What stands after the verb wins over what stands before it."""
    session.config = config or session.config
    session.catalog = catalog or session.catalog
    session.json = session.json or json
    session.verbose = session.verbose or verbose
