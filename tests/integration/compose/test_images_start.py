"""HBase and HDFS start from the files in docker/ that their containers get, and their health checks tell the truth."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from ruamel.yaml import YAML

from tests.servers.engines import started
from tests.servers.hdfs import HdfsServer
from tests.servers.java import java_home
from tests.servers.maven import jars
from tests.servers.process import ServerProcess, free_port

DOCKER = Path(__file__).resolve().parents[3] / "docker"
SERVICES: dict[str, dict[str, Any]] = YAML(typ="safe").load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))["services"]


def placed(source: Path, target: Path, moved: Mapping[str, str]) -> Path:
    """A copy of a file of docker/ in which the container's places and ports are those of this test."""
    text = source.read_text(encoding="utf-8")
    for inside, here in moved.items():
        text = text.replace(inside, here)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return target


def healthy(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0


@contextmanager
def running(name: str, command: list[str], folder: Path, check: list[str]) -> Iterator[ServerProcess]:
    """The process once its health check says so, which it must not say before."""
    assert not healthy(check)
    process = ServerProcess(name, command, folder, lambda: healthy(check))
    process.start()
    try:
        yield process
    finally:
        process.kill()


@pytest.fixture
def java() -> str:
    """The command; the compiler is beside it."""
    return str(started("Java", lambda: java_home(17)) / "bin" / "java")


def test_hbase_starts_as_its_image_starts_it(tmp_path: Path, java: str) -> None:
    libraries, thrift = started("HBase", lambda: jars("hbase")), str(free_port())
    home, ports = tmp_path / "home", {f">{port}<": f">{free_port()}<" for port in (2181, 16000, 16020)}
    moved = {
        "/opt/hbase/lib": str(libraries),
        "/opt/hbase": str(home),
        "/var/lib/hbase": str(tmp_path / "data"),
        "/tmp/hbase": str(tmp_path),
    } | ports
    for name in ("hbase-site.xml", "log4j.properties"):
        placed(DOCKER / "hbase" / name, home / "conf" / name, moved)
    options = placed(DOCKER / "hbase" / "java.options", home / "java.options", moved)
    subprocess.run([f"{java}c", "-cp", f"{libraries}/*", "-d", home / "classes", DOCKER / "hbase" / "HBase.java"], check=True)
    entry = next(line for line in (DOCKER / "hbase" / "Dockerfile").read_text().splitlines() if line.startswith("ENTRYPOINT"))
    words = YAML(typ="safe").load(entry.removeprefix("ENTRYPOINT "))
    here = {"java": java, "@/opt/hbase/java.options": f"@{options}", "9090": thrift, "0.0.0.0": "127.0.0.1"}
    check = ["bash", str(DOCKER / "hbase" / "health.sh"), thrift]
    with running("hbase", [here.get(word, word) for word in words], tmp_path, check) as process:
        process.pause()
        assert not healthy(check)
        process.resume()
        assert healthy(check)
    assert not healthy(check)


def test_hdfs_starts_from_the_configuration_of_its_containers(tmp_path: Path, java: str) -> None:
    libraries = started("HDFS", lambda: jars("hdfs"))
    rpc, web, data_web = free_port(), str(free_port()), str(free_port())
    configuration = tmp_path / "configuration"
    moved = {"namenode:8020": f"127.0.0.1:{rpc}", "file:///data": f"file://{tmp_path}/data", "/tmp/hadoop": f"{tmp_path}/hadoop"}
    # Ports that containers have for themselves.
    ports = {
        "dfs.namenode.http-address": web,
        "dfs.datanode.http.address": data_web,
        "dfs.datanode.address": "0",
        "dfs.datanode.ipc.address": "0",
    }
    added = "".join(f"<property><name>{name}</name><value>127.0.0.1:{port}</value></property>" for name, port in ports.items())
    placed(DOCKER / "hdfs" / "core-site.xml", configuration / "core-site.xml", moved)
    here = moved | {"<value>datanode</value>": "<value>127.0.0.1</value>", "</configuration>": f"{added}</configuration>"}
    placed(DOCKER / "hdfs" / "hdfs-site.xml", configuration / "hdfs-site.xml", here)
    for webapp in ("hdfs", "datanode", "secondary", "static"):
        (configuration / "webapps" / webapp).mkdir(parents=True)
    opened = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in ("java.lang", "java.nio", "java.util")]
    command = [java, "-Xmx512m", "-XX:TieredStopAtLevel=1", *opened, "-cp", f"{configuration}:{libraries}/*"]
    name_node = [*command, "org.apache.hadoop.hdfs.server.namenode.NameNode"]
    data_node = [*command, "org.apache.hadoop.hdfs.server.datanode.DataNode"]
    subprocess.run([*name_node, "-format", "-force"], check=True, capture_output=True, cwd=tmp_path)
    # The image formats where this folder is missing.
    made = tmp_path / SERVICES["namenode"]["environment"]["ENSURE_NAMENODE_DIR"].lstrip("/")
    assert made.is_dir()
    with (
        running("namenode", name_node, tmp_path, moved_check("namenode", "9870", web)) as process,
        running("datanode", data_node, tmp_path, moved_check("datanode", "9864", data_web)),
    ):
        server = HdfsServer(process, int(web), rpc)
        until = time.monotonic() + 30
        while True:
            try:
                server.call("PUT", "/file", "CREATE", b"hello", user="root", overwrite="true")
                break
            except HTTPError:  # the data node listens, and has yet to report to the name node
                assert time.monotonic() < until
                time.sleep(0.2)
        assert server.call("GET", "/file", "OPEN") == b"hello"


def moved_check(service: str, inside: str, here: str) -> list[str]:
    """The health check of a service, without its CMD, at another port."""
    return [word.replace(inside, here) for word in SERVICES[service]["healthcheck"]["test"][1:]]
