"""Does a piece of text look as if it named a person? A coarse test of texts that people type and that travel on."""

from __future__ import annotations

import re

_SIGNS = re.compile(
    r"\w\^\w"  # a name as DICOM writes it
    r"|\b\d{1,4}[-./]\d{1,2}[-./]\d{1,4}\b"  # a date
    r"|\d{6,}"  # a number of a person or a date without points
    r"|@"  # an address
)
_KEYS = re.compile(r"\b[SPFG][A-Z2-7]{16}\b|\b2\.25\.\d+\b")


def looks_identifying(text: str) -> bool:
    """Whether it holds a DICOM name, a date, a long number or an address; the cohort's own keys do not count."""
    return bool(_SIGNS.search(_KEYS.sub("", text)))
