"""A PostgreSQL source says what is wrong with its options before anything is opened."""

from __future__ import annotations

import subprocess
import sys

import pytest

from adapters.interface import SourceError
from adapters.postgres import open_source
from adapters.postgres.options import postgres_options
from adapters.source_options import Tls
from catalog.model import Source
from catalog.source_tables import HBaseTable, RowKey, Segment

URL = "postgresql://db.hospital.test:5433/clinic"


def source(url: str = URL, **options: object) -> Source:
    return Source(node="n", name="s", adapter="postgres", url=url, options={"user": "reader", **options}, zone="UTC", tables={})


def refused(url: str = URL, **options: object) -> SourceError:
    with pytest.raises(SourceError) as caught:
        open_source(source(url, **options))
    assert caught.value.code == "S110"
    assert not caught.value.transient
    return caught.value


def test_what_is_not_told_is_checked_tls_ten_seconds_and_four_slots() -> None:
    options = postgres_options(source())
    assert (options.host, options.port, options.database, options.schema) == ("db.hospital.test", 5433, "clinic", "public")
    assert (options.tls, options.connect_timeout, options.slots) == (Tls("verify"), 10.0, 4)
    assert open_source(source(slots=7)).capabilities.slots == 7


def test_the_port_may_be_left_out_and_the_database_may_have_any_name() -> None:
    options = postgres_options(source("postgres://[::1]/Klinik%20S%C3%BCd"))
    assert (options.host, options.port, options.database) == ("::1", 5432, "Klinik Süd")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://db/clinic",
        "postgresql://db",
        "postgresql:///clinic",
        "postgresql://db:x/clinic",
        "postgresql://db/clinic?sslmode=disable",
        "postgresql://a,b/clinic",
    ],
)
def test_a_url_of_another_form_is_refused(url: str) -> None:
    assert "postgresql://HOST[:PORT]/DATABASE" in refused(url).hint


def test_an_account_in_the_url_is_refused_and_not_repeated() -> None:
    error = refused("postgresql://reader:secret@db/clinic")
    assert "secret" not in error.fact + error.hint


def test_an_unknown_option_is_named_with_those_there_are() -> None:
    error = refused(sslmode="disable")
    assert "sslmode" in error.fact
    assert "tls_server_name" in error.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tls", "prefer"),
        ("tls", True),
        ("slots", 0),
        ("slots", True),
        ("slots", "4"),
        ("connect_timeout", 0),
        ("connect_timeout", "10"),
        ("user", 5),
        ("password", b"x"),
        ("schema", ""),
        ("tls_ca", "/no/such/file.pem"),
    ],
)
def test_an_option_of_another_type_is_named(name: str, value: object) -> None:
    error = refused(**{name: value})
    assert name in error.fact


def test_yaml_reads_off_as_false() -> None:
    assert postgres_options(source(tls=False)).tls == Tls("off")


@pytest.mark.parametrize("tls", ["off", "require"])
def test_a_ca_that_nobody_would_look_at_is_refused(tls: str) -> None:
    assert "tls_ca" in refused(tls=tls, tls_ca=__file__).fact


def test_an_account_is_needed() -> None:
    with pytest.raises(SourceError) as caught:
        open_source(Source(node="n", name="s", adapter="postgres", url=URL, options={}, zone="UTC", tables={}))
    assert (caught.value.code, "user" in caught.value.fact) == ("S110", True)


def test_a_table_with_a_row_key_is_refused() -> None:
    table = HBaseTable(name="t", row_key=RowKey(segments=(Segment(name="k"),)))
    with pytest.raises(SourceError) as caught:
        open_source(Source(node="n", name="s", adapter="postgres", url=URL, options={"user": "r"}, zone="UTC", tables={"t": table}))
    assert caught.value.code == "S110"


def test_the_password_is_not_shown() -> None:
    assert "hunter2" not in repr(postgres_options(source(password="hunter2")))


def test_opening_a_source_imports_no_driver() -> None:
    code = (
        "import sys; from adapters.postgres import open_source; from catalog.model import Source;"
        f"open_source(Source(node='n', name='s', adapter='postgres', url='{URL}', options={{'user': 'u'}}, zone='UTC', tables={{}}));"
        "assert 'psycopg' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
