"""How a process holds its memory: workers keep it, others give back what is over after a step."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from functools import cache

KEPT_BYTES = 64 * 2**20
LARGEST_BYTES = 32 * 2**20
"""The largest that glibc allows."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


@cache
def keep_memory() -> bool:
    """Let this process keep what it frees, up to 64 MiB: pictures come and go, and fresh pages cost more than the sums.

    By default glibc gives every array of a picture's size back to the system (mallopt(3)). Meant for worker processes.

    Returns:
        Whether it took effect; it does not where the C library is another one than glibc.
    """
    if not sys.platform.startswith("linux"):
        return False
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        return bool(mallopt(_MMAP_THRESHOLD, LARGEST_BYTES)) and bool(mallopt(_TRIM_THRESHOLD, KEPT_BYTES))
    return False


def return_memory() -> bool:
    """Give what is free back to the system: after large tables came and went, before something long begins.

    Returns:
        Whether something was given back; it is not where the C library is another one than glibc.
    """
    gc.collect()
    if not sys.platform.startswith("linux"):
        return False
    with contextlib.suppress(OSError, AttributeError):
        return bool(ctypes.CDLL(None).malloc_trim(0))
    return False
