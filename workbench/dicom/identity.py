"""Who wrote a file: the UIDs by which this program's own DICOM files are known."""

from __future__ import annotations

import hashlib

IMPLEMENTATION_CLASS_UID = "2.25.19547897005611567268296791594883734423"
"""Goes into (0002,0012) of every file this program writes, and into (0008,0014), which archives do not rewrite."""

IMPLEMENTATION_VERSION_NAME = "MIWORKBENCH_1"


def uid_from(*parts: str) -> str:
    """A UID under the root 2.25 (PS3.5 B.2) that depends on nothing but the parts: the same parts, the same UID.

    Args:
        parts: Words; their order matters.
    """
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()[:16]
    # Version and variant bits of a UUID (RFC 9562, version 8: custom), so that the number is a valid UUID.
    value = int.from_bytes(digest, "big")
    value = value & ~(0xF << 76) | (0x8 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return f"2.25.{value}"
