"""A server process of the test session: started, waited for, frozen, killed and started again, and gone when the session is."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)
_LIBC = ctypes.CDLL(None)


class ServerFailed(RuntimeError):
    """A server did not start, with the end of its log."""


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServerProcess:
    """One process (or group of processes). `ready` raises, or answers False, until the server answers."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        ready: Callable[[], bool | None],
        *,
        environment: Mapping[str, str] | None = None,
        wait: float = 120,
        user: tuple[int, int] | None = None,
    ) -> None:
        self.name, self.folder = name, folder
        self._command, self._ready, self._wait, self._user = list(command), ready, wait, user
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} does not run"
        return self._process.pid

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        """Start and wait until it answers. Raises ServerFailed with the end of the log."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=self._in_child,
            )
        until = time.monotonic() + self._wait
        last: Exception | None = None
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise ServerFailed(f"{self.name} ended with {self._process.returncode}\n{self._end_of_log()}")
            try:
                if self._ready() is not False:
                    return
            except Exception as error:  # noqa: BLE001  whatever a client raises while the server is not up yet
                last = error
            time.sleep(0.1)
        self.kill()
        raise ServerFailed(f"{self.name} did not answer within {self._wait:.0f} s: {last!r}\n{self._end_of_log()}")

    def _in_child(self) -> None:
        os.setsid()
        _LIBC.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        if self._user is not None:
            uid, gid = self._user
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
            _LIBC.prctl(_DIE_WITH_PARENT, signal.SIGKILL)  # a change of user takes it away

    def _end_of_log(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])

    def pause(self) -> None:
        """Freeze: connections stay open and nothing answers."""
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """kill -9, at once."""
        if self._process is None:
            return
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def restart(self) -> None:
        self.kill()
        self.start()

    def stop(self, patience: float = 5) -> None:
        """SIGTERM, and kill -9 when that was not enough."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self.resume()
            os.killpg(self._process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        self.kill()


class OneProcess:
    """A server that is one process: what tests do to it. Data in its folder outlive `kill` and `restart`."""

    __slots__ = ()
    process: ServerProcess

    def pause(self) -> None:
        """Freeze: connections stay open and nothing answers."""
        self.process.pause()

    def resume(self) -> None:
        self.process.resume()

    def kill(self) -> None:
        self.process.kill()

    def restart(self) -> None:
        """kill -9, then start again."""
        self.process.restart()

    def stop(self) -> None:
        self.process.stop()
