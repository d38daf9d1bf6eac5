"""The storage in an object store, through fsspec: only where "create if absent" is one request that the store itself decides.

s3: `If-None-Match: *` of PutObject, by s3fs 2024.10 or later. AWS S3 keeps it; of others that speak S3, ask their documentation. Other file
systems of fsspec are refused: most look whether a name is free and then write, and between the two another may write; gs and abfs have
the condition, but nobody has tried this on them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from catalog.store.errors import AlreadyThere, Misconfigured, NotThere, OutcomeUnknown, StorageError

OBJECT_STORES = ("s3",)
_PACKAGES = {"s3": "s3fs"}


def open_objects(scheme: str, rest: str) -> ObjectStorage:
    """`rest`: bucket/path. Credentials and end points are found where the package looks for them (environment, profile). Raises Misconfigured."""
    bucket, _, path = rest.partition("/")
    if not bucket or not path.strip("/"):
        raise Misconfigured("the URL names no bucket and folder", f"write {scheme}://bucket/path")
    try:
        import_module(_PACKAGES[scheme])
        fsspec: Any = import_module("fsspec")
    except ImportError:
        raise Misconfigured(f"{_PACKAGES[scheme]} is not installed", f"pip install {_PACKAGES[scheme]}") from None
    return ObjectStorage(
        fsspec.filesystem(scheme, use_listings_cache=False, skip_instance_cache=True), rest.strip("/"), f"{scheme}://{rest}"
    )


class ObjectStorage:
    """Objects under one prefix of a bucket. A store answers a write after it is durable, and reads and lists what it has acknowledged."""

    def __init__(self, files: Any, root: str, place: str) -> None:
        self._files, self._root, self._place = files, root, place

    @property
    def place(self) -> str:
        return self._place

    def create(self, name: str, content: bytes) -> None:
        try:
            self._files.pipe_file(f"{self._root}/{name}", content, mode="create")
        except Exception as error:  # noqa: BLE001  the packages raise errors of their own, and wrap those of their clients
            if _is_taken(error):
                if self.read(name) == content:  # the package asked again after it had lost the answer, and met its own object
                    return
                raise AlreadyThere(f"{self._place}/{name} is there already") from None
            raise OutcomeUnknown(f"{self._place}/{name}: it may have been made ({type(error).__name__})") from None

    def read(self, name: str) -> bytes:
        try:
            content = self._files.cat_file(f"{self._root}/{name}")
        except FileNotFoundError:
            raise NotThere(f"there is no {self._place}/{name}") from None
        except Exception as error:  # noqa: BLE001
            raise self._failed(name, error) from None
        return bytes(content)

    def list(self, folder: str) -> list[str]:
        prefix = f"{self._root}/{folder}"
        try:
            self._files.invalidate_cache()
            found = self._files.ls(prefix, detail=False)
        except FileNotFoundError:
            return []
        except Exception as error:  # noqa: BLE001
            raise self._failed(folder, error) from None
        names = (str(path).rstrip("/").rpartition("/")[2] for path in found)
        return sorted(name for name in names if name and name != folder.rpartition("/")[2])

    def delete(self, name: str) -> None:
        try:
            self._files.rm_file(f"{self._root}/{name}")
        except FileNotFoundError:
            return
        except Exception as error:  # noqa: BLE001
            raise self._failed(name, error) from None

    def confirm(self, name: str) -> None:
        """Nothing to do: what can be read has been acknowledged."""

    def tidy(self) -> int:
        return 0

    def _failed(self, name: str, error: Exception) -> StorageError:
        return StorageError(f"{self._place}/{name}: {type(error).__name__}")


def _is_taken(error: BaseException) -> bool:
    """The store refused the name as taken. s3fs maps 412 to OSError or FileExistsError by its version; its client's error is the cause."""
    found: BaseException | None = error
    while found is not None:
        response = getattr(found, "response", None)
        status = getattr(found, "status", None) or getattr(found, "code", None)
        if isinstance(response, dict) and response.get("Error", {}).get("Code") == "PreconditionFailed":
            return True
        if isinstance(found, FileExistsError) or str(status) == "412":
            return True
        found = found.__cause__
    return False
