"""Rules about the values of single pictures: blank (Q4), clipped (Q5), bit depth (Q12), lossy coding (Q13)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from workbench.cohort.quality.evidence import Evidence
from workbench.cohort.quality.finding import Finding, number_of
from workbench.cohort.quality.statistics import RADIOGRAPHS

LOW_SHARE, HIGH_SHARE = 0.20, 0.05
EIGHT_BITS, MORE_THAN_EIGHT = 256, 10
COMBED = 0.60
LOSSY_RATIO = 10.0
GRID_STEP = 2.0
"""Steps at the block borders over other steps, from which JPEG must have been at work. Sharp radiographs that were
never compressed stay below 1.2, radiographs from JPEG files of good quality below 1.9, those of poor quality lie above.
"""


def blank(evidence: Evidence) -> Iterator[Finding]:
    """Q4: hardly any spread, or one value nearly everywhere."""
    found = evidence.having("blank")
    if found.any():
        number = int(found.sum())
        yield Finding(
            "Q4",
            "blank",
            "exclude",
            "Blank pictures",
            f"{number_of(number, 'picture', 'shows', 'show')} nothing: one value nearly everywhere.",
            number,
            default="They are not used for training or testing.",
            choices=("keep", "include"),
            scans=evidence.ids(found),
        )


def clipped(evidence: Evidence) -> Iterator[Finding]:
    """Q5: a radiograph whose darkest or brightest value fills much of it, collimated borders left aside."""
    low, high = evidence.measure("low_share"), evidence.measure("high_share")
    found = evidence.shown & ((low > LOW_SHARE) | (high > HIGH_SHARE))
    if found.any():
        worst = np.fmax(low / LOW_SHARE, high / HIGH_SHARE)
        rows = _gravest(found, worst)
        number = len(rows)
        yield Finding(
            "Q5",
            "clipped",
            "warn",
            "Clipped radiographs",
            f"{number_of(number, 'radiograph', 'is', 'are')} cut off at the dark or bright end: more than "
            f"{LOW_SHARE:.0%} of the pixels have the lowest value or more than {HIGH_SHARE:.0%} the highest. What lies "
            "beyond is lost.",
            number,
            default="They are used.",
            choices=("keep", "exclude"),
            scans=evidence.ids(rows),
            details=[f"darkest {low[row]:.0%}, brightest {high[row]:.0%}" for row in rows],
        )


def bit_depth(evidence: Evidence) -> Iterator[Finding]:
    """Q12: bits beyond the stored ones, eight bits in a deeper radiograph, or a histogram with gaps."""
    beyond = evidence.measure("bits_beyond") == 1
    if beyond.any():
        number = int(beyond.sum())
        yield Finding(
            "Q12",
            "bits_beyond",
            "warn",
            "Values beyond the stated bit depth",
            f"{number_of(number, 'picture', 'has', 'have')} values that need more bits than the header states: the "
            "bits beyond were cut off, so bright parts may be wrong.",
            number,
            default="They are used.",
            choices=("keep", "exclude"),
            scans=evidence.ids(beyond),
        )
    deep = evidence.of_modality(*RADIOGRAPHS) & evidence.shown
    deep &= evidence.scans["bits_stored"].to_numpy(float, na_value=0) >= MORE_THAN_EIGHT
    span = evidence.measure("high") - evidence.measure("low")
    narrow = deep & (span < EIGHT_BITS)
    combed = evidence.shown & (evidence.measure("combing") > COMBED) & ~narrow
    for rows, code, what in (
        (narrow, "eight_bits", "use no more than 256 of the many grey levels that they could hold"),
        (combed, "combed", "have a histogram full of gaps: their grey levels were coarsened and stretched before"),
    ):
        if rows.any():
            number = int(rows.sum())
            yield Finding(
                "Q12",
                code,
                "warn",
                "Fewer grey levels than stated",
                f"{number_of(number, 'picture')} {what if number > 1 else _singular(what)}.",
                number,
                default="They are used.",
                choices=("keep", "exclude"),
                scans=evidence.ids(rows),
            )


def lossy(evidence: Evidence) -> Iterator[Finding]:
    """Q13: declared lossy compression, its ratio, and traces of JPEG where nothing is declared."""
    declared = evidence.having("lossy")
    ratio = evidence.measure("lossy_ratio")
    strong = declared & (ratio > LOSSY_RATIO)
    if declared.any():
        number, hard = int(declared.sum()), int(strong.sum())
        more = f" {number_of(hard, 'picture')} by more than {LOSSY_RATIO:.0f} times." if hard else ""
        rows = _gravest(declared, np.nan_to_num(ratio))
        yield Finding(
            "Q13",
            "lossy",
            "note",
            "Lossy compression",
            f"{number_of(number, 'picture', 'was', 'were')} compressed with loss at some time.{more}",
            number,
            default="They are used.",
            choices=("keep", "exclude"),
            scans=evidence.ids(rows),
            details=[f"ratio {ratio[row]:.1f}" if np.isfinite(ratio[row]) else "" for row in rows],
        )
    traces = evidence.shown & ~declared & (evidence.measure("grid8") > GRID_STEP)
    if traces.any():
        number = int(traces.sum())
        yield Finding(
            "Q13",
            "jpeg_traces",
            "note",
            "Traces of JPEG",
            f"{number_of(number, 'picture', 'shows', 'show')} the blocks of JPEG compression though the header "
            "declares no loss.",
            number,
            default="They are used.",
            choices=("keep", "exclude"),
            scans=evidence.ids(_gravest(traces, evidence.measure("grid8"))),
        )


def _singular(words: str) -> str:
    return (
        words.replace("use ", "uses ", 1)
        .replace("have ", "has ", 1)
        .replace("they could", "it could")
        .replace("their grey", "its grey")
    )


def _gravest(rows: NDArray[np.bool_], order: NDArray[np.float64]) -> NDArray[np.int64]:
    """The chosen rows, the largest values first."""
    chosen = np.flatnonzero(rows)
    return chosen[np.argsort(-order[chosen], kind="stable")]
