"""HBase 2.6.1 as it is shipped: master, region server, ZooKeeper and the Thrift server in one JVM, on loopback."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers.java import compiled, java_home, opened
from tests.servers.maven import jars
from tests.servers.process import OneProcess, ServerFailed, ServerProcess, free_port

_OPENED = [f"java.base/{name}" for name in ("java.lang", "java.nio", "java.util", "java.lang.reflect", "java.util.concurrent.atomic")]
_OPENED += ["java.base/jdk.internal.ref", "java.base/sun.nio.ch"]
_STORE_PASSWORD = "store-password"  # of a key store that lives as long as the test


class HBaseServer(OneProcess):
    """`port` is Thrift's: framed, or HTTPS where the server is secured; `unframed_port` speaks without frames. `settings`
    are keys of hbase-site.xml."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None, *, framed: bool = True) -> None:
        self.host, self.port, self.unframed_port, self._admin_port = "127.0.0.1", free_port(), free_port(), free_port()
        self._framed = framed
        library = jars("hbase")
        (servlets,) = library.glob("javax.servlet-api-3*.jar")  # before servlet-api-2.5.jar, which Thrift over HTTP cannot use
        classes = compiled("HBaseServer", library, 17, folder / "classes")
        _write_configuration(folder / "conf", {**_settings(folder), **(settings or {})})
        java = [
            str(java_home(17) / "bin" / "java"),
            "-Xmx1g",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Djava.net.preferIPv4Stack=true",
        ]
        flags = [*opened(_OPENED), "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED"]
        flags += ["--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED"]
        flags += ["-Dorg.apache.hbase.thirdparty.io.netty.tryReflectionSetAccessible=true"]
        thrift = ["start", "-p", str(self.port), "--bind", self.host, *(["-f"] if framed else [])]
        command = [*java, *flags, "-cp", f"{folder / 'conf'}:{classes}:{servlets}:{library}/*", "HBaseServer", str(self._admin_port)]
        command += [str(self.unframed_port) if framed else "-", *thrift]
        self.process = ServerProcess("hbase", command, folder, self._ready)
        self.process.start()
        self.start = self.process.start

    @property
    def url(self) -> str:
        return f"thrift://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        self.process.kill()  # SIGTERM takes HBase half a minute, and nothing here outlives the tests

    def create(self, table: str, families: Mapping[str, int] | Sequence[str], splits: Sequence[bytes] = ()) -> None:
        """A table with these families (and how many versions each keeps), cut into regions at `splits`."""
        versions = families if isinstance(families, Mapping) else dict.fromkeys(families, 1)
        named = ",".join(f"{family}={count}" for family, count in versions.items())
        self.command("create", table, named, *([",".join(key.hex() for key in splits)] if splits else []))

    def drop(self, table: str) -> None:
        self.command("drop", table)

    def command(self, *words: str) -> None:
        """One command of HBaseServer.java. Raises ServerFailed."""
        with socket.create_connection((self.host, self._admin_port), timeout=60) as connection:
            connection.sendall((" ".join(words) + "\n").encode())
            answer = connection.makefile("r").readline().strip()
        if answer != "ok":
            raise ServerFailed(f"{' '.join(words)}: {answer or 'HBase went away'}")

    def _ready(self) -> bool:
        """Whether the master answers a command that asks it, and Thrift listens."""
        for port in (self.port, self.unframed_port) if self._framed else (self.port,):
            socket.create_connection((self.host, port), timeout=1).close()
        self.command("drop", "no_such_table")
        return True


def start(folder: Path) -> HBaseServer:
    return HBaseServer(folder)


class SecuredHBaseServer(HBaseServer):
    """Thrift over HTTPS with a certificate of its own authority (`authority`), HBase's access control, and `doAs` for
    everybody but the user `nobody_may_be_me`. What a user may read is granted with `grant`."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        store, self.authority = _key_store(folder / "tls", "localhost")
        _, self.other_authority = _key_store(folder / "other", "localhost")
        super().__init__(folder, {**_secured(store), **(settings or {})}, framed=False)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/"

    def grant(self, user: str, table: str, family: str = "-", actions: str = "R") -> None:
        self.command("grant", user, table, family, actions)


def _settings(folder: Path) -> dict[str, str]:
    data = folder / "data"
    return {
        "hbase.rootdir": f"file://{data}/hbase",
        "hbase.tmp.dir": f"{data}/tmp",
        "hbase.cluster.distributed": "false",
        "hbase.unsafe.stream.capability.enforce": "false",
        "hbase.zookeeper.quorum": "127.0.0.1",
        "hbase.zookeeper.property.clientPort": str(free_port()),
        "hbase.zookeeper.property.dataDir": f"{data}/zookeeper",
        "zookeeper.session.timeout.localHBaseCluster": "40000",  # else a server that was frozen for ten seconds gives up its regions
        "hbase.master.hostname": "localhost",
        "hbase.regionserver.hostname": "localhost",
        "hbase.master.ipc.address": "127.0.0.1",
        "hbase.regionserver.ipc.address": "127.0.0.1",
        "hbase.master.port": str(free_port()),
        "hbase.regionserver.port": str(free_port()),
        "hbase.master.info.port": "-1",
        "hbase.regionserver.info.port": "-1",
        "hbase.thrift.info.port": "-1",
        "hbase.regionserver.handler.count": "10",
    }


def _secured(store: Path) -> dict[str, str]:
    controller = "org.apache.hadoop.hbase.security.access.AccessController"
    coprocessors = {f"hbase.coprocessor.{place}.classes": controller for place in ("master", "region", "regionserver")}
    return {
        **coprocessors,
        "hbase.security.authorization": "true",
        "hbase.superuser": "root",
        "hadoop.proxyuser.root.hosts": "*",
        "hadoop.proxyuser.root.users": "alice,bob",
        "hbase.regionserver.thrift.http": "true",
        "hbase.thrift.support.proxyuser": "true",
        "hbase.thrift.ssl.enabled": "true",
        "hbase.thrift.ssl.keystore.store": str(store),
        "hbase.thrift.ssl.keystore.password": _STORE_PASSWORD,
        "hbase.thrift.ssl.keystore.keypassword": _STORE_PASSWORD,
    }


def _write_configuration(folder: Path, settings: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    properties = "".join(f"<property><name>{name}</name><value>{value}</value></property>\n" for name, value in settings.items())
    (folder / "hbase-site.xml").write_text(f"<configuration>\n{properties}</configuration>\n")
    console = "log4j.appender.console=org.apache.log4j.ConsoleAppender\nlog4j.appender.console.target=System.err\n"
    layout = (
        "log4j.appender.console.layout=org.apache.log4j.PatternLayout\nlog4j.appender.console.layout.ConversionPattern=%d %p %c: %m%n\n"
    )
    (folder / "log4j.properties").write_text(f"log4j.rootLogger=WARN,console\n{console}{layout}")


def _key_store(folder: Path, host: str) -> tuple[Path, Path]:
    """A key store with a certificate for this host, and the certificate to trust, as PEM: it is its own authority."""
    folder.mkdir(parents=True, exist_ok=True)
    store, authority = folder / "store.jks", folder / "authority.pem"
    tool = str(java_home(17) / "bin" / "keytool")
    common = ["-keystore", str(store), "-storetype", "JKS", "-storepass", _STORE_PASSWORD, "-alias", "server", "-noprompt"]
    names = ["-dname", f"CN={host}", "-ext", f"SAN=dns:{host},ip:127.0.0.1", "-ext", "bc:c"]
    for command in (
        ["-genkeypair", "-keyalg", "RSA", "-keysize", "2048", "-validity", "30", "-keypass", _STORE_PASSWORD, *names],
        ["-exportcert", "-rfc", "-file", str(authority)],
    ):
        done = subprocess.run([tool, *command, *common], capture_output=True, text=True)
        if done.returncode:
            raise ServerFailed(f"keytool failed: {done.stdout[-500:]}")
    return store, authority
