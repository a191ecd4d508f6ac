"""What a header says about itself: contradictions, dates that cannot be, signs of captured screens, lossy coding.

Header attributes are evidence, not truth. What is read here becomes yes or no, or a number; no text leaves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from workbench.dicom.attributes import Attributes

OLDEST_YEAR = 1985
LARGEST_AGE_GAP = 1.0
"""Years by which the stated age may differ from the dates."""
_DATE = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})")
_AGE = re.compile(r"(\d{1,3})Y")
_WORD = re.compile(r"[a-z]+")
_SIDES = {"left": "L", "lt": "L", "links": "L", "li": "L", "right": "R", "rt": "R", "rechts": "R", "re": "R"}
_SCREEN_WORDS = frozenset(("save", "saved", "screen", "screenshot", "screensave", "dose", "capture", "report"))


@dataclass(frozen=True)
class Contradictions:
    """What one header says about itself.

    Attributes:
        laterality: Whether Laterality, Image Laterality and the series description name different sides.
        age: Whether the stated age differs from study date less birth date by more than a year.
        future: Whether the study's date lies in the future.
        before_1985: Whether it lies before digital radiography.
        new_year: Whether it is a 1 January, as in many anonymised archives.
        saved_screen: Whether the series description speaks of a saved screen or a dose report.
        features_removed: Whether the header says that faces were removed (Recognizable Visual Features NO).
        lossy_ratio: Largest stated ratio of lossy compression.
    """

    laterality: bool = False
    age: bool = False
    future: bool = False
    before_1985: bool = False
    new_year: bool = False
    saved_screen: bool = False
    features_removed: bool = False
    lossy_ratio: float | None = None


def contradictions(root: Attributes, *, today: date | None = None) -> Contradictions:
    """Read them from a root data set.

    Args:
        root: The root data set.
        today: The day that counts as today.
    """
    words = _WORD.findall(root.text("SeriesDescription").lower())
    study, birth = day(root.text("StudyDate")), day(root.text("PatientBirthDate"))
    ratios = root.numbers("LossyImageCompressionRatio")
    return Contradictions(
        laterality=_sides_differ(root, words),
        age=_ages_differ(root, study, birth),
        future=study is not None and study > (today or date.today()),
        before_1985=study is not None and study.year < OLDEST_YEAR,
        new_year=study is not None and (study.month, study.day) == (1, 1),
        saved_screen=not _SCREEN_WORDS.isdisjoint(words),
        features_removed=root.code("RecognizableVisualFeatures") == "NO",
        lossy_ratio=max(ratios) if ratios else None,
    )


def day(text: str) -> date | None:
    """A DICOM date, in the present form or an older one with points; None where it is none."""
    match = _DATE.match(text)
    if not match:
        return None
    try:
        return date(*(int(part) for part in match.groups()))
    except ValueError:
        return None


def _sides_differ(root: Attributes, words: list[str]) -> bool:
    said = {root.code("Laterality"), root.code("ImageLaterality")} & {"L", "R"}
    described = {_SIDES[word] for word in words if word in _SIDES}
    return len(said) == 2 or (len(said) == 1 and len(described) == 1 and said != described)


def _ages_differ(root: Attributes, study: date | None, birth: date | None) -> bool:
    match = _AGE.fullmatch(root.text("PatientAge").upper())
    if not match or study is None or birth is None:
        return False
    between = (study - birth).days / 365.25
    return not int(match[1]) - LARGEST_AGE_GAP <= between <= int(match[1]) + 1 + LARGEST_AGE_GAP
