"""The options of a Trino source."""

from __future__ import annotations

import subprocess
import sys

import pytest

from adapters.interface import SourceError
from adapters.source_options import Tls
from adapters.trino.options import read_options
from catalog.model import Source


def source(url: str | None = "trino://db.test:8443/clinic/public", **options: object) -> Source:
    return Source(node="hospital_t", name="main", adapter="trino", url=url, options=options, zone="UTC", tables={})


def refused(url: str | None = "trino://db.test:8443/clinic/public", **options: object) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read_options(source(url, **options))
    assert caught.value.code == "S110"
    assert not caught.value.transient
    return caught.value


def test_what_is_given_and_what_follows_from_it() -> None:
    found = read_options(source(user="reader", slots=2, connect_timeout=3))
    assert (found.address.host, found.address.port, found.catalog, found.schema) == ("db.test", 8443, "clinic", "public")
    assert (found.user, found.slots, found.connect_timeout, found.tls) == ("reader", 2, 3.0, Tls("off"))


@pytest.mark.parametrize(
    ("options", "port", "tls"), [({}, 8080, "off"), ({"tls": "require"}, 443, "require"), ({"token": "x.y.z"}, 443, "verify")]
)
def test_the_port_and_tls_that_go_without_saying(options: dict[str, str], port: int, tls: str) -> None:
    found = read_options(source("trino://db.test/clinic/public", user="reader", **options))
    assert (found.address.port, found.tls.mode) == (port, tls)


def test_a_secret_is_never_sent_in_the_clear_and_never_shown() -> None:
    found = read_options(source(user="reader", password="s3cret"))
    assert found.tls == Tls("verify")
    assert "s3cret" not in repr(found)
    assert "s3cret" not in repr(read_options(source(token="s3cret")))
    assert "without TLS" in refused(user="reader", password="s3cret", tls="off").fact


@pytest.mark.parametrize(
    "url",
    [None, "", "http://db.test/a/b", "trino://db.test", "trino://db.test/a", "trino://db.test/a/b/c", "trino://db.test/a/", "trino://db.test:x/a/b",
     "trino://db.test:0/a/b", "trino://reader:s3cret@db.test/a/b", "trino://db.test/a/b?x=1", "trino:///a/b"],
)  # fmt: skip
def test_urls_that_are_none_are_refused_without_being_repeated(url: str | None) -> None:
    error = refused(url, user="reader")
    assert "trino://HOST" in error.hint
    assert "s3cret" not in error.fact + error.hint


@pytest.mark.parametrize(
    "options",
    [{}, {"user": ""}, {"user": 7}, {"user": "a", "slots": True}, {"user": "a", "slots": 0}, {"user": "a", "connect_timeout": "soon"},
     {"user": "a", "tls": "maybe"}, {"user": "a\nb"}, {"user": "müller"}, {"user": "a:b", "password": "c"}, {"user": "a", "password": "c", "token": "d"}],
)  # fmt: skip
def test_options_that_do_not_fit_are_refused(options: dict[str, object]) -> None:
    refused(**options)


def test_an_unknown_option_is_answered_with_those_there_are() -> None:
    error = refused(user="a", pasword="c")
    assert "pasword" in error.fact
    assert error.hint == "options: user, password, token, tls, tls_ca, tls_server_name, connect_timeout, slots"


def test_opening_a_source_imports_no_driver_and_connects_to_nothing() -> None:
    code = (
        "import sys; from adapters.trino import open_source; from catalog.model import Source\n"
        "open_source(Source(node='t', name='m', adapter='trino', url='trino://127.0.0.1:1/a/b', options={'user': 'a'}, zone='UTC', tables={}))\n"
        "assert 'orjson' not in sys.modules and 'trino' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
