"""HiveServer2 4.0.1 for tests: server, metastore on Derby and Tez in local mode in one JVM of JDK 17. About 600 MB after some work.

`start(folder)` gives a HiveServer once it opens a session. Tables are external, over files in the folder; they and the metastore lie
on disk and outlive `kill` and `restart`.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import uuid
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet

from catalog.source_tables import SqlTable
from catalog.types import Type
from tests.servers.java import compiled, java_home, opened
from tests.servers.maven import jars
from tests.servers.process import OneProcess, ServerProcess, free_port

HOST = "127.0.0.1"
_JAVA_BASE = ("lang", "lang.reflect", "util", "util.concurrent", "util.concurrent.atomic", "util.regex", "io", "net", "nio", "text", "time")
_OPENED = (*(f"java.base/java.{package}" for package in _JAVA_BASE), "java.base/sun.nio.ch", "java.sql/java.sql")

Authentication = Literal["NONE", "NOSASL", "CUSTOM"]
FileFormat = Literal["parquet", "orc"]


_KEYSTORE_PASSWORD = "changeit"


@dataclass(slots=True)
class HiveServer(OneProcess):
    """A running HiveServer2 on loopback. `user` and `password` are an account that may do anything."""

    process: ServerProcess
    port: int
    folder: Path
    authentication: Authentication
    host: str = HOST
    user: str = "keeper"
    password: str = "keeps"
    certificate: Path | None = None
    """The PEM file that a client must trust, where the server speaks TLS."""

    def url(self, database: str = "default") -> str:
        return f"hive://{self.host}:{self.port}/{database}"

    def connect(self, database: str = "default") -> Any:
        """A DB-API connection of impyla."""
        from impala.dbapi import connect

        return connect(
            host=self.host,
            port=self.port,
            database=database,
            user=self.user,
            password=self.password,
            auth_mechanism="NOSASL" if self.authentication == "NOSASL" else "PLAIN",
            use_ssl=self.certificate is not None,
            ca_cert=str(self.certificate) if self.certificate else None,
        )

    def run(self, *statements: str, database: str = "default") -> list[tuple[Any, ...]]:
        """Run statements in one session; the rows of the last."""
        rows: list[tuple[Any, ...]] = []
        with closing(self.connect(database)) as connection, closing(connection.cursor()) as cursor:
            for statement in statements:
                cursor.execute(statement)
                rows = cursor.fetchall() if cursor.description else []
        return rows

    def new_database(self) -> str:
        """An empty database with a name of its own."""
        name = f"t_{uuid.uuid4().hex[:12]}"
        self.run(f"CREATE DATABASE {name}")
        return name

    def drop_database(self, name: str) -> None:
        """The database, its tables and their files are gone."""
        for one in (name, f"{name}_below"):
            self.run(f"DROP DATABASE IF EXISTS {one} CASCADE")
            shutil.rmtree(self.folder / "external" / one, ignore_errors=True)

    def load(self, table: SqlTable, rows: pa.Table, database: str, form: FileFormat = "parquet") -> None:
        """Write the rows to a file of this form and make it an external table with the columns that the rows have.

        No file that pyarrow writes can be read as `timestamp with local time zone`: a table with an instant is a view over one
        that holds it as UTC without a zone.
        """
        types = {column.name: column.type for column in table.columns if column.name in rows.schema.names}
        instants = [name for name, type in types.items() if type.name == "timestamp"]
        below = self._database_below(database) if instants else database
        location = self.folder / "external" / below / table.name
        location.mkdir(parents=True)
        write_rows(_without_zones(rows), location / f"part-0.{form}", form)
        columns = {name: "timestamp" if name in instants else hive_type(type) for name, type in types.items()}
        self.create_external(columns, table.name, below, location, form)
        if instants:
            selected = ", ".join(
                f"CAST(CONCAT(CAST(`{name}` AS STRING), ' UTC') AS TIMESTAMP WITH LOCAL TIME ZONE) AS `{name}`"
                if name in instants
                else f"`{name}`"
                for name in types
            )
            self.run(f"CREATE VIEW `{database}`.`{table.name}` AS SELECT {selected} FROM `{below}`.`{table.name}`")

    def _database_below(self, name: str) -> str:
        """The database of the tables that views of a database stand on."""
        below = f"{name}_below"
        self.run(f"CREATE DATABASE IF NOT EXISTS {below}")
        return below

    def create_external(
        self, columns: Mapping[str, str], table: str, database: str, location: Path, form: str, partitions: Mapping[str, str] | None = None
    ) -> None:
        """An external table over files that are there; partition folders are found."""
        listed = ", ".join(f"`{name}` {type}" for name, type in columns.items())
        by = f" PARTITIONED BY ({', '.join(f'`{name}` {type}' for name, type in partitions.items())})" if partitions else ""
        statements = [f"CREATE EXTERNAL TABLE `{database}`.`{table}` ({listed}){by} STORED AS {form.upper()} LOCATION 'file://{location}'"]
        if partitions:
            statements.append(f"MSCK REPAIR TABLE `{database}`.`{table}`")
        self.run(*statements)


def _without_zones(rows: pa.Table) -> pa.Table:
    fields = [field.with_type(pa.timestamp("us")) if str(field.type) == "timestamp[us, tz=UTC]" else field for field in rows.schema]
    return rows.cast(pa.schema(fields))


def write_rows(rows: pa.Table, file: Path, form: FileFormat) -> None:
    if form == "orc":
        pa.orc.write_table(rows, file)
    else:
        pa.parquet.write_table(rows, file, version="2.6", row_group_size=20_000)


_HIVE_TYPES: Mapping[str, str] = {
    "text": "string",
    "uuid": "string",
    "integer": "bigint",
    "bigint": "bigint",
    "double": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp with local time zone",
    "local_timestamp": "timestamp",
    "bytes": "binary",
}


def hive_type(type: Type) -> str:
    """Hive's spelling of a raw type."""
    match type.name:
        case "decimal":
            return f"decimal({type.precision},{type.scale})"
        case "list":
            assert type.element is not None
            return f"array<{hive_type(type.element)}>"
        case "map":
            assert type.key is not None and type.value is not None
            return f"map<{hive_type(type.key)},{hive_type(type.value)}>"
        case "struct":
            return f"struct<{','.join(f'{name}:{hive_type(field)}' for name, field in type.fields)}>"
        case name:
            return _HIVE_TYPES[name]


def start(folder: Path, authentication: Authentication = "NONE") -> HiveServer:
    """Start over the folder's tables. Raises ServerFailed.

    CUSTOM asks for passwords (java/PasswordCheck.java), speaks TLS, and lets nobody but its owner read a table.
    """
    libraries = jars("hive")
    port = free_port()
    secured = authentication == "CUSTOM"
    configuration = _configure(folder, port, authentication)
    class_path = [str(configuration), f"{libraries}/*"]
    certificate = None
    if secured:
        class_path.insert(1, str(compiled("PasswordCheck", libraries, 17, folder / "classes")))
        certificate = make_certificate(folder / "keystore.p12", folder / "certificate.pem")
    command = [
        str(java_home(17) / "bin" / "java"),
        *("-Xms256m", "-Xmx640m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true"),
        "-Duser.timezone=America/New_York",  # times must come right whatever zone the server keeps
        *(f"-Djava.io.tmpdir={folder}/tmp", f"-Dderby.stream.error.file={folder}/derby.log", "-Dderby.system.durability=test"),
        *(f"-Dhadoop.home.dir={folder}", f"-Dlog4j2.configurationFile={configuration}/log4j2.properties"),
        *opened(_OPENED),
        *("-cp", ":".join(class_path), "org.apache.hive.service.server.HiveServer2"),
    ]

    def opens_a_session() -> None:
        socket.create_connection((HOST, port), timeout=5).close()  # impyla would complain in the log for as long as nobody listens
        server.run("SELECT 1")

    process = ServerProcess("hive", command, folder, opens_a_session)
    server = HiveServer(process, port, folder, authentication, certificate=certificate)
    process.start()
    if authentication == "NONE":
        server.run("SELECT x, COUNT(*) FROM (SELECT STACK(2, 1, 2) AS x) s GROUP BY x")  # a server's first job takes far longer than others
    return server


def make_certificate(keystore: Path, certificate: Path) -> Path:
    """A key store with a certificate for 127.0.0.1, and that certificate as PEM."""
    keytool = str(java_home(17) / "bin" / "keytool")
    store = ["-keystore", str(keystore), "-storetype", "PKCS12", "-storepass", _KEYSTORE_PASSWORD, "-alias", "hive"]
    name = ["-dname", "CN=hive", "-ext", "SAN=ip:127.0.0.1"]
    if not keystore.exists():
        subprocess.run([keytool, "-genkeypair", "-keyalg", "RSA", "-validity", "30", *name, *store], check=True, capture_output=True)
    subprocess.run([keytool, "-exportcert", "-rfc", "-file", str(certificate), *store], check=True, capture_output=True)
    return certificate


def _configure(folder: Path, port: int, authentication: Authentication) -> Path:
    """The folder that stands first on the class path."""
    target = folder / "configuration"
    for name in ("configuration", "tmp", "warehouse", "external", "scratch"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    _write_properties(target / "core-site.xml", {"fs.defaultFS": "file:///"})
    _write_properties(target / "mapred-site.xml", {"mapreduce.framework.name": "local", "mapreduce.task.io.sort.mb": "16"})
    _write_properties(
        target / "tez-site.xml",
        {
            "tez.local.mode": "true",
            "tez.local.mode.without.network": "true",
            "tez.ignore.lib.uris": "true",
            "tez.runtime.optimize.local.fetch": "true",
            "tez.runtime.io.sort.mb": "16",
            "tez.staging-dir": f"{folder}/staging",
            "tez.am.sleep.time.before.exit.millis": "0",
        },
    )
    _write_properties(target / "hive-site.xml", _hive_site(folder, port) | _access(folder, authentication))
    (target / "log4j2.properties").write_text(
        "rootLogger.level = WARN\nrootLogger.appenderRef.console.ref = console\n"
        "appender.console.type = Console\nappender.console.name = console\n"
        "appender.console.layout.type = PatternLayout\nappender.console.layout.pattern = %d %p %c: %m%n\n"
    )
    return target


def _hive_site(folder: Path, port: int) -> dict[str, str]:
    return {
        "javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={folder}/metastore;create=true",
        "javax.jdo.option.ConnectionDriverName": "org.apache.derby.jdbc.EmbeddedDriver",
        "datanucleus.schema.autoCreateAll": "true",
        "hive.metastore.schema.verification": "false",
        "hive.metastore.event.db.notification.api.auth": "false",
        "hive.metastore.uris": "",
        "metastore.thrift.bind.host": HOST,
        "hive.metastore.warehouse.dir": f"file://{folder}/warehouse",
        "hive.metastore.warehouse.external.dir": f"file://{folder}/external",
        "hive.exec.scratchdir": f"file://{folder}/scratch",
        "hive.exec.local.scratchdir": f"{folder}/tmp/scratch",
        "hive.user.install.directory": f"file://{folder}/user",
        "hive.server2.thrift.bind.host": HOST,
        "hive.server2.thrift.port": str(port),
        "hive.server2.webui.port": "0",
        "hive.server2.enable.doAs": "false",
        "hive.server2.logging.operation.enabled": "false",
        "hive.server2.max.start.attempts": "1",  # else a failed start waits a minute and tries again
        "hive.server2.tez.initialize.default.sessions": "false",
        "hive.server2.materializedviews.registry.impl": "DUMMY",
        "hive.server2.historic.operation.log.enabled": "false",
        "hive.scheduled.queries.executor.enabled": "false",
        "hive.privilege.synchronizer": "false",
        "hive.support.concurrency": "false",
        "hive.txn.manager": "org.apache.hadoop.hive.ql.lockmgr.DummyTxnManager",
        "hive.stats.autogather": "false",
        "hive.stats.column.autogather": "false",
        "hive.execution.engine": "tez",
        "hive.tez.container.size": "256",
        "hive.exec.submit.local.task.via.child": "false",
        "hive.tez.exec.inplace.progress": "false",
    }


def _access(folder: Path, authentication: Authentication) -> dict[str, str]:
    if authentication != "CUSTOM":
        return {"hive.server2.authentication": authentication}
    return {
        "hive.server2.authentication": "CUSTOM",
        "hive.server2.custom.authentication.class": "PasswordCheck",
        "hive.server2.use.SSL": "true",
        "hive.server2.keystore.path": f"{folder}/keystore.p12",
        "hive.server2.keystore.password": _KEYSTORE_PASSWORD,
        "hive.security.authorization.enabled": "true",
        "hive.security.authorization.manager": "org.apache.hadoop.hive.ql.security.authorization.plugin.sqlstd.SQLStdHiveAuthorizerFactory",
        "hive.security.authenticator.manager": "org.apache.hadoop.hive.ql.security.SessionStateUserAuthenticator",
        "hive.users.in.admin.role": "keeper",
    }


def _write_properties(file: Path, values: Mapping[str, str]) -> None:
    rows = "".join(f"<property><name>{escape(name)}</name><value>{escape(value)}</value></property>" for name, value in values.items())
    file.write_text(f"<configuration>{rows}</configuration>")
