"""pyodbc, imported when the first connection is made."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from adapters.interface import SourceError


@cache
def pyodbc() -> Any:
    """The module; its own pooling is off, because it keeps connections that are half read. Raises SourceError S110."""
    try:
        module: Any = import_module("pyodbc")
    except ImportError:  # the package is missing, or the driver manager that it is linked to
        raise SourceError("S110", "pyodbc cannot be loaded", "pip install 'hospital-gateway[sqlserver]'; apt install unixodbc") from None
    module.pooling = False
    return module
