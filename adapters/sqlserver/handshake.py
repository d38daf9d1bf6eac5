"""Why no TLS connection was made: drivers do not say, so the handshake is tried once more by hand, up to where a login would follow.

FreeTDS has one error, without a number, for a certificate that is not trusted, a server without TLS and a server that ends the connection
because it restarts. The first two are for a person to mend, the last is tried again. TDS packs TLS records into PRELOGIN packets.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping

from adapters.interface import SourceError
from adapters.sqlserver.options import SqlServerOptions

_SECONDS = 3.0
_PRELOGIN, _END_OF_MESSAGE = 0x12, 1
_HEADER = 8
_ENCRYPTION, _LAST = 1, 0xFF
_NOT_SUPPORTED = 2
_LARGEST = 1 << 20

# VERSION at 11, 6 bytes; ENCRYPTION at 17, 1 byte: on.
_HELLO = bytes([0, 0, 11, 0, 6, _ENCRYPTION, 0, 17, 0, 1, _LAST]) + bytes(6) + bytes([1])

_REASONS: Mapping[int, str] = {
    10: "the certificate of the source has expired",
    9: "the certificate of the source is not valid yet",
    62: "the certificate of the source is for another host",
    64: "the certificate of the source is for another host",
}
"""By OpenSSL's verify codes; every other means that no known authority has signed it."""
_NOT_TRUSTED = "the certificate of the source is not signed by a trusted authority"
_NO_TLS = "the source has no TLS, or refuses it"
_HINT = "check the options tls and tls_ca, and the host in the url"


def failure_of(options: SqlServerOptions) -> SourceError:
    """What is wrong with the handshake: S107; or S102, where nothing is (any more). Sends no account. Ends within some seconds."""
    try:
        with socket.create_connection((options.host, options.port), timeout=_SECONDS) as connection:
            connection.settimeout(_SECONDS)
            connection.sendall(_packet(_HELLO))
            if _encryption(_message(connection)) == _NOT_SUPPORTED:
                return SourceError("S107", _NO_TLS, _HINT)
            _shake_hands(connection, options)
    except ssl.SSLCertVerificationError as error:
        return SourceError("S107", _REASONS.get(error.verify_code, _NOT_TRUSTED), _HINT)
    except ssl.SSLError:
        return SourceError("S107", _NO_TLS, _HINT)
    except (OSError, ValueError):
        pass
    return SourceError("S102", "the source ended the connection before the login", transient=True)


def _shake_hands(connection: socket.socket, options: SqlServerOptions) -> None:
    context = ssl.create_default_context(cafile=options.tls.authority)
    if options.tls.mode != "verify":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(received, sent, server_hostname=options.tls.server_name or options.host)
    while True:
        try:
            session.do_handshake()
        except ssl.SSLWantReadError:
            connection.sendall(_packet(sent.read()))
            received.write(_message(connection))
        else:
            return


def _packet(payload: bytes) -> bytes:
    return bytes([_PRELOGIN, _END_OF_MESSAGE]) + (_HEADER + len(payload)).to_bytes(2, "big") + bytes(4) + payload


def _message(connection: socket.socket) -> bytes:
    """The payload of the packets up to the end of a message. Raises OSError, ValueError."""
    payload = b""
    while len(payload) < _LARGEST:
        header = _exactly(connection, _HEADER)
        payload += _exactly(connection, int.from_bytes(header[2:4], "big") - _HEADER)
        if header[1] & _END_OF_MESSAGE:
            return payload
    raise ValueError("a message without an end")


def _exactly(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        more = connection.recv(count - len(found))
        if not more:
            raise ConnectionResetError
        found += more
    return found


def _encryption(prelogin: bytes) -> int:
    """The server's word on encryption. Raises ValueError for what is no PRELOGIN answer."""
    place = 0
    while place + 5 <= len(prelogin) and prelogin[place] != _LAST:
        token, offset = prelogin[place], int.from_bytes(prelogin[place + 1 : place + 3], "big")
        if token == _ENCRYPTION and offset < len(prelogin):
            return prelogin[offset]
        place += 5
    raise ValueError("no word on encryption")
