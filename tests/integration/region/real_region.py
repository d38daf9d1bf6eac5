"""The example region on real engines: the loaders fill them, gateway.toml puts them in place of the embedded files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.process import ServerFailed

if TYPE_CHECKING:
    from tests.servers.hbase import HBaseServer
    from tests.servers.hive import HiveServer
    from tests.servers.tds import TdsServer

CLONE = Path(__file__).resolve().parents[3]
LOCAL = CLONE / "mappings" / "data" / "three_hospitals" / "local"


@dataclass(frozen=True, slots=True)
class RealRegion:
    """The three servers with the three hospitals' own data, and the settings file over them."""

    hbase: HBaseServer
    hive: HiveServer
    tds: TdsServer
    config: Path
    secrets: dict[str, str]


def load_region(hbase: HBaseServer, hive: HiveServer, tds: TdsServer, folder: Path) -> RealRegion:
    """Fill the servers by the loaders' commands and write gateway.toml. Raises ServerFailed with what a loader said."""
    warehouse = hive.url("hospital_b")
    clinic = f"sqlserver://{tds.host}:{tds.port}/HospitalC"
    secrets = {"HOSP_C_PASSWORD": tds.password}
    loader("hbase", hbase.url, "--data", str(LOCAL / "hospital_a_hbase"))
    loader("hive", warehouse, "--data", str(LOCAL / "hospital_b_hive"), "--files", str(folder / "hospital_b"))
    loader(
        "sqlserver",
        *(clinic, "--user", tds.user, "--password-env", "HOSP_C_PASSWORD", "--data", str(LOCAL / "hospital_c_sqlserver")),
        environment=secrets,
    )
    config = folder / "gateway.toml"
    config.write_text(
        f"""default_role = "demo"

[catalog]
url = {json.dumps(str(CLONE / "mappings"))}

[sources.hosp_a.hbase]
adapter = "hbase"
url = "{hbase.url}"

[sources.hosp_b.hive]
adapter = "hive"
url = "{warehouse}"

[sources.hosp_c.mssql]
adapter = "sqlserver"
url = "{clinic}"

[sources.hosp_c.mssql.options]
user = "{tds.user}"
password = "env:HOSP_C_PASSWORD"
tls = "verify"
tls_ca = "{tds.certificates.authority}"
"""
    )
    return RealRegion(hbase, hive, tds, config, secrets)


def loader(name: str, *arguments: str, environment: dict[str, str] | None = None) -> str:
    """Run docker/loaders/<name>.py as compose does; what it printed."""
    command = [sys.executable, str(CLONE / "docker" / "loaders" / f"{name}.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(environment or {})}, timeout=300, check=False)
    if done.returncode:
        raise ServerFailed(f"the loader of {name} failed: {done.stdout[-500:]} {done.stderr[-2000:]}")
    return done.stdout
