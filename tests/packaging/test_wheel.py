"""The wheel alone, in an empty environment far from the clone, answers over three hospitals."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CLONE = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run(*command: str | Path, folder: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command with nothing of this environment but the path of system programs."""
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8"}
    return subprocess.run([str(word) for word in command], cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built the way a release is: the source distribution from the clone, the wheel from it."""
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(CLONE)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a fresh environment with the wheel and what it asks for, from the package index."""
    environment = tmp_path_factory.mktemp("fresh") / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"), "install", "--quiet", str(wheel)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return environment / "bin"


def test_the_wheel_carries_the_region_its_data_and_the_licences_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    shipped = {path.relative_to(CLONE / "mappings").as_posix() for path in (CLONE / "mappings").rglob("*") if path.is_file()}
    assert shipped <= {name.removeprefix("gateway/region/") for name in names if name.startswith("gateway/region/")}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"gateway", "adapters", "catalog"}
    assert not [name for name in names if name.endswith((".pyc", ".log")) or "/test_" in name]


def test_the_demo_of_the_installed_wheel_covers_three_hospitals(installed: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    done = run(installed / "hospital-gateway", "demo", folder=tmp_path, home=home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "covers 3 of 3 hospitals" in done.stdout
    assert str(CLONE) not in done.stdout + done.stderr


def test_the_installed_wheel_checks_its_own_catalog_and_is_healthy(installed: Path, tmp_path: Path) -> None:
    check = run(installed / "hospital-gateway", "catalog", "check", folder=tmp_path, home=tmp_path)
    assert check.returncode == 0, check.stderr
    doctor = run(installed / "python", "-m", "gateway", "doctor", folder=tmp_path, home=tmp_path)
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert str(CLONE) not in doctor.stdout


def test_a_home_that_cannot_be_written_does_not_stop_the_demo(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "hospital-gateway", "demo", folder=tmp_path, home=Path("/proc"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
