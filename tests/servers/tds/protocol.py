"""pysqlbridge's connection up to the login, with the account, the databases and the faults of this server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pysqlbridge.certificate import Certificate
from pysqlbridge.tds.connection import Connection, ConnectionState
from pysqlbridge.tds.token import error_response

from tests.servers.tds.faults import Faults


class Protocol(Connection):
    """pysqlbridge's connection up to the login; what comes after is taken from it whole, message by message."""

    def __init__(self, certificate: Certificate, *, exists: Callable[[str], bool], **options: Any) -> None:
        """`exists` says whether there is a database of that name."""
        super().__init__(certificate, **options)
        self._exists = exists

    def messages(self) -> list[Any]:
        """The whole messages that have arrived since the login."""
        found = []
        while self.state is ConnectionState.READY and (message := self._take_message()) is not None:
            found.append(message)
        return found

    def _step_query(self, responses: list[bytes]) -> bool:
        return False

    def _finish_login(self, responses: list[bytes]) -> None:
        wanted = self.login.database if self.login else ""
        if wanted and not self._exists(wanted):
            text = f'Cannot open database "{wanted}" requested by the login. The login failed.'
            self._send(responses, error_response(4060, text, server=self._server_name, severity=11, tds_version=self._tds_version))
            self._state = ConnectionState.FAILED
            return
        self._database = wanted or self._database
        super()._finish_login(responses)

    def sealed(self, packet: bytes) -> bytes:
        """A packet as it goes over the socket: inside TLS where the session is encrypted."""
        return self._tunnel.wrap(packet) if self._session_encrypted and self._tunnel is not None else packet

    @property
    def number(self) -> int:
        """The session's, as @@SPID tells it."""
        return int(self._spid)

    @property
    def opened(self) -> str:
        """The database that the client asked for."""
        return str(self._database)


class Logins:
    """One account, unless the fault switch refuses it."""

    configured = True

    def __init__(self, faults: Faults, user: str, password: str) -> None:
        self._faults, self._user, self._password = faults, user, password

    def admits(self, user: str, password: str) -> bool:
        return not self._faults.refuse_login and (user, password) == (self._user, self._password)
