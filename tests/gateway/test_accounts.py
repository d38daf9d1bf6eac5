"""Accounts: verifiers and hashes that hold, a settings file that keeps its comments, secrets that stay private."""

from __future__ import annotations

import base64
import hashlib
import hmac
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.access.account_file import add_account
from gateway.access.accounts import api_key_id, api_key_matches, new_api_key, parse_scram_verifier, scram_verifier
from gateway.errors import AccessError, SettingsError
from gateway.settings import load_settings

PASSWORD = "correct horse battery"


def test_a_scram_verifier_is_what_rfc_5802_computes() -> None:
    verifier = scram_verifier(PASSWORD)
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), verifier.salt, verifier.iterations)
    client_key = hmac.new(salted, b"Client Key", hashlib.sha256).digest()
    assert verifier.stored_key == hashlib.sha256(client_key).digest()
    assert verifier.server_key == hmac.new(salted, b"Server Key", hashlib.sha256).digest()
    assert verifier.iterations >= 4096 and len(verifier.salt) >= 16


def test_a_verifier_is_written_as_postgresql_writes_it_and_read_back() -> None:
    verifier = scram_verifier(PASSWORD)
    head, keys = str(verifier).split("$", 1)[0], str(verifier).split("$", 1)[1]
    assert head == "SCRAM-SHA-256" and base64.b64encode(verifier.stored_key).decode() in keys
    assert parse_scram_verifier(str(verifier)) == verifier


def test_the_same_password_twice_gives_two_verifiers() -> None:
    assert str(scram_verifier(PASSWORD)) != str(scram_verifier(PASSWORD))


def test_a_client_that_knows_the_password_gets_in_and_one_that_does_not_stays_out() -> None:
    from scramp import ScramClient, ScramException, ScramMechanism

    verifier = parse_scram_verifier(str(scram_verifier(PASSWORD)))
    known = (verifier.salt, verifier.stored_key, verifier.server_key, verifier.iterations)

    def exchange(password: str) -> None:
        server = ScramMechanism("SCRAM-SHA-256").make_server(lambda _user: known)
        client = ScramClient(["SCRAM-SHA-256"], "anna", password)
        server.set_client_first(client.get_client_first())
        client.set_server_first(server.get_server_first())
        server.set_client_final(client.get_client_final())
        client.set_server_final(server.get_server_final())

    exchange(PASSWORD)
    with pytest.raises(ScramException):
        exchange(PASSWORD + "!")


def test_an_api_key_matches_its_own_hash_only() -> None:
    key, kept = new_api_key()
    other_key, other_kept = new_api_key()
    assert api_key_matches(key, kept) and api_key_matches(other_key, other_kept)
    assert not api_key_matches(key, other_kept)
    assert not api_key_matches(key[:-1] + ("A" if key[-1] != "A" else "B"), kept)
    assert not api_key_matches(f"hg_{'0' * 12}_{key.split('_', 2)[2]}", kept), "the public id belongs to the key"
    assert not api_key_matches("", kept) and not api_key_matches(kept, kept)


def test_the_hash_holds_the_public_id_and_not_the_key() -> None:
    key, kept = new_api_key()
    assert (api_key_id(key) or "?") in kept
    assert key.split("_", 2)[2] not in kept
    assert len(base64.urlsafe_b64decode(key.split("_", 2)[2] + "=")) == 32


def test_what_is_no_key_has_no_id() -> None:
    assert api_key_id("hg_") is None and api_key_id("Bearer x") is None


@pytest.mark.parametrize("password", ["", "short", "nul\x00 in the middle"])
def test_a_password_that_cannot_be_used_is_refused_without_repeating_it(password: str) -> None:
    with pytest.raises(ValueError) as caught:
        scram_verifier(password)
    assert not password or password not in str(caught.value)


def test_adding_an_account_keeps_the_comments_and_hides_the_secrets(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text('# ours\ndefault_role = "analyst"  # until June\n\n[limits]\nrows = 5 # few\n', encoding="utf-8")
    key = add_account(config, "anna", "analyst", PASSWORD)
    text = config.read_text(encoding="utf-8")
    assert "# ours" in text and "# until June" in text and "# few" in text
    assert PASSWORD not in text and key not in text
    account = load_settings(config=config, environment={}).accounts["anna"]
    assert account.role == "analyst"
    assert account.scram is not None and account.api_key_hash is not None
    assert api_key_matches(key, account.api_key_hash.read())
    assert parse_scram_verifier(account.scram.read()).iterations >= 4096


def test_the_files_of_an_account_are_private_and_hold_no_password(tmp_path: Path) -> None:
    key = add_account(tmp_path / "gateway.toml", "anna", "analyst", PASSWORD)
    folder = tmp_path / "accounts"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert PASSWORD not in file.read_text(encoding="utf-8") and key not in file.read_text(encoding="utf-8")


def test_the_mode_of_the_settings_file_stays(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text("", encoding="utf-8")
    config.chmod(0o640)
    add_account(config, "anna", "analyst", PASSWORD)
    assert stat.S_IMODE(config.stat().st_mode) == 0o640


def test_an_account_that_exists_is_not_changed(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    add_account(config, "anna", "analyst", PASSWORD)
    before = {file.name: file.read_bytes() for file in (tmp_path / "accounts").iterdir()}
    with pytest.raises(AccessError) as caught:
        add_account(config, "anna", "demo", "another password")
    assert caught.value.code == "A102"
    assert {file.name: file.read_bytes() for file in (tmp_path / "accounts").iterdir()} == before


@pytest.mark.parametrize("name", ["", "../anna", "an na", "an:na", "1anna", "a" * 64, "anna\n"])
def test_a_name_that_would_be_a_path_or_break_a_protocol_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        add_account(tmp_path / "gateway.toml", name, "analyst", PASSWORD)
    assert caught.value.code == "F103"
    assert list(tmp_path.iterdir()) == []


def test_a_settings_file_that_is_not_toml_stays_as_it_is(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text("[limits\n", encoding="utf-8")
    with pytest.raises(SettingsError):
        add_account(config, "anna", "analyst", PASSWORD)
    assert config.read_text(encoding="utf-8") == "[limits\n"


def test_accounts_added_at_once_are_all_there(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    names = [f"user{number}" for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: add_account(config, name, "analyst", PASSWORD), names))
    assert sorted(load_settings(config=config, environment={}).accounts) == names
