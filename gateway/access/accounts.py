"""Accounts: verifiers of passwords (SCRAM-SHA-256) and hashes of API keys. Neither password nor key is ever kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

SHORTEST_PASSWORD = 8
_ITERATIONS = 32_768
_SALT_BYTES = 16
_KEY_FORM = re.compile(r"hg_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_HASH_FORM = re.compile(r"HMAC-SHA-256\$([0-9a-f]{12})\$([0-9a-f]{32})\$([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScramVerifier:
    """What a SCRAM server needs to know a password by. Its text is PostgreSQL's `SCRAM-SHA-256$rounds:salt$stored:server`."""

    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes

    def __str__(self) -> str:
        salt, stored, server = (base64.b64encode(part).decode() for part in (self.salt, self.stored_key, self.server_key))
        return f"SCRAM-SHA-256${self.iterations}:{salt}${stored}:{server}"


def scram_verifier(password: str) -> ScramVerifier:
    """A verifier with a fresh salt. Raises ValueError in words that do not repeat the password."""
    if len(password) < SHORTEST_PASSWORD:
        raise ValueError(f"a password has at least {SHORTEST_PASSWORD} characters")
    from scramp import ScramException, ScramMechanism

    try:
        salt, stored, server, iterations = ScramMechanism("SCRAM-SHA-256").make_auth_info(
            password, iteration_count=_ITERATIONS, salt=secrets.token_bytes(_SALT_BYTES)
        )
    except (ScramException, UnicodeError):
        raise ValueError("the password has characters that SASLprep forbids, such as control characters") from None
    return ScramVerifier(iterations=iterations, salt=salt, stored_key=stored, server_key=server)


def parse_scram_verifier(text: str) -> ScramVerifier:
    """Read a verifier's text. Raises ValueError that does not repeat it."""
    match = re.fullmatch(r"SCRAM-SHA-256\$(\d{1,9}):([^$:]+)\$([^$:]+):([^$:]+)", text)
    if match is None:
        raise ValueError("expected a verifier of the form SCRAM-SHA-256$rounds:salt$stored:server")
    salt, stored, server = (base64.b64decode(part, validate=True) for part in match.groups()[1:])
    return ScramVerifier(iterations=int(match[1]), salt=salt, stored_key=stored, server_key=server)


def new_api_key() -> tuple[str, str]:
    """A fresh key of 256 random bits with a public id in front, and the hash to keep."""
    public, secret = secrets.token_hex(6), base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"hg_{public}_{secret}", f"HMAC-SHA-256${public}${salt.hex()}${_keyed_hash(salt, secret)}"


def api_key_id(key: str) -> str | None:
    """The public id of a key, by which its account is looked up; None: the text is no key."""
    match = _KEY_FORM.fullmatch(key)
    return None if match is None else match[1]


def api_key_matches(key: str, kept: str) -> bool:
    """Whether a key is the one a hash was kept of. Takes the same time for every wrong secret."""
    given, known = _KEY_FORM.fullmatch(key), _HASH_FORM.fullmatch(kept)
    if given is None or known is None or given[1] != known[1]:
        return False
    return hmac.compare_digest(_keyed_hash(bytes.fromhex(known[2]), given[2]), known[3])


def _keyed_hash(salt: bytes, secret: str) -> str:
    # One round does: the secret has 256 random bits, there is nothing to guess.
    return hmac.new(salt, secret.encode(), hashlib.sha256).hexdigest()
