"""The hours in which a PACS may be asked for pictures, so that patients' care comes first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time

from workbench.errors import InputError

_FORM = re.compile(r"(\d{1,2})(?::(\d\d))?-(\d{1,2})(?::(\d\d))?")


@dataclass(frozen=True)
class Hours:
    """From one time of day to another, over midnight where the second is earlier.

    Attributes:
        start, end: Local time; the end is outside.
    """

    start: time
    end: time

    def holds(self, now: datetime) -> bool:
        """Whether ``now`` (local time) is within."""
        moment = now.time()
        if self.start < self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


def parse_hours(text: str) -> Hours | None:
    """Hours as ``20:00-06:00`` or ``20-6``; None for an empty text.

    Raises:
        InputError: It has another form.
    """
    if not text.strip():
        return None
    match = _FORM.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError(text)
        start = time(int(match[1]), int(match[2] or 0))
        end = time(int(match[3]) % 24, int(match[4] or 0))
    except ValueError as error:
        raise InputError(f"'{text}' are no hours.", where="hours", todo="Write them as 20:00-06:00.") from error
    if start == end:
        raise InputError(f"The hours '{text}' begin and end at the same time.", where="hours", todo="Leave them out.")
    return Hours(start, end)
