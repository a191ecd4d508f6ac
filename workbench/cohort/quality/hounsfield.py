"""Rule Q16: CT values that are not Hounsfield units. The whole series is kept aside until somebody decides.

Air is -1000 HU, and a narrow view within the chest shows lung, up to about -600, and no other air. A series in which no
slice has a value below -500, or whose commonest one lies outside, was most likely written without its rescale.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import numpy as np

from workbench.cohort.quality.evidence import Evidence
from workbench.cohort.quality.finding import Finding

FLAG = "hu_suspect"
AIR = (-1100.0, -600.0)


def flag_series(connection: sqlite3.Connection) -> None:
    """Flag the scans of suspect series of a settled ledger with the view ``kept``, and unflag those of others.

    A series is judged as a whole, for a slice within the body holds no air; so it can only be done when all are read.
    """
    run = connection.execute
    run("BEGIN")
    for flags in run(f"SELECT DISTINCT flags FROM scans WHERE flags LIKE '%{FLAG}%'").fetchall():
        run("UPDATE scans SET flags = ? WHERE flags = ?", (_without(flags[0]), flags[0]))
    rows = run(
        "SELECT kept.series_key, measures.air_hu FROM kept JOIN main.measures ON measures.scan_id = kept.scan_id "
        "WHERE kept.modality = 'CT' AND measures.high > measures.low AND "
        "';' || kept.flags || ';' NOT LIKE '%;localizer;%' AND ';' || kept.flags || ';' NOT LIKE '%;blank;%' "
        "ORDER BY 1"
    )
    for series in _suspects(rows):
        for (flags,) in run("SELECT DISTINCT flags FROM scans WHERE series_key = ?", (series,)).fetchall():
            run("UPDATE scans SET flags = ? WHERE series_key = ? AND flags IS ?", (_with(flags), series, flags))
    run("COMMIT")


def _with(flags: str | None) -> str:
    return ";".join(sorted({*(flags or "").split(";"), FLAG} - {""}))


def _without(flags: str) -> str:
    return ";".join(flag for flag in flags.split(";") if flag != FLAG)


def _suspects(rows: Iterator[tuple[str, float | None]] | sqlite3.Cursor) -> list[str]:
    """The series, sorted in ``rows``, whose median air value is absent or out of range."""
    suspects: list[str] = []
    series: str | None = None
    air: list[float] = []

    def judge() -> None:
        if series is not None and not (air and AIR[0] <= float(np.median(air)) <= AIR[1]):
            suspects.append(series)

    for name, value in rows:
        if name != series:
            judge()
            series, air = name, []
        if value is not None:
            air.append(value)
    judge()
    return suspects


def hounsfield(evidence: Evidence) -> Iterator[Finding]:
    """Q16: the series that ``flag_series`` found."""
    found = evidence.having(FLAG)
    if found.any():
        number = int(evidence.scans.loc[found, "series_key"].nunique())
        air = evidence.measure("air_hu")
        yield Finding(
            "Q16",
            "hounsfield",
            "stop",
            "CT without Hounsfield units",
            f"{number} CT series {'has' if number == 1 else 'have'} no air near -1000 HU: the rescale is missing or "
            "wrong, and the values mean something else.",
            number,
            default="They are kept aside.",
            choices=("keep", "include"),
            scans=evidence.ids(found),
            details=[
                "no air" if np.isnan(air[place]) else f"air at {air[place]:.0f} HU" for place in np.flatnonzero(found)
            ],
        )
