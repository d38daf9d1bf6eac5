"""The container files name what is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

CLONE = Path(__file__).resolve().parents[2]


def compose() -> dict[str, Any]:
    document: dict[str, Any] = YAML(typ="safe").load((CLONE / "docker" / "compose.yaml").read_text(encoding="utf-8"))
    return document


def test_the_compose_file_has_only_keys_of_the_compose_specification() -> None:
    document = compose()
    assert set(document) <= {"services", "volumes", "networks", "secrets", "configs", "name"}
    known = {
        "build",
        "image",
        "command",
        "environment",
        "volumes",
        "read_only",
        "tmpfs",
        "cap_drop",
        "security_opt",
        "ports",
        "healthcheck",
    }
    for service in document["services"].values():
        assert set(service) <= known
        assert (CLONE / "docker" / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_every_named_volume_is_declared() -> None:
    document = compose()
    used = {volume.split(":")[0] for service in document["services"].values() for volume in service.get("volumes", [])}
    assert used == set(document["volumes"])


def test_the_container_runs_without_rights() -> None:
    dockerfile = (CLONE / "docker" / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER (?!root)", dockerfile, re.MULTILINE)
    assert all(service["cap_drop"] == ["ALL"] and service["read_only"] for service in compose()["services"].values())


def test_the_image_is_built_from_files_that_exist() -> None:
    dockerfile = (CLONE / "docker" / "Dockerfile").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE):
        for name in line.split()[:-1]:
            assert (CLONE / name).exists(), name
