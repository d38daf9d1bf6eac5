"""An answer on its way: tokens gathered into packets, sent as soon as a packet is full, inside TLS where the session is encrypted."""

from __future__ import annotations

import socket
import threading

from pysqlbridge.tds.packet import DEFAULT_PACKET_SIZE, HEADER_SIZE, PacketStatus, PacketType, build_packet

from tests.servers.tds.protocol import Protocol

_BODY = DEFAULT_PACKET_SIZE - HEADER_SIZE


class MessageWriter:
    """`sealing` is held while TLS is used: the thread that reads uses it too."""

    def __init__(self, client: socket.socket, protocol: Protocol, sealing: threading.Lock) -> None:
        self._client, self._protocol, self._sealing = client, protocol, sealing
        self._buffer = bytearray()

    def put(self, tokens: bytes) -> None:
        """Tokens of the answer; whole packets leave at once. Raises OSError when the client is gone."""
        self._buffer += tokens
        while len(self._buffer) > _BODY:
            packet = bytes(self._buffer[:_BODY])
            del self._buffer[:_BODY]
            self._send(packet, PacketStatus.NORMAL)

    def flush(self, *, final: bool = True) -> None:
        """Send what is gathered; `final` ends the message."""
        packet = bytes(self._buffer)
        self._buffer.clear()
        self._send(packet, PacketStatus.END_OF_MESSAGE if final else PacketStatus.NORMAL)

    def _send(self, payload: bytes, status: PacketStatus) -> None:
        packet = build_packet(PacketType.TABULAR_RESULT, payload, status=status, spid=self._protocol.number)
        with self._sealing:
            sealed = self._protocol.sealed(packet)
        self._client.sendall(sealed)
