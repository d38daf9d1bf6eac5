"""Options and urls of sources: what fits, and errors that name what would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.interface import SourceError
from adapters.source_options import (
    ACCOUNT_OPTIONS,
    CONNECTION_OPTIONS,
    HEADER,
    TLS_OPTIONS,
    Tls,
    one_of,
    read_address,
    read_options,
    read_tls,
)

KNOWN = {"agent": HEADER, **ACCOUNT_OPTIONS, **TLS_OPTIONS, **CONNECTION_OPTIONS}
PORTS = {"base": 1000, "bases": 1001}


def refused(run: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        run()
    assert caught.value.code == "S110"
    return caught.value


def test_options_come_as_their_values() -> None:
    assert read_options("Base", {"user": "u", "connect_timeout": 3, "slots": 2}, KNOWN) == {"user": "u", "connect_timeout": 3.0, "slots": 2}


def test_an_unknown_option_is_refused_with_those_there_are() -> None:
    error = refused(lambda: read_options("Base", {"usr": "u"}, KNOWN))
    assert error.fact == "the Base source has no option 'usr'"
    assert "user, password" in error.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user", ""),
        ("user", 7),
        ("user", "a\nb"),
        ("user", "a\x85b"),
        ("user", "a\ud800"),
        ("password", "a\udfff"),
        ("agent", "a b"),
        ("agent", "a\r\nb"),
        ("agent", "müller"),
        ("password", None),
        ("password", "a\0b"),
        ("connect_timeout", 0),
        ("connect_timeout", True),
        ("connect_timeout", "5"),
        ("connect_timeout", float("nan")),
        ("slots", 0),
        ("slots", 1.5),
        ("slots", 65),
        ("tls", "maybe"),
        ("tls", True),
        ("tls_ca", "/no/such/file"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_never_shown(name: str, value: object) -> None:
    error = refused(lambda: read_options("Base", {name: value}, KNOWN))
    assert name in error.fact
    assert KNOWN[name].form in error.hint
    if isinstance(value, str) and len(value) > 1:
        assert value not in f"{error.fact} {error.hint}"


def test_off_may_be_what_yaml_makes_of_it() -> None:
    assert one_of("off", "verify").read(False) == "off"


def test_tls_is_one_value_and_leaves_the_options(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("x")
    found = read_options("Base", {"tls_ca": str(authority), "tls_server_name": "db", "user": "u"}, KNOWN)
    assert read_tls("Base", found, "verify") == Tls("verify", str(authority), "db")
    assert found == {"user": "u"}
    assert read_tls("Base", {}, "off") == Tls("off")


@pytest.mark.parametrize("mode", ["off", "require"])
def test_an_authority_that_nobody_asks_is_refused(mode: str) -> None:
    assert mode in refused(lambda: read_tls("Base", {"tls": mode, "tls_server_name": "db"}, "verify")).fact


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("base://db.example:77/a/b%2Fc", "db.example", 77, ("a", "b/c")),
        ("bases://10.0.0.1", "10.0.0.1", 1001, ()),
        ("base://[::1]:5/", "::1", 5, ()),
        ("base://HOST/x", "host", 1000, ("x",)),
    ],
)
def test_an_address_is_read_from_a_url(url: str, host: str, port: int, path: tuple[str, ...]) -> None:
    found = read_address("Base", url, "base://HOST", PORTS)
    assert (found.host, found.port, found.path) == (host, port, path)


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "db",
        "other://db",
        "base://",
        "base://db:0",
        "base://db:x",
        "base://db:99999",
        "base://db?x=1",
        "base://a,b",
        "base://db/%00",
    ],
)
def test_a_url_that_is_none_is_refused_with_the_form(url: str | None) -> None:
    assert "base://HOST" in refused(lambda: read_address("Base", url, "base://HOST", PORTS)).hint


def test_a_url_with_an_account_is_refused_without_showing_it() -> None:
    error = refused(lambda: read_address("Base", "base://me:secret@db", "base://HOST", PORTS))
    assert "secret" not in f"{error.fact} {error.hint}"


def test_a_path_has_as_many_parts_as_asked() -> None:
    for url in ("base://db/a/b", "base://db//", "base://db/a//", "base://db//a", "base://db/", "base://db"):
        refused(lambda: read_address("Base", url, "base://HOST/DATABASE", PORTS, parts=1))  # noqa: B023  (called at once)
    assert read_address("Base", "base://db/a", "base://HOST/DATABASE", PORTS, parts=1).path == ("a",)
    assert read_address("Base", "base://db/a/", "base://HOST/DATABASE", PORTS, parts=1).path == ("a",)
