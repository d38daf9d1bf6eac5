"""What HBase's errors mean. Its messages are Java stacks: they are searched for the names of classes, and never shown."""

from __future__ import annotations

import logging
import re
from enum import Enum

from adapters.interface import SourceError

_LOG = logging.getLogger(__name__)
_CLASS = re.compile(rb"\b(?:[a-z]\w*\.)+([A-Z]\w*(?:Exception|Error))\b")


class Fault(Enum):
    """One kind of failure that HBase reports while the connection stays in step."""

    NO_TABLE, NO_FAMILY, DISABLED, DENIED, SCANNER, OTHER = range(6)


_MEANINGS = {
    "TableNotFoundException": Fault.NO_TABLE,
    "NamespaceNotFoundException": Fault.NO_TABLE,
    "NoSuchColumnFamilyException": Fault.NO_FAMILY,
    "TableNotEnabledException": Fault.DISABLED,
    "AccessDeniedException": Fault.DENIED,
    # The scanner is gone, its region moved or its server stopped: what has been read stays right, and a new scanner may go on.
    "UnknownScannerException": Fault.SCANNER,
    "LeaseException": Fault.SCANNER,
    "ScannerTimeoutException": Fault.SCANNER,
    "ScannerResetException": Fault.SCANNER,
    "OutOfOrderScannerNextException": Fault.SCANNER,
    "NotServingRegionException": Fault.SCANNER,
    "RegionMovedException": Fault.SCANNER,
    "RegionServerStoppedException": Fault.SCANNER,
    "RegionServerAbortedException": Fault.SCANNER,
}


class HBaseFault(Exception):
    """An error that HBase declared in a whole reply."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.name)
        self.fault = fault


def io_fault(message: bytes) -> HBaseFault:
    """The meaning of an IOError: of the first class in its stack that has one."""
    names = [name.decode("ascii", "replace") for name in _CLASS.findall(message)]
    _LOG.debug("HBase answered with %s", ", ".join(dict.fromkeys(names)) or "an error without a class")
    return HBaseFault(next((_MEANINGS[name] for name in names if name in _MEANINGS), Fault.OTHER))


def source_error(fault: Fault, table: str, missing: str = "", families: str = "") -> SourceError:
    """The error that a user sees. `missing` and `families`: which the table lacks and has, where that is known."""
    match fault:
        case Fault.NO_TABLE:
            return SourceError("S120", f"the table {table} is not in HBase", "compare the tables of the source in node.yaml with HBase")
        case Fault.NO_FAMILY:
            fact = f"the table {table} has no family {missing}" if missing else f"the table {table} lacks a declared family"
            return SourceError("S120", fact, f"its families are: {families}" if families else "compare node.yaml with HBase")
        case Fault.DISABLED:
            return SourceError("S105", f"the table {table} is disabled in HBase")
        case Fault.DENIED:
            return SourceError("S108", f"the account may not read the table {table}", "a right R on its declared families is needed")
        case Fault.SCANNER:
            return SourceError("S105", f"HBase cannot reach a part of the table {table}", "look at its region servers")
        case Fault.OTHER:
            return SourceError("S105", f"HBase failed while it read the table {table}", "look at the log of its Thrift server")
