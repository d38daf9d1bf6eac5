"""HDFS 3.4.1 for tests: a NameNode and a DataNode in one JVM, reached through WebHDFS. About 350 MB.

`start(folder)` gives an HdfsServer once it accepts a write. Its data lies in the folder and outlives `kill` and `restart`.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

from tests.servers.java import compiled, java_home, opened
from tests.servers.maven import jars
from tests.servers.process import OneProcess, ServerProcess, free_port

HOST = "127.0.0.1"
SUPERUSER = "hdfs"
_OPENED_PACKAGES = ("java.base/java.lang", "java.base/java.nio", "java.base/java.util")
# The jars lack the pages that the embedded web servers want to find on the class path.
_EMPTY_WEBAPPS = ("hdfs", "datanode", "secondary", "static")


@dataclass(frozen=True, slots=True)
class HdfsServer(OneProcess):
    """A running HDFS. WebHDFS answers on `port` and sends whoever reads or writes on to the DataNode; both are on loopback."""

    process: ServerProcess
    port: int
    rpc_port: int
    host: str = HOST

    @property
    def url(self) -> str:
        """WebHDFS without a path."""
        return f"http://{self.host}:{self.port}/webhdfs/v1"

    def call(
        self,
        method: str,
        path: str,
        operation: str,
        body: bytes = b"",
        *,
        user: str = SUPERUSER,
        patience: float = 30,
        **parameters: str,
    ) -> Any:
        """One WebHDFS operation's JSON, the bytes that OPEN gives, or None for an empty answer. Raises HTTPError, URLError, TimeoutError.

        Contents go to and come from the DataNode that the NameNode names. `patience`: seconds a silent server is waited for.
        """
        query = urlencode({"op": operation, "user.name": user, "noredirect": "true", **parameters})
        answer = _answer(method, f"{self.url}{quote(path)}?{query}", None, patience)
        if operation == "OPEN":
            return _answer(method, json.loads(answer)["Location"], None, patience)
        if operation in ("CREATE", "APPEND"):
            answer = _answer(method, json.loads(answer)["Location"], body, patience)
        return json.loads(answer) if answer else None


def start(folder: Path) -> HdfsServer:
    """Start over the folder's data, formatted if there is none. Raises ServerFailed."""
    libraries = jars("hdfs")
    http_port, rpc_port, data_port = free_port(), free_port(), free_port()
    classes = compiled("HdfsServer", libraries, 17, folder / "classes")
    configuration = _configure(folder, http_port, rpc_port, data_port)
    command = [
        str(java_home(17) / "bin" / "java"),
        *("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true"),
        *opened(_OPENED_PACKAGES),
        *("-cp", f"{configuration}:{classes}:{libraries}/*", "HdfsServer"),
    ]

    def accepts_a_write() -> None:
        # The NameNode answers before the DataNode has registered, and refuses writes while it is in safe mode.
        server.call("PUT", "/.ready", "CREATE", b"", overwrite="true")

    process = ServerProcess("hdfs", command, folder, accepts_a_write, environment={"HADOOP_USER_NAME": SUPERUSER})
    server = HdfsServer(process, http_port, rpc_port)
    process.start()
    return server


def _configure(folder: Path, http_port: int, rpc_port: int, data_port: int) -> Path:
    """The folder that stands first on the class path."""
    target = folder / "configuration"
    for webapp in _EMPTY_WEBAPPS:
        (target / "webapps" / webapp).mkdir(parents=True, exist_ok=True)
    _write_properties(target / "core-site.xml", {"fs.defaultFS": f"hdfs://{HOST}:{rpc_port}", "hadoop.tmp.dir": str(folder / "temporary")})
    _write_properties(
        target / "hdfs-site.xml",
        {
            "dfs.namenode.name.dir": f"file://{folder}/names",
            "dfs.namenode.rpc-address": f"{HOST}:{rpc_port}",
            "dfs.namenode.http-address": f"{HOST}:{http_port}",
            "dfs.namenode.handler.count": "4",
            "dfs.namenode.safemode.extension": "0",
            "dfs.namenode.datanode.registration.ip-hostname-check": "false",
            "dfs.datanode.data.dir": f"file://{folder}/blocks",
            "dfs.datanode.address": f"{HOST}:0",
            "dfs.datanode.ipc.address": f"{HOST}:0",
            "dfs.datanode.http.address": f"{HOST}:{data_port}",
            "dfs.datanode.hostname": HOST,
            "dfs.replication": "1",
            "dfs.client.block.write.locateFollowingBlock.initial.delay.ms": "10",  # the default of 400 is paid by every small write
        },
    )
    (target / "log4j.properties").write_text(
        "log4j.rootLogger=WARN, console\nlog4j.appender.console=org.apache.log4j.ConsoleAppender\n"
        "log4j.appender.console.layout=org.apache.log4j.PatternLayout\nlog4j.appender.console.layout.ConversionPattern=%d %p %c: %m%n\n"
    )
    return target


def _write_properties(file: Path, values: Mapping[str, str]) -> None:
    rows = "".join(f"<property><name>{escape(name)}</name><value>{escape(value)}</value></property>" for name, value in values.items())
    file.write_text(f"<configuration>{rows}</configuration>")


def _answer(method: str, url: str, body: bytes | None, patience: float) -> bytes:
    ascii_url = quote(url, safe="%/:?&=")  # a Location is percent-encoded, but for signs beyond ASCII
    request = urllib.request.Request(ascii_url, data=body, method=method, headers={"Content-Type": "application/octet-stream"})
    try:
        with urllib.request.urlopen(request, timeout=patience) as answer:
            found: bytes = answer.read()
    except HTTPError as error:
        error.close()
        raise
    return found
