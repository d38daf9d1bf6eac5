"""HiveServer2's Thrift service through impyla's generated classes: imported when the first connection is made."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from adapters.hive.options import HiveOptions
from adapters.interface import ReadContext, SourceError
from adapters.patient_socket import PatientSocket, connect

_BUFFER = 1 << 18
_LONGEST_LOGIN, _LONGEST_ANSWER = 1 << 20, 1 << 30
"""Bytes of one message: what is longer does not come from HiveServer2."""
_LONGEST_LIST = 1 << 24
"""Items. A list is made as long as its answer promises before the first of them is read."""


class Service:
    """One connection: calls of the service by name, and its end. Not for two threads at once."""

    def __init__(self, options: HiveOptions, context: ReadContext) -> None:
        """Connect and log in. Raises S101, S103, S104, S106, S107, S110."""
        self.types = _imported("impala._thrift_gen.TCLIService.ttypes")
        generated = _imported("impala._thrift_gen.ImpalaService.ImpalaHiveServer2Service")
        protocol = _imported("thrift.protocol.TBinaryProtocol")
        self._failures: tuple[type[Exception], ...] = (
            _imported("thrift.Thrift").TException,
            EOFError,
            OSError,
            ValueError,
            TypeError,
            AttributeError,
            OverflowError,
            RecursionError,
            MemoryError,
        )
        self._socket = connect(options.address, options.tls, options.connect_timeout, context)
        try:
            transport = _transport(_Carrier(self._socket), options)
            limits = {"string_length_limit": _LONGEST_ANSWER, "container_length_limit": _LONGEST_LIST}
            self._client = generated.Client(protocol.TBinaryProtocolAccelerated(transport, **limits))
        except BaseException:
            self.close()
            raise

    def call(self, name: str, request: Any, context: ReadContext) -> Any:
        """One call, to its answer; the answer's status is the caller's to read. After an error the connection is of no use."""
        self.send(name, request, context)
        return self.receive(name, context)

    def send(self, name: str, request: Any, context: ReadContext) -> None:
        """The first half of a call: the server works while the caller does something else. Answers come in the order sent."""
        self._guarded(getattr(self._client, f"send_{name}"), context, request)

    def receive(self, name: str, context: ReadContext) -> Any:
        return self._guarded(getattr(self._client, f"recv_{name}"), context)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing has come unasked, such as the connection's end."""
        return self._socket.is_quiet

    def close(self) -> None:
        self._socket.close()

    def _guarded(self, half: Callable[..., Any], context: ReadContext, *arguments: Any) -> Any:
        context.check()
        self._socket.context = context
        try:
            return half(*arguments)
        except self._failures:
            pass  # its text may hold anything
        raise SourceError("S105", "the source's answer could not be understood")


def _imported(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise SourceError("S110", "the driver of Hive is not installed", "pip install 'hospital-gateway[hive]'") from None


class _Carrier:
    """A Thrift transport, by Thrift's names, which is connected from the beginning and holds nothing back."""

    def __init__(self, socket: PatientSocket) -> None:
        self.read, self.write, self.close = socket.receive_some, socket.sendall, socket.close
        self.longest = _LONGEST_LOGIN
        self._receive = socket.receive

    def readAll(self, size: int) -> bytes:  # noqa: N802
        if size > self.longest:
            raise SourceError("S110", "what answers at the source's address does not speak as HiveServer2 does", "options: auth, tls")
        return self._receive(size)

    def isOpen(self) -> bool:  # noqa: N802
        return True

    def open(self) -> None: ...

    def flush(self) -> None: ...


def _transport(connection: _Carrier, options: HiveOptions) -> Any:
    if options.auth == "nosasl":
        return _imported("thrift.transport.TTransport").TBufferedTransport(connection, _BUFFER)
    thrift, sasl, clients = (_imported(name) for name in ("thrift.transport.TTransport", "thrift_sasl", "impala.sasl_compat"))
    mechanism = "GSSAPI" if options.auth == "kerberos" else "PLAIN"

    def client() -> Any:
        # PLAIN wants some password even where the server looks at none.
        account = {} if mechanism == "GSSAPI" else {"username": options.user, "password": options.password or "none"}
        return clients.PureSASLClient(options.address.host, service=options.kerberos_service, **account)

    transport = sasl.TSaslClientTransport(client, mechanism, connection)
    try:
        transport.open()
    except SourceError as error:
        if error.code != "S102":
            raise
        raise SourceError("S101", "the source ended the connection at login", "options: auth, tls", transient=True) from None
    except ImportError:
        raise SourceError("S110", "auth = kerberos needs the Python package kerberos", "pip install kerberos") from None
    except thrift.TTransportException:
        raise SourceError("S106", "the source refused the gateway's account", "options: auth, user, password") from None
    connection.longest = _LONGEST_ANSWER
    return transport
