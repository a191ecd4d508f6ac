"""Libraries kept from speaking: their log lines and warnings quote addresses with patient IDs in them, and values."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

SPEAKERS = ("dicomweb_client", "pydicom", "pynetdicom", "requests", "urllib3")


@contextmanager
def libraries_silent() -> Iterator[None]:
    """Within it, no library that handles what a PACS answers writes a log line or a warning, whatever the level set."""
    loggers = [
        logging.getLogger(name) for name in list(logging.root.manager.loggerDict) if name.partition(".")[0] in SPEAKERS
    ]
    loggers += [logging.getLogger(name) for name in SPEAKERS]
    before = {logger: logger.disabled for logger in loggers}
    try:
        for logger in loggers:
            logger.disabled = True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, disabled in before.items():
            logger.disabled = disabled
