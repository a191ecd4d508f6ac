"""Tokens: who may fetch the pictures of which scan, and until when; signed, so that nobody makes one up.

An address of a picture answers without any page or session, so it carries its own permission: an HMAC-SHA256
(RFC 2104) over user, cohort, scan and expiry, under a secret that lives as long as the server's process.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
import time
from dataclasses import dataclass

SECRET = secrets.token_bytes(32)
VALID_S = 900
"""Shortest life of a new token. All made within the same quarter of an hour are equal, and so are the addresses."""


class TokenRefused(Exception):
    """A token is absent, forged, of another server, or too old."""


@dataclass(frozen=True)
class Token:
    """What a token says.

    Attributes:
        user: For whom it was made.
        cohort: Name of the cohort.
        scan: Scan whose pictures, and those of its stack, may be fetched.
        expires: Unix time after which it is worth nothing.
    """

    user: str
    cohort: str
    scan: str
    expires: int


def sign(*, user: str, cohort: str, scan: str, now: float | None = None) -> str:
    """A token as it stands in an address: letters, digits, ``-``, ``_`` and one dot."""
    moment = time.time() if now is None else now
    expires = (int(moment) // VALID_S + 2) * VALID_S
    payload = json.dumps([user, cohort, scan, expires], separators=(",", ":")).encode()
    return f"{_words(payload)}.{_words(_seal(payload))}"


def check(text: str, *, now: float | None = None) -> Token:
    """Read a token.

    Raises:
        TokenRefused: It was not made by this process, was changed since, or has expired.
    """
    payload_words, _, seal_words = text.partition(".")
    try:
        payload, seal = _bytes(payload_words), _bytes(seal_words)
    except (ValueError, binascii.Error) as error:
        raise TokenRefused from error
    if not hmac.compare_digest(seal, _seal(payload)):
        raise TokenRefused
    user, cohort, scan, expires = json.loads(payload)
    if (time.time() if now is None else now) > expires:
        raise TokenRefused
    return Token(user, cohort, scan, expires)


def _seal(payload: bytes) -> bytes:
    return hmac.digest(SECRET, payload, "sha256")


def _words(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(words: str) -> bytes:
    content = base64.b64decode(words + "=" * (-len(words) % 4), altchars=b"-_", validate=True)
    if _words(content) != words:  # one content, one spelling
        raise ValueError
    return content
