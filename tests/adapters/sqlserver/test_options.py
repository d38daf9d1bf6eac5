"""Options of a SQL Server source: what each driver is told, what is refused, and where secrets do not go."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.interface import SourceError
from adapters.source_options import Tls
from adapters.sqlserver import open_source
from adapters.sqlserver.connection_string import connection_string
from adapters.sqlserver.freetds import FreeTdsFile, section
from adapters.sqlserver.options import SqlServerOptions, read_options
from catalog.model import Source

ACCOUNT = {"user": "reader", "password": "se;cr}et"}
OPTIONS = SqlServerOptions(host="db.hospital", port=1433, database="Hospital C", user="reader", password="se;cr}et", tls=Tls("require"))
MICROSOFT = "ODBC Driver 18 for SQL Server"


def source(url: str = "sqlserver://db.hospital/Hospital", **options: Any) -> Source:
    return Source(node="c", name="mssql", adapter="sqlserver", url=url, options={**ACCOUNT, **options}, zone="UTC", tables={})


def test_what_is_left_out_has_safe_defaults() -> None:
    found = read_options(source())
    assert (found.port, found.tls.mode, found.schema, found.driver, found.slots) == (1433, "verify", "dbo", "FreeTDS", 4)


def test_a_source_is_opened_without_a_driver_and_without_a_connection() -> None:
    open_source(source("sqlserver://no.such.host:1/Hospital")).close()


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"encrypt": True}, "no option 'encrypt'"),
        ({"tls": "maybe"}, "off, require, verify"),
        ({"tls": "require", "tls_ca": __file__}, "tls_ca"),
        ({"tls_ca": "/no/such/file"}, "tls_ca"),
        ({"driver": "SQLite3"}, "driver"),
        ({"tls_server_name": "other.host"}, "FreeTDS"),
        ({"driver": MICROSOFT, "tls_ca": __file__}, "system"),
        ({"slots": 0}, "slots"),
        ({"url": "sqlserver://db.hospital"}, "url"),
        ({"url": "postgres://db.hospital/x"}, "url"),
        ({"url": "sqlserver://reader:x@db.hospital/x"}, "account"),
    ],
)
def test_what_does_not_fit_is_told_when_the_source_is_opened(changed: dict[str, Any], word: str) -> None:
    with pytest.raises(SourceError) as caught:
        open_source(source(**changed))
    assert caught.value.code == "S110"
    assert word in f"{caught.value.fact} ({caught.value.hint})"
    assert "se;cr}et" not in caught.value.fact + caught.value.hint


def test_the_password_is_not_shown() -> None:
    assert "se;cr}et" not in repr(OPTIONS)


def test_freetds_is_told_by_a_section_and_never_by_words_that_it_ignores() -> None:
    text = connection_string(OPTIONS)
    assert "SERVERNAME=hospital_gateway_" in text
    assert "Encrypt" not in text
    assert "PWD={se;cr}et};" in text  # as it is: FreeTDS reads up to "};"


def test_microsofts_driver_encrypts_and_checks_as_asked() -> None:
    verify = connection_string(replace(OPTIONS, driver=MICROSOFT, tls=Tls("verify", None, "db.internal")))
    assert "Encrypt=yes;TrustServerCertificate=no;" in verify
    assert "HostNameInCertificate=db.internal;" in verify
    assert "PWD={se;cr}}et};" in verify
    assert "Encrypt=yes;TrustServerCertificate=yes;" in connection_string(replace(OPTIONS, driver=MICROSOFT))
    assert "Encrypt=no;" in connection_string(replace(OPTIONS, driver=MICROSOFT, tls=Tls("off")))


def test_a_password_that_freetds_cannot_be_given_is_refused() -> None:
    with pytest.raises(SourceError) as caught:
        connection_string(replace(OPTIONS, password="a};UID=sa"))
    assert caught.value.code == "S110"


def test_a_section_checks_certificates_only_under_verify() -> None:
    assert "encryption = off" in section(replace(OPTIONS, tls=Tls("off")))
    require = section(OPTIONS)
    assert "encryption = require" in require
    assert "ca file" not in require
    verify = section(replace(OPTIONS, tls=Tls("verify", "/etc/ca.pem")))
    assert "encryption = require" in verify
    assert "ca file = /etc/ca.pem" in verify
    assert "check certificate hostname = yes" in verify
    assert "ca file = system" in section(replace(OPTIONS, tls=Tls("verify")))


def test_sources_share_one_private_file_and_have_sections_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREETDSCONF", "/some/file")
    file = FreeTdsFile()
    first = file.section_of(OPTIONS)
    second = file.section_of(replace(OPTIONS, host="other.hospital"))
    assert file.section_of(replace(OPTIONS, user="someone else")) == first  # an account is no part of it
    assert first != second
    path = Path(os.environ["FREETDSCONF"])
    text = path.read_text()
    assert f"[{first}]" in text
    assert f"[{second}]" in text
    assert "reader" not in text
    assert "se;cr}et" not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
