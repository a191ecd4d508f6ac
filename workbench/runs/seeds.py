"""One way to turn what identifies a piece of randomness into a seed."""

from __future__ import annotations

import hashlib


def mix(*parts: int | str) -> int:
    """A 63-bit seed that depends on every part and on their order, the same on every machine.

    Args:
        parts: Integers or words such as ``(seed, "draw", 3)``.
    """
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
