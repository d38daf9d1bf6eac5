"""Options of a Hive source: what is taken, and that wrong ones are told before anything is opened."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.hive import open_source
from adapters.hive.options import HiveOptions, hive_options
from adapters.interface import SourceError
from adapters.source_options import Tls
from catalog.model import Source
from catalog.source_tables import HBaseTable, RowKey, Segment


def source(url: str | None = "hive://warehouse:10001/hospital_b", tables: Any = None, **options: Any) -> Source:
    return Source(node="b", name="hive", adapter="hive", url=url, options=options, zone="UTC", tables=tables or {})


def refused(**arguments: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        open_source(source(**arguments))
    assert caught.value.code == "S110"
    return caught.value


def test_a_url_alone_is_enough() -> None:
    found = hive_options(source())
    assert found == HiveOptions(address=found.address, database="hospital_b", user="hospital-gateway", auth="none", tls=Tls("off"))
    assert (found.address.host, found.address.port) == ("warehouse", 10001)
    bare = hive_options(source("hive://warehouse"))
    assert (bare.address.host, bare.address.port, bare.database) == ("warehouse", 10000, "default")


def test_every_option_is_taken() -> None:
    options = {
        "auth": "ldap",
        "user": "gateway",
        "password": "secret",
        "kerberos_service": "hive",
        "tls": "verify",
        "tls_ca": __file__,
        "tls_server_name": "hive.hospital.example",
        "connect_timeout": 3,
        "slots": 8,
        "session": {"mapreduce.job.queuename": "gateway", "hive.cbo.enable": True, "hive.exec.reducers.max": 4},
    }
    found = hive_options(source(**options))
    assert found.session == {"mapreduce.job.queuename": "gateway", "hive.cbo.enable": "true", "hive.exec.reducers.max": "4"}
    assert (found.auth, found.user, found.password, found.kerberos_service) == ("ldap", "gateway", "secret", "hive")
    assert (found.slots, found.connect_timeout, found.tls) == (8, 3.0, Tls("verify", __file__, "hive.hospital.example"))


def test_the_password_is_in_no_repr() -> None:
    assert "secret" not in repr(hive_options(source(auth="ldap", user="gateway", password="secret")))


def test_a_password_is_kept_from_listeners_unless_told_otherwise() -> None:
    account = {"auth": "ldap", "user": "gateway", "password": "secret"}
    assert hive_options(source(**account)).tls == Tls("verify")
    assert hive_options(source(**account, tls="off")).tls == Tls("off")


def test_off_as_yaml_reads_it_is_off() -> None:
    assert hive_options(source(tls=False)).tls == Tls("off")


@pytest.mark.parametrize(
    "url", [None, "", "hive:", "http://warehouse:1/x", "hive://:10000/x", "hive://w:99999/x", "hive://w:1/x/y", "hive://w:1/x?y=1"]
)
def test_a_url_of_another_form_is_refused(url: str | None) -> None:
    assert "hive://HOST[:PORT][/DATABASE]" in refused(url=url).hint


def test_an_account_in_the_url_is_refused_without_being_shown() -> None:
    error = refused(url="hive://user:secret@warehouse:1/x")
    assert "secret" not in f"{error.fact} {error.hint}"


@pytest.mark.parametrize(
    "options",
    [
        {"passwort": "x"},
        {"auth": "custom"},
        {"auth": "ldap", "user": "x"},
        {"tls": "maybe"},
        {"tls": True},
        {"tls_ca": __file__},
        {"tls": "verify", "tls_ca": "/no/such/file.pem"},
        {"password": 7},
        {"slots": 0},
        {"slots": True},
        {"connect_timeout": 0},
        {"connect_timeout": "10"},
        {"session": "a=b"},
        {"session": {"a b": 1}},
        {"session": {"a": ["x"]}},
        {"session": {"hive.variable.substitute": "true"}},
        {"session": {"hive.auto.convert.anti.join": True}},
    ],
    ids=str,
)
def test_a_wrong_option_is_refused(options: dict[str, Any]) -> None:
    refused(**options)


def test_an_unknown_option_is_told_the_known_ones() -> None:
    assert "connect_timeout" in refused(timeout=3).hint


def test_a_table_with_a_row_key_is_refused() -> None:
    table = HBaseTable(name="t", row_key=RowKey(segments=(Segment(name="k"),)))
    assert "row key" in refused(tables={"t": table}).fact


def test_opening_a_source_imports_no_driver_and_connects_to_nothing() -> None:
    import subprocess
    import sys

    program = (
        "import sys\nfrom adapters.hive import open_source\nfrom catalog.model import Source\n"
        "open_source(Source(node='b', name='h', adapter='hive', url='hive://nowhere.invalid:1/x', options={}, zone='UTC', tables={}))\n"
        "assert not any(name.split('.')[0] in ('impala', 'thrift', 'thrift_sasl') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
