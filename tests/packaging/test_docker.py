"""The container files name what is there, pin what they fetch, open nothing to the world and hold no secret.

No test starts a container. compose-spec.json is the Compose Specification's schema as compose-go 2.16.2 has it (Apache-2.0).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import jsonschema
import pytest
from ruamel.yaml import YAML

from gateway.app import open_snapshot, open_sources
from gateway.settings import load_settings

CLONE = Path(__file__).resolve().parents[2]
DOCKER = CLONE / "docker"
COMPOSE = DOCKER / "compose.yaml"
SECRETS = ("MSSQL_SA_PASSWORD", "HOSP_C_PASSWORD")
# Images whose own start needs more rights than these services are left with: sqlservr has file capabilities, Hadoop's calls sudo.
MORE_RIGHTS = {"mssql", "namenode", "datanode"}


def read_compose() -> dict[str, Any]:
    document: dict[str, Any] = YAML(typ="safe").load(COMPOSE.read_text(encoding="utf-8"))
    return document


SERVICES: dict[str, dict[str, Any]] = read_compose()["services"]
DOCKERFILES = sorted(DOCKER.rglob("Dockerfile"))


def mounts(service: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Source, target and mode of each volume."""
    for volume in service.get("volumes", []):
        source, target, *mode = volume.split(":")
        yield source, target, mode[0] if mode else "rw"


def instructions(dockerfile: Path, name: str) -> list[str]:
    text = dockerfile.read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(rf"^{name} (.+)$", text, re.MULTILINE)


def copied(dockerfile: Path) -> list[str]:
    """The paths of the clone that a build copies."""
    lines = [line for line in instructions(dockerfile, "COPY") if not line.startswith("--from")]
    return [name for line in lines for name in line.split()[:-1]]


# ------------------------------------------------------------------------------------------------------ compose.yaml


def test_the_compose_file_is_of_the_compose_specification() -> None:
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text(encoding="utf-8"))
    jsonschema.validate(read_compose(), schema)


def compose_command() -> list[str]:
    """Compose itself, which reads files without a daemon."""
    docker = shutil.which("docker")
    if docker is not None and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0:
        return [docker, "compose"]
    beside = Path(sys.executable).with_name("docker-compose")
    standalone = str(beside) if beside.exists() else shutil.which("docker-compose")
    if standalone is None or b"version v" not in subprocess.run([standalone, "version"], capture_output=True, check=False).stdout:
        pytest.skip("neither `docker compose` nor a `docker-compose` of version 2 or later is here")
    return [standalone]


@pytest.mark.parametrize("profile", ["", "engines"])
def test_compose_reads_its_file_without_any_variable(profile: str) -> None:
    command = [*compose_command(), "-f", str(COMPOSE), *(["--profile", profile] if profile else []), "config", "--services"]
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == (set(SERVICES) if profile else {"gateway"})


def test_the_gateway_runs_alone_and_everything_else_is_of_the_profile_engines() -> None:
    assert {name for name, service in SERVICES.items() if service.get("profiles") != ["engines"]} == {"gateway"}
    assert "depends_on" not in SERVICES["gateway"]
    assert all(value is not None for value in SERVICES["gateway"]["environment"].values())


def test_every_image_has_the_tag_of_a_version() -> None:
    images = [service["image"] for service in SERVICES.values() if "image" in service]
    for dockerfile in DOCKERFILES:
        images += [line.split(" AS ")[0] for line in instructions(dockerfile, "FROM")]
    assert len(images) >= 7
    for image in images:
        tag = image.rpartition(":")[2] if ":" in image.rpartition("/")[2] else ""
        assert re.search(r"\d", tag), f"{image} has no version"
        assert "latest" not in tag


def test_what_is_built_is_not_looked_for_in_a_registry() -> None:
    for name, service in SERVICES.items():
        assert ("build" in service) != ("image" in service), name


def test_what_is_built_or_mounted_is_there() -> None:
    for name, service in SERVICES.items():
        if "build" in service:
            context = (DOCKER / service["build"]["context"]).resolve()
            assert context == CLONE
            assert (context / service["build"]["dockerfile"]).is_file(), name
        for source, _, mode in mounts(service):
            if source.startswith("."):
                assert (DOCKER / source).exists(), f"{name} mounts {source}"
                assert mode == "ro", f"{name} may write to {source}"


def test_every_volume_is_declared_and_used() -> None:
    used = [source for service in SERVICES.values() for source, _, _ in mounts(service) if not source.startswith(".")]
    assert sorted(used) == sorted(read_compose()["volumes"])


def test_ports_are_open_to_this_machine_only_and_each_once() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)
    published = [port.split(":")[1] for port in ports]
    assert len(published) == len(set(published)) > 4


def test_who_waits_waits_for_what_can_come_true() -> None:
    for name, service in SERVICES.items():
        for awaited, how in service.get("depends_on", {}).items():
            assert awaited in SERVICES, f"{name} waits for {awaited}"
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[awaited], f"{awaited} is never healthy"
            else:
                assert how["condition"] == "service_completed_successfully"
                assert SERVICES[awaited]["restart"] == "no", f"{awaited} never ends"


def test_the_region_waits_for_the_data_of_every_hospital() -> None:
    def all_awaited(name: str) -> set[str]:
        direct = set(SERVICES[name].get("depends_on", {}))
        return direct.union(*map(all_awaited, direct))

    assert all_awaited("region") >= {name for name in SERVICES if name.startswith("seed-")} | {"settings"}


def test_services_have_few_rights_and_bounded_memory() -> None:
    for name, service in SERVICES.items():
        assert "mem_limit" in service, name
        assert not {"privileged", "cap_add", "network_mode", "pid", "user", "devices"} & set(service), name
        if name not in MORE_RIGHTS:
            assert service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name
        if "build" in service:
            assert service["read_only"] is True, name


def test_no_secret_stands_in_the_file() -> None:
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            assert value is None or not re.search(r"password|secret|token|key", variable, re.IGNORECASE), variable


def test_nobody_gets_a_secret_that_is_not_asked_for() -> None:
    variables = [item for service in SERVICES.values() for item in service.get("environment", {}).items()]
    passed_on = {name for name, value in variables if value is None}
    assert passed_on == {"ACCEPT_EULA", *SECRETS} == set(SERVICES["settings"]["environment"])


GOOD = {"ACCEPT_EULA": "Y", "MSSQL_SA_PASSWORD": "of ' any $(sign)", "HOSP_C_PASSWORD": "Az09._~@%^+-"}


@pytest.mark.parametrize(
    ("environment", "blamed"),
    [
        (GOOD, ""),
        *((GOOD | {name: ""}, name) for name in GOOD),
        *((GOOD | {"HOSP_C_PASSWORD": bad}, "HOSP_C_PASSWORD") for bad in ("a'b", "a$(b)", 'a"b', "a b", "a;b", "ä")),
    ],
)
def test_the_settings_service_says_what_is_missing(environment: dict[str, str], blamed: str) -> None:
    service = SERVICES["settings"]
    command = [*service["entrypoint"], *(word.replace("$$", "$") for word in service["command"])]
    done = subprocess.run(command, env=environment | {"LC_ALL": "C"}, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (not blamed), done.stderr
    assert blamed in done.stderr
    if blamed:
        assert not any(value in done.stderr for value in environment.values() if len(value) > 3)


def test_the_commands_are_readable_shell() -> None:
    scripts = [DOCKER.joinpath(path).read_text(encoding="utf-8") for path in ("hbase/health.sh",)]
    for service in SERVICES.values():
        scripts += [word for word in service.get("command", []) if "\n" in word]
        scripts += service.get("healthcheck", {}).get("test", [])[-1:]
    for script in scripts:
        done = subprocess.run(["bash", "-n", "-c", script.replace("$$", "$")], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [name for name in SERVICES if name.startswith("seed-")])
def test_a_seed_calls_its_loader_as_the_loader_wants_to_be_called(name: str) -> None:
    service = SERVICES[name]
    loader = DOCKER / "loaders" / Path(service["entrypoint"][1]).name
    shown = subprocess.run([sys.executable, loader, "--help"], capture_output=True, text=True, check=True).stdout
    options = [word.split("=")[0] for word in service["command"] if word.startswith("--")]
    assert all(re.search(rf"{option}\b", shown) for option in options), shown
    url = urlsplit(service["command"][0])
    assert f"{url.port}" in {port.split(":")[2] for port in SERVICES[str(url.hostname)]["ports"]}
    # The loader finds the data from its own place, so a container has both as the clone has them.
    assert len(list(mounts(service))) == 2
    for source, target, _ in mounts(service):
        assert (DOCKER / source).resolve().relative_to(CLONE) == Path(target).relative_to("/clone")


# ------------------------------------------------------------------------------------------------------ gateway.toml


def test_the_settings_of_the_region_replace_every_source_by_its_engine() -> None:
    settings = load_settings(config=DOCKER / "gateway.toml", environment={})
    shipped = tomllib.loads((CLONE / "mappings" / "gateway.toml").read_text(encoding="utf-8"))["sources"]
    assert {(node, source) for node in shipped for source in shipped[node]} == set(settings.sources)
    for (node, source), replaced in settings.sources.items():
        described = YAML(typ="safe").load((CLONE / "mappings" / "nodes" / node / "node.yaml").read_text(encoding="utf-8"))
        assert replaced.adapter == described["sources"][source]["adapter"]
        url = urlsplit(str(replaced.url))
        assert f"{url.port}" in {port.split(":")[2] for port in SERVICES[str(url.hostname)]["ports"]}
        assert replaced.url in {SERVICES[name]["command"][0] for name in SERVICES if name.startswith("seed-")}


def test_every_source_of_the_region_takes_its_url_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a source reads its options and connects to nothing."""
    monkeypatch.setenv("HOSP_C_PASSWORD", "any")
    for environment in ({}, page_environment()):
        settings = load_settings(config=DOCKER / "gateway.toml", environment=environment)
        registry = open_sources(open_snapshot(settings), settings)
        for name in registry.names:
            registry(*name)
        registry.close()


def test_the_region_gets_its_settings_file_and_every_variable_in_it() -> None:
    service = SERVICES["region"]
    targets = {target: DOCKER / source for source, target, _ in mounts(service)}
    assert targets[service["environment"]["HOSPITAL_GATEWAY_CONFIG"]] == DOCKER / "gateway.toml"
    referenced = re.findall(r'"env:(\w+)"', (DOCKER / "gateway.toml").read_text(encoding="utf-8"))
    assert referenced == ["HOSP_C_PASSWORD"]
    assert set(referenced) <= set(service["environment"])


def page_environment() -> dict[str, str]:
    """What docs/compose.md puts into the environment to read hospital B through Trino."""
    return dict(re.findall(r"-e (HOSPITAL_GATEWAY_\w+)=(\S+)", (CLONE / "docs" / "compose.md").read_text(encoding="utf-8")))


def test_hospital_b_can_be_read_through_trino_as_the_page_says() -> None:
    replaced = load_settings(config=DOCKER / "gateway.toml", environment=page_environment()).sources["hosp_b", "hive"]
    assert replaced.adapter == "trino"
    url = urlsplit(str(replaced.url))
    assert f"{url.port}" in {port.split(":")[2] for port in SERVICES[str(url.hostname)]["ports"]}
    catalog = url.path.split("/")[1]
    assert (DOCKER / "trino" / "catalog" / f"{catalog}.properties").is_file()


# ------------------------------------------------------------------------------------------------------ what is built


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: str(path.relative_to(CLONE)))
def test_an_image_is_built_from_files_that_exist_and_that_the_build_sees(dockerfile: Path) -> None:
    seen = [line[1:] for line in dockerfile.with_name("Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")]
    assert copied(dockerfile)
    for name in copied(dockerfile):
        assert (CLONE / name).exists(), name
        assert any(name == entry or name.startswith(f"{entry}/") for entry in seen), f"{name} is ignored"


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: str(path.relative_to(CLONE)))
def test_an_image_runs_as_a_user_without_rights(dockerfile: Path) -> None:
    last_stage = dockerfile.read_text(encoding="utf-8").rpartition("\nFROM ")[2]
    users = re.findall(r"^USER (\S+)$", last_stage, re.MULTILINE)
    assert users
    assert users[-1] not in ("root", "0")


def test_the_image_has_the_drivers_of_every_source() -> None:
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    assert "'.[all]'" in text
    assert {"unixodbc", "tdsodbc"} <= set(text.split())


def test_the_configuration_files_of_the_engines_are_readable() -> None:
    files = sorted(DOCKER.rglob("*-site.xml"))
    assert len(files) == 3
    for file in files:
        names = [name.text for name in ElementTree.parse(file).iter("name")]
        assert names
        assert len(names) == len(set(names)), f"{file.name} says something twice"
