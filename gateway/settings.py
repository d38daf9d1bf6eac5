"""Settings: gateway.toml, then the environment (HOSPITAL_GATEWAY_…), then flags; one frozen value for a process."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from catalog.errors import NOWHERE, Place, near_names
from gateway.access.secrets import SecretReference
from gateway.errors import SettingsError
from gateway.limits import Limits
from gateway.setting_kinds import ACCOUNT_NAME, find_setting, is_section, known_names

CONFIG_NAME = "gateway.toml"
ENVIRONMENT_PREFIX = "HOSPITAL_GATEWAY_"
_CONFIG_VARIABLE = "HOSPITAL_GATEWAY_CONFIG"
# Kubernetes puts these into every container beside a Service named hospital-gateway; they are not ours.
_FOREIGN_VARIABLE = re.compile(r"(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_.*)?)")

KeyPath = tuple[str, ...]


class PlacedSettingsError(SettingsError):
    """A mistake in a settings file, the environment or a flag, with the place where it stands."""

    def __init__(self, fact: str, *, place: Place, hint: str = "") -> None:
        super().__init__("F101", fact, hint=hint)
        self.place = place


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Both files of TLS: the certificate chain and, by reference, the private key."""

    certificate: Path
    key: SecretReference


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    http_port: int = 8080
    pg_port: int = 5433
    tls: Tls | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReplacement:
    """What the settings put in place of a source's adapter and url (None: stays) and options (by name). Paths are relative to `base`."""

    adapter: str | None = None
    url: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    base: Path = Path()
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A caller that front doors know. Verifier and hash are references; a missing one shuts that way in."""

    name: str
    role: str
    scram: SecretReference | None = None
    api_key_hash: SecretReference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a process runs with.

    `config` is the file that was read (None: there was none). `embedded`: no configuration and no catalog were given, so the
    example region and its default role are in force.
    """

    config: Path | None
    catalog: Path
    embedded: bool
    server: Server = field(default_factory=Server)
    sources: Mapping[tuple[str, str], SourceReplacement] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    accounts: Mapping[str, Account] = field(default_factory=dict)
    default_role: str | None = None
    token_key: SecretReference | None = None


@dataclass(frozen=True, slots=True)
class _Reading:
    value: Any
    base: Path
    place: Place


def region_folder() -> Path:
    """The example region: a clone's `mappings/`, else the copy in the wheel."""
    package = Path(__file__).resolve().parent
    clone = package.parent / "mappings"
    return clone if (clone / "tables").is_dir() else package / "region"


def load_settings(*, config: Path | None = None, catalog: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read what is in force. `config` and `catalog` are the flags. Raises SettingsError F101 with the place of the mistake."""
    variables = os.environ if environment is None else environment
    region = region_folder()
    file = config_file(config, catalog, variables)
    if file is not None and not file.is_file():
        raise PlacedSettingsError("the settings file does not exist", place=Place(str(file)), hint="--config names a TOML file")
    readings: dict[KeyPath, _Reading] = {}
    if file is not None:
        readings |= _read_file(file)
    readings |= _read_environment(variables)
    if catalog is not None:
        readings["catalog", "url"] = _Reading(catalog.expanduser().absolute(), Path.cwd(), Place("--catalog"))
    own_region = ("catalog", "url") not in readings
    if own_region and (region / CONFIG_NAME).is_file():
        shipped = _read_file(region / CONFIG_NAME)
        # A real configuration keeps the region's data reachable, but switches its accounts and its default role off.
        readings = {path: reading for path, reading in shipped.items() if file is None or path[0] == "sources"} | readings
    folder = region if own_region else readings["catalog", "url"].value
    return _build(readings, config=file, catalog=folder, embedded=own_region and file is None)


def example_settings() -> Settings:
    """The embedded example region as it is shipped, whatever the folder and the environment say."""
    region = region_folder()
    readings = _read_file(region / CONFIG_NAME)
    return _build(readings, config=None, catalog=region, embedded=True)


def config_file(config: Path | None, catalog: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Which settings file is in force: --config, HOSPITAL_GATEWAY_CONFIG, the catalog folder's own, ./gateway.toml; None: none."""
    if config is not None:
        return config.expanduser().absolute()
    if environment.get(_CONFIG_VARIABLE):
        return Path(environment[_CONFIG_VARIABLE]).expanduser().absolute()
    candidates = [Path.cwd() / CONFIG_NAME]
    if catalog is not None:
        candidates.insert(0, catalog.expanduser().absolute() / CONFIG_NAME)
    return next((candidate for candidate in candidates if candidate.is_file()), None)


# ------------------------------------------------------------------------------------------------------ reading


def _read_file(file: Path) -> dict[KeyPath, _Reading]:
    try:
        text = file.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlacedSettingsError(
            "the file is not readable TOML", place=_toml_place(file, str(error)), hint=_toml_fact(str(error))
        ) from None
    except (OSError, UnicodeDecodeError):
        raise PlacedSettingsError("the file cannot be read as UTF-8 text", place=Place(str(file))) from None
    found: dict[KeyPath, _Reading] = {}
    for path, value in _leaves(document, ()):
        place = Place(str(file), _line_of(text, path))
        found[path] = _Reading(_read_value(path, value, file.parent, place), file.parent, place)
    return found


def _leaves(table: Mapping[str, object], above: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    for name, value in table.items():
        path = (*above, name)
        if isinstance(value, dict) and is_section(path):
            yield from _leaves(value, path)
        else:
            yield path, value


def _read_environment(environment: Mapping[str, str]) -> dict[KeyPath, _Reading]:
    found: dict[KeyPath, _Reading] = {}
    for variable in sorted(environment):
        rest = variable.removeprefix(ENVIRONMENT_PREFIX)
        if rest == variable or variable == _CONFIG_VARIABLE or _FOREIGN_VARIABLE.fullmatch(rest):
            continue
        path = tuple(part.lower() for part in rest.split("__"))
        place = Place(f"environment:{variable}")
        found[path] = _Reading(_read_value(path, environment[variable], Path.cwd(), place), Path.cwd(), place)
    return found


def _read_value(path: KeyPath, value: object, base: Path, place: Place) -> Any:
    name = ".".join(path)
    setting = find_setting(path)
    if setting is None:
        raise _unknown(path, place)
    if path[0] == "accounts" and not ACCOUNT_NAME.fullmatch(path[1]):
        raise PlacedSettingsError(
            f"'{path[1]}' cannot be an account's name", place=place, hint="letters, digits and _ . @ -, not a digit first"
        )
    try:
        return setting.read(value, base)
    except ValueError as error:
        raise PlacedSettingsError(f"{name} has a wrong value: {error}", place=place, hint=f"{name} is {setting.meaning}") from None


def _unknown(path: KeyPath, place: Place) -> PlacedSettingsError:
    depth = next((size for size in range(1, len(path) + 1) if not (is_section(path[:size]) or find_setting(path[:size]))), len(path))
    wrong = path[:depth]
    if is_section(path):
        return PlacedSettingsError(
            f"{'.'.join(path)} is a section, not a value", place=place, hint=near_names("", known_names((*path, "")))
        )
    return PlacedSettingsError(f"unknown setting {'.'.join(wrong)}", place=place, hint=near_names(wrong[-1], known_names(wrong)))


def _line_of(text: str, path: KeyPath) -> int:
    """The line of a key, found by its spelling: the TOML reader keeps no places. 0 when it is written in another way."""
    section: KeyPath = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line)
        if header is not None:
            section = _key_parts(header[1])
            if section[: len(path)] == path:
                return number
            continue
        key = re.match(r"\s*([^=#]+?)\s*=", line)
        if key is not None and (written := (*section, *_key_parts(key[1]))) == path[: len(written)]:
            return number
    return 0


def _key_parts(text: str) -> KeyPath:
    return tuple(part.strip().strip("\"'") for part in text.split("."))


def _toml_place(file: Path, message: str) -> Place:
    match = re.search(r"at line (\d+), column (\d+)", message)
    return Place(str(file), int(match[1]), int(match[2])) if match is not None else Place(str(file))


def _toml_fact(message: str) -> str:
    # Only the reader's own words before the place: they name marks of the syntax, never a value.
    fact = message.split(" (at ")[0].lower()
    return fact if "'" not in fact and '"' not in fact else "look at the place shown"


# ----------------------------------------------------------------------------------------------------- building


def _build(readings: Mapping[KeyPath, _Reading], *, config: Path | None, catalog: Path, embedded: bool) -> Settings:
    values = {path: reading.value for path, reading in readings.items()}
    return Settings(
        config=config,
        catalog=catalog,
        embedded=embedded,
        server=_server(values, readings),
        sources=_sources(readings),
        limits=_limits(values),
        accounts=_accounts(values, readings),
        default_role=values.get(("default_role",)),
        token_key=values.get(("security", "token_key")),
    )


def _server(values: Mapping[KeyPath, Any], readings: Mapping[KeyPath, _Reading]) -> Server:
    certificate, key = values.get(("server", "tls", "certificate")), values.get(("server", "tls", "key"))
    if (certificate is None) != (key is None):
        place = next(reading.place for path, reading in readings.items() if path[:2] == ("server", "tls"))
        raise PlacedSettingsError("server.tls needs both certificate and key", place=place)
    given = {name: values["server", name] for name in ("http_port", "pg_port") if ("server", name) in values}
    return Server(**given, tls=None if certificate is None or key is None else Tls(certificate=certificate, key=key))


def _sources(readings: Mapping[KeyPath, _Reading]) -> dict[tuple[str, str], SourceReplacement]:
    found: dict[tuple[str, str], SourceReplacement] = {}
    for path, reading in readings.items():
        if path[0] != "sources":
            continue
        _, node, source, key, *option = path
        known = found.get((node, source), SourceReplacement(base=reading.base, place=reading.place))
        match key:
            case "adapter":
                known = replace(known, adapter=reading.value)
            case "url":
                known = replace(known, url=reading.value, base=reading.base)
            case _:
                known = replace(known, options={**known.options, option[0]: reading.value})
        found[node, source] = known
    return found


_LIMIT_FIELDS = {
    ("limits", "deadline"): "deadline",
    ("limits", "rows"): "rows",
    ("limits", "bytes"): "spool_bytes",
    ("limits", "memory"): "queue_bytes",
    ("merge", "memory"): "merge_memory",
    ("merge", "threads"): "merge_threads",
    ("merge", "disk"): "spill_bytes",
    ("merge", "folder"): "temp_folder",
}


def _limits(values: Mapping[KeyPath, Any]) -> Limits:
    return replace(Limits(), **{name: values[path] for path, name in _LIMIT_FIELDS.items() if path in values})


def _accounts(values: Mapping[KeyPath, Any], readings: Mapping[KeyPath, _Reading]) -> dict[str, Account]:
    names = dict.fromkeys(path[1] for path in values if path[0] == "accounts")
    found: dict[str, Account] = {}
    for name in names:
        if ("accounts", name, "role") not in values:
            place = next(reading.place for path, reading in readings.items() if path[:2] == ("accounts", name))
            raise PlacedSettingsError(f"the account {name} has no role", place=place, hint='write role = "…" below its heading')
        given = {key: values.get(("accounts", name, key)) for key in ("scram", "api_key_hash")}
        found[name] = Account(name=name, role=values["accounts", name, "role"], **given)
    return found
