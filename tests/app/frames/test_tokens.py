from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.frames.tokens import VALID_S, Token, TokenRefused, check, sign

NOW = 1_000_000.0


def test_a_token_says_what_was_signed_until_it_expires() -> None:
    token = sign(user="reader A", cohort="chest", scan="S1", now=NOW)
    expires = check(token, now=NOW).expires
    assert check(token, now=NOW) == Token("reader A", "chest", "S1", expires)
    assert VALID_S <= expires - NOW <= 2 * VALID_S
    assert check(token, now=float(expires))
    with pytest.raises(TokenRefused):
        check(token, now=expires + 1.0)


def test_tokens_of_the_same_quarter_of_an_hour_are_equal() -> None:
    start = NOW // VALID_S * VALID_S
    first, later, next_ = (sign(user="a", cohort="c", scan="s", now=start + s) for s in (0, VALID_S - 1, VALID_S))
    assert first == later != next_


@given(some.integers(0, 10**6), some.integers(1, 255))
def test_one_changed_byte_is_refused(place: int, change: int) -> None:
    token = sign(user="a", cohort="c", scan="s", now=NOW)
    changed = bytearray(token.encode())
    changed[place % len(changed)] ^= change
    with pytest.raises(TokenRefused):
        check(changed.decode("latin-1"), now=NOW)


@given(some.text(max_size=80))
def test_wild_text_is_refused(text: str) -> None:
    with pytest.raises(TokenRefused):
        check(text)


def test_a_payload_with_anothers_seal_is_refused() -> None:
    seal = sign(user="a", cohort="c", scan="s", now=NOW).partition(".")[2]
    payload = base64.urlsafe_b64encode(json.dumps(["root", "c", "s", 2**40]).encode()).decode().rstrip("=")
    with pytest.raises(TokenRefused):
        check(f"{payload}.{seal}", now=NOW)
