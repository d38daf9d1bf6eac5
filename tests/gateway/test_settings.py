"""gateway.toml, the environment and flags: what wins, what is refused, where the mistake is shown."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gateway.access.secrets import SecretReference, parse_reference
from gateway.access.token_key import token_key
from gateway.errors import SettingsError
from gateway.report import reports_of
from gateway.settings import PlacedSettingsError, Settings, load_settings, region_folder

CANARY = "hunter2-canary-4711"


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(text: str, name: str = "gateway.toml") -> Path:
    path = Path.cwd() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def loaded(text: str, **environment: str) -> Settings:
    return load_settings(config=written(text), environment=environment)


def refused(text: str, **environment: str) -> PlacedSettingsError:
    with pytest.raises(PlacedSettingsError) as caught:
        loaded(text, **environment)
    return caught.value


# ------------------------------------------------------------------------------------------------- which is in force


def test_without_any_configuration_the_example_region_and_its_default_role_are_in_force() -> None:
    settings = load_settings(environment={})
    assert (settings.embedded, settings.config, settings.default_role) == (True, None, "demo")
    assert settings.catalog.resolve() == region_folder().resolve()
    assert set(settings.sources) == {("hosp_a", "hbase"), ("hosp_b", "hive"), ("hosp_c", "mssql")}


def test_the_first_real_configuration_switches_the_default_role_off_but_keeps_the_data_of_the_region() -> None:
    settings = loaded("[limits]\ndeadline = 5\n")
    assert (settings.embedded, settings.default_role) == (False, None)
    assert settings.catalog == region_folder()
    assert settings.sources["hosp_a", "hbase"].adapter == "hbase"


def test_a_gateway_toml_of_the_working_folder_is_used() -> None:
    file = written('default_role = "analyst"\n')
    settings = load_settings(environment={})
    assert (settings.config, settings.default_role) == (file, "analyst")


def test_the_variable_wins_over_the_working_folder_and_the_flag_over_the_variable() -> None:
    written('default_role = "working"\n')
    by_variable = written('default_role = "variable"\n', "one/a.toml")
    by_flag = written('default_role = "flag"\n', "two/b.toml")
    environment = {"HOSPITAL_GATEWAY_CONFIG": str(by_variable)}
    assert load_settings(environment=environment).default_role == "variable"
    assert load_settings(config=by_flag, environment=environment).default_role == "flag"


def test_a_catalog_folder_brings_its_own_gateway_toml_unless_a_config_is_named() -> None:
    written('default_role = "working"\n')
    own = written('default_role = "own"\n', "region/gateway.toml")
    assert load_settings(catalog=Path("region"), environment={}).default_role == "own"
    assert load_settings(catalog=Path("region"), config=Path("gateway.toml"), environment={}).default_role == "working"
    assert load_settings(catalog=Path("region"), environment={}).catalog == own.parent


def test_a_catalog_folder_alone_has_no_default_role() -> None:
    (Path.cwd() / "region").mkdir()
    settings = load_settings(catalog=Path("region"), environment={})
    assert (settings.embedded, settings.default_role, dict(settings.sources)) == (False, None, {})


def test_a_config_that_does_not_exist_is_named() -> None:
    with pytest.raises(PlacedSettingsError) as caught:
        load_settings(config=Path("absent.toml"), environment={})
    assert str(caught.value.place).endswith("absent.toml")


def test_the_environment_wins_over_the_file() -> None:
    settings = loaded("[limits]\ndeadline = 5\nrows = 7\n", HOSPITAL_GATEWAY_LIMITS__DEADLINE="2.5")
    assert (settings.limits.deadline, settings.limits.rows) == (2.5, 7)


def test_the_environment_reaches_a_source() -> None:
    settings = loaded("", HOSPITAL_GATEWAY_SOURCES__HOSP_B__HIVE__URL="parquet:elsewhere")
    assert settings.sources["hosp_b", "hive"].url == "parquet:elsewhere"
    assert settings.sources["hosp_b", "hive"].base == Path.cwd()


def test_variables_that_kubernetes_sets_for_a_service_of_this_name_are_not_settings() -> None:
    loaded(
        "",
        HOSPITAL_GATEWAY_SERVICE_HOST="10.0.0.1",
        HOSPITAL_GATEWAY_SERVICE_PORT_HTTP="8080",
        HOSPITAL_GATEWAY_PORT="tcp://10.0.0.1:8080",
        HOSPITAL_GATEWAY_PORT_8080_TCP_ADDR="10.0.0.1",
    )


# ----------------------------------------------------------------------------------------------------- what is read


def test_every_section_is_read() -> None:
    settings = loaded(
        """
        default_role = "analyst"
        [server]
        http_port = 8081
        pg_port = 5434
        [server.tls]
        certificate = "tls/chain.pem"
        key = "file:tls/key.pem"
        [catalog]
        url = "region"
        [sources.hosp_b.hive]
        adapter = "duckdb"
        url = "parquet:data/b"
        [sources.hosp_b.hive.options]
        threads = 2
        password = "env:HIVE_PASSWORD"
        [limits]
        deadline = 12
        rows = 100
        bytes = "64 MiB"
        memory = "16 MiB"
        [merge]
        memory = "1 GB"
        threads = 3
        disk = 2097152
        folder = "spill"
        [accounts.anna]
        role = "analyst"
        scram = "file:accounts/anna.scram"
        api_key_hash = "env:ANNA_KEY"
        [security]
        token_key = "env:TOKEN_KEY"
        """
    )
    here = Path.cwd()
    assert (settings.server.http_port, settings.server.pg_port) == (8081, 5434)
    assert settings.server.tls is not None and settings.server.tls.certificate == here / "tls/chain.pem"
    assert settings.server.tls.key == SecretReference(kind="file", name=str(here / "tls/key.pem"))
    assert settings.catalog == here / "region"
    replacement = settings.sources["hosp_b", "hive"]
    assert (replacement.adapter, replacement.url, replacement.base) == ("duckdb", "parquet:data/b", here)
    assert replacement.options == {"threads": 2, "password": "env:HIVE_PASSWORD"}
    limits = settings.limits
    assert (limits.deadline, limits.rows, limits.spool_bytes, limits.queue_bytes) == (12.0, 100, 64 << 20, 16 << 20)
    assert (limits.merge_memory, limits.merge_threads, limits.spill_bytes, limits.temp_folder) == (10**9, 3, 2 << 20, here / "spill")
    account = settings.accounts["anna"]
    assert (account.role, str(account.scram), str(account.api_key_hash)) == ("analyst", f"file:{here}/accounts/anna.scram", "env:ANNA_KEY")
    assert str(settings.token_key) == "env:TOKEN_KEY"


def test_relative_paths_are_relative_to_the_file_not_to_the_working_folder() -> None:
    config = written('[catalog]\nurl = "maps"\n', "etc/gateway.toml")
    assert load_settings(config=config, environment={}).catalog == Path.cwd() / "etc" / "maps"


# -------------------------------------------------------------------------------------------------- what is refused


def test_an_unknown_key_is_named_with_its_file_line_and_the_near_name() -> None:
    error = refused("[limits]\nrows = 5\ndeadlin = 3\n")
    assert error.fact == "unknown setting limits.deadlin"
    assert error.place.file.endswith("gateway.toml") and error.place.line == 3
    assert "deadline" in error.hint


def test_an_unknown_section_is_named() -> None:
    error = refused("[server]\nhttp_port = 1\n[limit]\nrows = 5\n")
    assert (error.fact, error.place.line) == ("unknown setting limit", 3)
    assert "limits" in error.hint


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("[server]\nhttp_port = 70000", "server.http_port"),
        ('[server]\nhttp_port = "many"', "server.http_port"),
        ("[server]\nhttp_port = true", "server.http_port"),
        ("[limits]\ndeadline = 0", "limits.deadline"),
        ("[limits]\ndeadline = nan", "limits.deadline"),
        ("[limits]\nrows = -1", "limits.rows"),
        ('[limits]\nbytes = "12 potatoes"', "limits.bytes"),
        ("[merge]\nmemory = 12", "merge.memory"),
        ('[catalog]\nurl = "s3://bucket/x"', "catalog.url"),
        ("default_role = 7", "default_role"),
        ("[sources.a.b.options]\nx = {y = 1}", "sources.a.b.options.x"),
    ],
)
def test_a_wrong_value_is_named(text: str, name: str) -> None:
    error = refused(text)
    assert error.code == "F101"
    assert error.fact.startswith(f"{name} has a wrong value: expected")


def test_a_section_given_as_a_value_is_named() -> None:
    assert refused("limits = 3").fact == "limits is a section, not a value"


def test_unreadable_toml_has_line_and_column() -> None:
    error = refused('[limits]\nrows = = "x"\n')
    assert (error.place.line, error.place.column) == (2, 8)


def test_an_unknown_variable_is_named_with_the_near_name() -> None:
    error = refused("", HOSPITAL_GATEWAY_LIMITS__ROW="5")
    assert error.fact == "unknown setting limits.row" and "rows" in error.hint
    assert str(error.place) == "environment:HOSPITAL_GATEWAY_LIMITS__ROW"


def test_tls_needs_both_files() -> None:
    assert "both certificate and key" in refused('[server.tls]\ncertificate = "a.pem"\n').fact


def test_an_account_needs_a_role_and_a_fitting_name() -> None:
    assert "has no role" in refused('[accounts.anna]\nscram = "env:X"\n').fact
    assert "cannot be an account's name" in refused('[accounts."an:na"]\nrole = "x"\n').fact


# ---------------------------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize(
    "text",
    [
        f'[security]\ntoken_key = "{CANARY}"',
        f'[accounts.anna]\nrole = "r"\nscram = "{CANARY}"',
        f'[accounts.anna]\nrole = "r"\napi_key_hash = "{CANARY}"',
        f'[sources.a.b.options]\npassword = "{CANARY}"',
        f'[sources.a.b.options]\nsas_token = "{CANARY}"',
        f'[sources.a.b]\nurl = "hive://user:{CANARY}@host/db"',
        f'[sources.a.b]\nurl = "Driver=FreeTDS;Server=s;PWD={CANARY}"',
        f'[server.tls]\ncertificate = "c.pem"\nkey = "{CANARY}"',
        f'[limits]\nrows = "{CANARY}"',
        f'[security]\ntoken_key = "{CANARY}',
    ],
)
def test_a_plain_secret_is_refused_and_never_repeated(text: str) -> None:
    error = refused(text)
    shown = "\n".join(report.text() + str(report.document()) for report in reports_of(error))
    assert CANARY not in shown and CANARY not in repr(error)


def test_settings_show_where_a_secret_is_and_never_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_KEY_OF_TEST", CANARY * 3)
    settings = loaded('[security]\ntoken_key = "env:TOKEN_KEY_OF_TEST"\n')
    assert settings.token_key is not None and settings.token_key.read() == CANARY * 3
    assert CANARY not in repr(settings)


def test_a_missing_secret_is_f102_and_says_where_it_was_looked_for() -> None:
    for text, where in (("env:NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE"), ("file:absent.txt", "absent.txt")):
        with pytest.raises(SettingsError) as caught:
            parse_reference(text, Path.cwd()).read()
        assert caught.value.code == "F102" and where in caught.value.fact


def test_a_secret_of_a_file_is_read_without_its_line_end() -> None:
    written("s3cret \n", "secret.txt")
    assert parse_reference("file:secret.txt", Path.cwd()).read() == "s3cret "


# -------------------------------------------------------------------------------------------------------- token key


def test_the_token_key_is_made_once_private_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    key = token_key(None)
    file = tmp_path / "share" / "hospital-gateway" / "token_key"
    assert len(key) == 32 and file.read_bytes() == key == token_key(None)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(file.parent) == ["token_key"]


def test_two_homes_have_two_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keys = set()
    for name in ("one", "two"):
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / name))
        keys.add(token_key(None))
    assert len(keys) == 2


def test_processes_that_start_at_once_agree_on_one_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(token_key, [None] * 32))) == 1


def test_a_token_key_that_others_can_read_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    token_key(None)
    (tmp_path / "share" / "hospital-gateway" / "token_key").chmod(0o644)
    with pytest.raises(SettingsError, match="others can read"):
        token_key(None)


def test_a_short_token_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHORT_KEY_OF_TEST", "short")
    with pytest.raises(SettingsError) as caught:
        token_key(SecretReference(kind="env", name="SHORT_KEY_OF_TEST"))
    assert caught.value.code == "F102" and "short" not in caught.value.fact.replace("SHORT", "")
