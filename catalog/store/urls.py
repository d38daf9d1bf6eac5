"""The storage that a URL names."""

from __future__ import annotations

import getpass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from catalog.store.errors import Misconfigured
from catalog.store.hdfs import HdfsStorage
from catalog.store.local import LocalStorage
from catalog.store.objects import OBJECT_STORES, open_objects
from catalog.store.storage import Storage
from catalog.store.webhdfs import Address, WebHdfs

_WEBHDFS = {"hdfs": (9870, False), "webhdfs": (9870, False), "swebhdfs": (9871, True)}
_ALLOWED = "a path, file:///path, hdfs://[user@]host[:port][,host[:port]]/path (webhdfs, swebhdfs)"


def open_storage(url: str) -> Storage:
    """A path or URL of the catalog's store. Opens no connection and makes no folder. Raises Misconfigured."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        if not url.strip():
            raise Misconfigured("the catalog's url is empty", f"name {_ALLOWED}, or {', '.join(OBJECT_STORES)}://bucket/path")
        return LocalStorage(Path(url).expanduser())
    if scheme == "file":
        if not rest.startswith("/"):
            raise Misconfigured("a file URL has a path of this machine", "write file:///path")
        return LocalStorage(unquote(rest))
    if scheme in _WEBHDFS:
        return _open_hdfs(url, *_WEBHDFS[scheme])
    if scheme in OBJECT_STORES:
        return open_objects(scheme, rest)
    raise Misconfigured(f"the catalog cannot be kept in {scheme}://", f"name {_ALLOWED}, or {', '.join(OBJECT_STORES)}://bucket/path")


def _open_hdfs(url: str, default_port: int, secure: bool) -> HdfsStorage:
    scheme, _, rest = url.partition("://")
    where, _, path = rest.partition("/")
    user, _, hosts = where.rpartition("@")
    if ":" in user:
        raise Misconfigured("WebHDFS takes no password", "name the user alone: hdfs://user@host:port/path")
    if not path.strip("/"):
        raise Misconfigured("the URL names no folder of the HDFS", "write hdfs://host:port/path")
    addresses = []
    for each in hosts.split(","):
        try:
            parts = urlsplit(f"//{each}")
            addresses.append(Address(parts.hostname or "", parts.port or default_port, secure))
        except ValueError:
            raise Misconfigured("a host of the HDFS cannot be read", "write hdfs://host:port/path; the port is that of WebHDFS") from None
        if not addresses[-1].host:
            raise Misconfigured("the URL names no host", "write hdfs://host:port/path")
    return HdfsStorage(
        WebHdfs(addresses, unquote(user) or getpass.getuser()), "/" + unquote(path), f"{scheme}://{hosts}/{path}".rstrip("/")
    )
