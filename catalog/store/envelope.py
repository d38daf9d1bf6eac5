"""The form in which records and images are stored: canonical JSON in an envelope that tells a torn object from a damaged one.

    {"length":"000000000321","sha256":"<64 hexadecimal digits>","body":{...}}\\n

The head has a fixed width, so that an object that was cut off anywhere is known to be *torn*: it ends before its stated length, or its rest is
zeros, as after a crash on a file system that lengthens a file before it writes it. An object of full length whose digest differs is *damaged*:
somebody was told that it is safe, so nobody may pass it over without being told what it loses.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

_HEAD = re.compile(rb'\{"length":"([0-9]{12})","sha256":"([0-9a-f]{64})","body":')
_HEAD_LENGTH = len(b'{"length":"","sha256":"","body":') + 12 + 64
_END = b"}\n"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A whole object. `digest` is that of its body, and is what the chain of records is made of."""

    body: dict[str, Any]
    digest: str


@dataclass(frozen=True, slots=True)
class Unsound:
    """An object that is not what was written. Torn: its end is missing."""

    torn: bool
    fact: str


def canonical(value: object) -> bytes:
    """One form per value: sorted keys, no spaces, UTF-8. Raises UnicodeEncodeError for lone surrogates."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def seal(body: dict[str, Any]) -> tuple[bytes, str]:
    """The bytes to store, and the digest of the body."""
    text = canonical(body)
    digest = sha256(text).hexdigest()
    return b'{"length":"%012d","sha256":"%s","body":%s%s' % (len(text), digest.encode(), text, _END), digest


def unseal(content: bytes) -> Sealed | Unsound:
    """Read what `seal` made. An object that anybody could have been told is safe is never called torn because of one wrong bit."""
    head = _HEAD.match(content)
    if head is None:
        if len(content) < _HEAD_LENGTH or not content.strip(b"\0"):
            return Unsound(True, f"it ends after {len(content)} bytes")
        return Unsound(False, "its first bytes are not those of a record")
    length, digest = int(head[1]), head[2].decode()
    whole = _HEAD_LENGTH + length + len(_END)
    text = content[_HEAD_LENGTH : _HEAD_LENGTH + length]
    matches = sha256(text).hexdigest() == digest
    if len(content) == whole and matches and content.endswith(_END):
        return _parsed(text, digest)
    if len(content) < whole:
        complete = sha256(content[_HEAD_LENGTH : -len(_END)]).hexdigest() == digest  # then the stated length is what is wrong
        return Unsound(False, "its stated length is wrong") if complete else Unsound(True, f"it ends after {len(content)} of {whole} bytes")
    if len(content) == whole and content.endswith(b"\0\0") and not matches:
        return Unsound(True, "its end is zeros")
    return Unsound(False, "its content is not what its digest says")


def _parsed(text: bytes, digest: str) -> Sealed | Unsound:
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if not isinstance(body, dict) or canonical(body) != text:
        return Unsound(False, "its content is not in canonical form")
    return Sealed(body, digest)
