"""Who uses the app."""

from __future__ import annotations

from app.team import account


def signed_in() -> str:
    """The signed-in person's identifier; the name of this computer's user where nobody has to sign in."""
    return account()
