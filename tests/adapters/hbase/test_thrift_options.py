"""The options of a source over Thrift: what is taken, what is refused and how that is said."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from adapters.hbase import open_source
from adapters.hbase.thrift_options import thrift_options
from adapters.interface import SourceError
from adapters.source_options import Tls
from tests.adapters.hbase.layouts import VISIT, source_of


def options_of(url: str, **options: object):  # type: ignore[no-untyped-def]
    return thrift_options(replace(source_of(VISIT, url=url), options=options))


def test_what_is_not_said_has_its_default() -> None:
    found = options_of("thrift://hbase.example:9191")
    assert (found.address.host, found.address.port) == ("hbase.example", 9191)
    assert (found.transport, found.tls, found.connect_timeout, found.slots) == ("framed", Tls("off"), 10.0, 4)
    assert options_of("thrift://hbase.example").address.port == 9090


def test_https_is_verified_unless_it_is_said_otherwise() -> None:
    assert options_of("https://hbase.example:9090/").tls.mode == "verify"
    assert options_of("https://hbase.example:9090/", tls="require").tls.mode == "require"
    assert options_of("http://hbase.example:9090/").tls.mode == "off"
    assert options_of("https://hbase.example:9090/gateway/hbase%20a/").path == "/gateway/hbase%20a/"


def test_tls_may_stand_before_the_thrift_socket() -> None:
    assert options_of("thrift://hbase.example:9090", tls="verify", tls_ca=__file__).tls == Tls("verify", __file__)


def test_who_is_impersonated_is_not_printed() -> None:
    found = options_of("https://hbase.example/", do_as="alice")
    assert found.do_as == "alice"
    assert "alice" not in repr(found)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("thrift://host:99999", {}),
        ("thrift://host:9090/table", {}),
        ("thrift://", {}),
        ("https://alice:secret@host/", {}),
        ("ftp://host/", {}),
        ("thrift://host", {"do_as": "alice"}),
        ("https://host/", {"tls": "off"}),
        ("http://host/", {"tls": "verify"}),
        ("https://host/", {"transport": "framed"}),
        ("thrift://host", {"tls_ca": __file__}),
        ("https://host/", {"tls_ca": "/no/such/file.pem"}),
        ("thrift://host", {"transport": "compact"}),
        ("thrift://host", {"connect_timeout": 0}),
        ("thrift://host", {"connect_timeout": "10"}),
        ("thrift://host", {"slots": 0}),
        ("thrift://host", {"slots": True}),
        ("thrift://host", {"slots": 2.5}),
        ("https://host/", {"do_as": ""}),
        ("https://host/", {"do_as": "alice\r\nX-Header: y"}),
        ("thrift://host", {"user": "alice"}),
    ],
)
def test_what_does_not_fit_is_refused_when_the_source_is_opened(url: str, options: dict[str, object]) -> None:
    with pytest.raises(SourceError) as caught:
        open_source(replace(source_of(VISIT, url=url), options=options))
    assert caught.value.code == "S110"
    assert caught.value.hint
    assert "secret" not in caught.value.fact + caught.value.hint


def test_an_unknown_option_names_those_there_are() -> None:
    with pytest.raises(SourceError, match="no option 'timeout'") as caught:
        options_of("thrift://host", timeout=3)
    assert caught.value.hint == "options: transport, do_as, tls, tls_ca, tls_server_name, connect_timeout, slots"


def test_slots_are_the_capability() -> None:
    adapter = open_source(replace(source_of(VISIT, url="thrift://host"), options={"slots": 7}))
    assert adapter.capabilities.slots == 7


def test_no_driver_is_imported_before_a_connection_is_wanted() -> None:
    code = (
        "import sys; from adapters.hbase import open_source; from tests.adapters.hbase.layouts import VISIT, source_of;"
        "open_source(source_of(VISIT, url='thrift://host')); print('happybase' in sys.modules or 'thriftpy2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
