"""Trino 476 for tests: a coordinator alone in one JVM of 1 GB. About 10 s to start, 0.8 GB.

`start(folder)` -> TrinoServer. Catalogs: `memory` (its tables are gone after a kill), `tpch`, and `hive` over Parquet files with a
metastore of files (they outlive a kill). HTTP takes any user without a password; HTTPS wants the password of a file, or a JWT.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import shutil
import subprocess
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.servers.java import java_home
from tests.servers.maven import artifact, cache, locked
from tests.servers.process import OneProcess, ServerFailed, ServerProcess, free_port

VERSION = "476"
PLUGINS = ("hive", "memory", "password-authenticators", "tpch")
USER, PASSWORD = "gateway", "correct horse battery"
FORBIDDEN = "forbidden"
"""No account but `test`, which may make it, may read a table of this name."""

_JVM = (
    "-server",
    "-Xmx1g",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djdk.attach.allowAttachSelf=true",
    "--add-modules=jdk.incubator.vector",
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
)
_ITERATIONS = 1_000
"""Rounds of PBKDF2 for the password file; Trino takes no fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrinoServer(OneProcess):
    """A running Trino on loopback; after a restart the tables of `memory` are gone. `certificate` (PEM) signs itself and names
    127.0.0.1 and localhost; `warehouse` is local:/// of catalog `hive`."""

    host: str
    port: int
    tls_port: int
    certificate: Path
    jwt_secret: bytes
    warehouse: Path
    process: ServerProcess

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> Path:
        return self.process.log

    def url(self, catalog: str, schema: str) -> str:
        return f"trino://{self.host}:{self.port}/{catalog}/{schema}"

    def tls_url(self, catalog: str, schema: str) -> str:
        return f"trino://{self.host}:{self.tls_port}/{catalog}/{schema}"

    def jwt(self, subject: str, *, seconds: int = 600) -> str:
        """A token that this server takes for `seconds` from now."""
        parts = [{"alg": "HS256", "typ": "JWT"}, {"sub": subject, "exp": int(time.time()) + seconds}]
        signed = b".".join(_base64url(json.dumps(part).encode()) for part in parts)
        return (signed + b"." + _base64url(hmac.digest(self.jwt_secret, signed, "sha256"))).decode()

    def execute(self, sql: str) -> list[list[object]]:
        """Every row of a statement, as Trino writes them in JSON. Raises RuntimeError with Trino's message."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        headers = {"X-Trino-User": "test", "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME", "X-Trino-Time-Zone": "UTC"}
        try:
            connection.request("POST", "/v1/statement", sql.encode(), headers)
            rows: list[list[object]] = []
            while True:
                page = json.loads(connection.getresponse().read())
                if "error" in page:
                    raise RuntimeError(page["error"]["message"])
                rows += page.get("data") or []
                if "nextUri" not in page:
                    return rows
                connection.request("GET", page["nextUri"].split(f":{self.port}", 1)[1], headers=headers)
        finally:
            connection.close()

    def stop(self) -> None:
        self.process.stop(patience=1)


def start(folder: Path) -> TrinoServer:
    """A Trino that answers queries. Raises ServerFailed."""
    home, java = _installed(), java_home(25)
    port, tls_port = free_port(), free_port()
    jwt_secret = secrets.token_bytes(32)
    _write_configuration(folder, home, port, tls_port, jwt_secret)
    command = [
        str(java / "bin" / "java"),
        *_JVM,
        f"-Dconfig={folder}/etc/config.properties",
        f"-Dlog.levels-file={folder}/etc/log.properties",
    ]
    command += ["-cp", f"{home}/lib/*", "io.trino.server.TrinoServer"]
    server: TrinoServer
    process = ServerProcess("trino", command, folder, ready=lambda: bool(server.execute("SELECT count(*) FROM tpch.tiny.nation")), wait=240)
    server = TrinoServer(
        host="127.0.0.1",
        port=port,
        tls_port=tls_port,
        certificate=folder / "etc" / "certificate.pem",
        jwt_secret=jwt_secret,
        warehouse=folder / "warehouse",
        process=process,
    )
    process.start()
    return server


def _installed() -> Path:
    """The unpacked server with no more than the wanted plugins, in the cache."""
    target = cache() / f"trino-server-{VERSION}"
    wanted = tuple(f"plugin/{name}" for name in PLUGINS)
    with locked(f"trino-server-{VERSION}"):
        if all((target / plugin).is_dir() for plugin in wanted):
            return target
        packed = artifact(f"io.trino:trino-server:{VERSION}:tar.gz")
        shutil.rmtree(target, ignore_errors=True)
        made = target.with_name(target.name + ".part")
        shutil.rmtree(made, ignore_errors=True)
        with tarfile.open(packed) as tar:
            for member in tar:
                path = member.name.partition("/")[2]
                if path.startswith(("lib/", *(f"{plugin}/" for plugin in wanted))):
                    tar.extract(member, made, filter="data")
        (made / f"trino-server-{VERSION}").rename(target)
        shutil.rmtree(made, ignore_errors=True)
        packed.unlink()  # 820 MB that nothing needs any more
    return target


def _write_configuration(folder: Path, home: Path, port: int, tls_port: int, jwt_secret: bytes) -> None:
    etc, warehouse = folder / "etc", folder / "warehouse"
    for made in (etc / "catalog", warehouse, folder / "secrets-plugin"):
        made.mkdir(parents=True, exist_ok=True)
    _make_certificate(etc)
    (etc / "passwords").write_text(f"{USER}:{_password_line(PASSWORD)}\n")
    (etc / "jwt.key").write_text(base64.b64encode(jwt_secret).decode())
    (etc / "rules.json").write_text(json.dumps(_RULES))
    _properties(
        etc / "config.properties",
        {
            "coordinator": "true",
            "node-scheduler.include-coordinator": "true",
            "node.environment": "test",
            "node.id": "test",
            "node.bind-ip": "127.0.0.1",  # without it every interface is listened on
            "node.internal-address": "127.0.0.1",
            "http-server.http.port": f"{port}",
            "http-server.https.enabled": "true",
            "http-server.https.port": f"{tls_port}",
            "http-server.https.keystore.path": f"{etc}/keystore.pem",
            "http-server.authentication.type": "PASSWORD,JWT",
            "http-server.authentication.allow-insecure-over-http": "true",
            "http-server.authentication.jwt.key-file": f"{etc}/jwt.key",
            "internal-communication.shared-secret": secrets.token_hex(32),
            "discovery.uri": f"http://127.0.0.1:{port}",
            "plugin.dir": f"{home}/plugin",
            "query.max-memory": "600MB",
            "query.max-memory-per-node": "600MB",
            "memory.heap-headroom-per-node": "300MB",
            "task.concurrency": "2",
        },
    )
    _properties(
        etc / "password-authenticator.properties", {"password-authenticator.name": "file", "file.password-file": f"{etc}/passwords"}
    )
    _properties(etc / "access-control.properties", {"access-control.name": "file", "security.config-file": f"{etc}/rules.json"})
    _properties(etc / "log.properties", {"io.trino": "WARN", "io.airlift": "WARN"})
    _properties(etc / "catalog" / "memory.properties", {"connector.name": "memory", "memory.max-data-per-node": "256MB"})
    _properties(etc / "catalog" / "tpch.properties", {"connector.name": "tpch"})
    _properties(
        etc / "catalog" / "hive.properties",
        {
            "connector.name": "hive",
            "hive.metastore": "file",
            "hive.metastore.catalog.dir": "local:///metastore",
            "hive.timestamp-precision": "NANOSECONDS",
            "fs.native-local.enabled": "true",
            "local.location": f"{warehouse}",
        },
    )


_RULES = {
    "procedures": [{"privileges": ["EXECUTE"]}],
    "tables": [
        {"table": FORBIDDEN, "user": "test", "privileges": ["SELECT", "INSERT", "OWNERSHIP"]},
        {"table": FORBIDDEN, "privileges": []},
        {"privileges": ["SELECT", "INSERT", "OWNERSHIP"]},
    ],
}


def _properties(path: Path, values: Mapping[str, str]) -> None:
    path.write_text("".join(f"{key}={value}\n" for key, value in values.items()), "utf-8")


def _make_certificate(folder: Path) -> None:
    """keystore.pem (key and certificate, for the server) and certificate.pem (what clients trust)."""
    if (folder / "keystore.pem").exists():
        return
    openssl = shutil.which("openssl")
    if openssl is None:
        raise ServerFailed("openssl is needed to make a certificate; on Debian: apt-get install openssl")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=trino.test"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "keystore.pem").write_text(key.read_text() + certificate.read_text())


def _password_line(password: str) -> str:
    """iterations:salt:hash, one of the two forms that Trino's file authenticator takes."""
    salt = secrets.token_bytes(16)
    return f"{_ITERATIONS}:{salt.hex()}:{hashlib.pbkdf2_hmac('sha1', password.encode(), salt, _ITERATIONS, 32).hex()}"


def _base64url(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
