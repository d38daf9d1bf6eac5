"""PostgreSQL for tests: TLS and SCRAM on loopback, and a database that sorts by English rules, not by code point.

`start(folder)` gives a PostgresServer once it answers. The log is in the folder; the data lie in a folder of their own under the
system's temporary folder, because PostgreSQL refuses to run as root and the folder of a test session is closed to other accounts.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from tests.servers.certificates import Certificates, make_certificates
from tests.servers.process import ServerFailed, ServerProcess, free_port

HOST, DATABASE, USER = "127.0.0.1", "hospital", "gateway"
PASSWORD = "p w'd\\ ☃"  # a blank, a quote, a backslash and a sign beyond ASCII: whoever pastes it into a string trips
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "ssl": "on",
    "ssl_cert_file": "server.pem",
    "ssl_key_file": "server.key",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "log_min_messages": "warning",
    "datestyle": "German, DMY",
    "timezone": "Asia/Kathmandu",  # +05:45: whoever leaves times to the session's zone is off
    "intervalstyle": "sql_standard",
}


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running PostgreSQL. `user` owns everything; tests make lesser accounts themselves."""

    process: ServerProcess
    port: int
    data: Path
    certificates: Certificates
    host: str = HOST
    database: str = DATABASE
    user: str = USER
    password: str = PASSWORD

    @property
    def url(self) -> str:
        return f"postgresql://{self.host}:{self.port}/{self.database}"

    def connect(self, database: str | None = None) -> psycopg.Connection:
        """A connection of the owner, which commits by itself."""
        return psycopg.connect(
            host=self.host,
            port=self.port,
            dbname=database or self.database,
            user=self.user,
            password=self.password,
            autocommit=True,
            connect_timeout=10,
        )

    def pause(self) -> None:
        """Freeze the server and every session: connections stay open, new ones are accepted by the system, nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """kill -9 of the server and every session, at once."""
        found = self._processes()
        self._signal(signal.SIGKILL)
        self.process.kill()
        # Shared memory is free for the next start only when the last session is gone.
        psutil.wait_procs(found, timeout=10)

    def restart(self) -> None:
        """kill -9, then start again over the same data."""
        self.kill()
        self.process.start()

    def stop(self) -> None:
        """End it and throw the data away."""
        self.kill()
        shutil.rmtree(self.data, ignore_errors=True)

    def _processes(self) -> list[psutil.Process]:
        """The server and its sessions; none if it does not run."""
        try:
            server = psutil.Process(self.process.pid)
            return [server, *server.children(recursive=True)]
        except (AssertionError, psutil.NoSuchProcess):
            return []

    def _signal(self, number: signal.Signals) -> None:
        """Each session is a process group of its own, so that a signal to the server's group would miss it."""
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)


def start(folder: Path, **settings: str) -> PostgresServer:
    """A new cluster; `settings` are its own, such as ssl="off". Raises ServerFailed."""
    account = _account()
    data = Path(tempfile.mkdtemp(prefix="gateway-postgres-"))
    atexit.register(shutil.rmtree, data, ignore_errors=True)  # whoever starts one and forgets to stop it
    try:
        certificates = make_certificates(folder / "certificates")
        _make_cluster(data, certificates, account)
        port = free_port()
        options = [f"--{name.replace('_', '-')}={value}" for name, value in {**_SETTINGS, **settings, "port": str(port)}.items()]

        def answers() -> None:
            server.connect("postgres").close()

        process = ServerProcess("postgres", [_binary("postgres"), "-D", str(data), *options], folder, answers, wait=60, user=account)
        server = PostgresServer(process, port, data, certificates)
        process.start()
    except BaseException:
        shutil.rmtree(data, ignore_errors=True)
        raise
    with server.connect("postgres") as connection:
        connection.execute(f'CREATE DATABASE "{DATABASE}"')
    return server


def _make_cluster(data: Path, certificates: Certificates, account: tuple[int, int] | None) -> None:
    password = data.with_name(data.name + ".password")
    password.touch(mode=0o600)
    password.write_text(PASSWORD + "\n")
    if account:
        for path in (data, password):
            os.chown(path, *account)
    command = [_binary("initdb"), "-D", str(data), "-U", USER, f"--pwfile={password}", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
    command += ["--auth=scram-sha-256", "--locale-provider=icu", "--icu-locale=en-US"]
    identity = {} if account is None else {"user": account[0], "group": account[1], "extra_groups": []}
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, **identity)  # type: ignore[call-overload]
    password.unlink()
    if done.returncode:
        raise ServerFailed(f"initdb failed: {done.stderr[-2000:]}")
    for file in (certificates.certificate, certificates.key):
        copied = data / file.name
        shutil.copy(file, copied)
        copied.chmod(0o600)
        if account:
            os.chown(copied, *account)


def _account() -> tuple[int, int] | None:
    """Uid and gid to run as where we are root; None: our own account will do."""
    if os.geteuid():
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
    raise ServerFailed("PostgreSQL refuses root, and there is no account `postgres` or `nobody` to run it as")


def _binary(name: str) -> str:
    """The newest Debian package's program, or the one on the path. Raises ServerFailed."""
    packaged = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = str(packaged[-1]) if packaged else shutil.which(name)
    if found is None:
        raise ServerFailed(f"PostgreSQL's {name} is not installed; on Debian: apt-get install postgresql")
    return found
