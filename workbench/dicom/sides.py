"""Which side of the patient lies at which side of a picture, as far as the header says (PS3.3 C.7.6.1.1.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.dicom.functional_groups import FrameAttributes

OPPOSITE = {"L": "R", "R": "L", "A": "P", "P": "A", "H": "F", "F": "H"}
AXES = (("L", "R"), ("P", "A"), ("H", "F"))
OBLIQUE = 0.35
"""A direction also names an axis from which it is at most about 70 degrees away."""


@dataclass(frozen=True)
class Sides:
    """Letters of the patient's directions: L, R, A(nterior), P(osterior), H(ead), F(oot), the main one first.

    Attributes:
        left, right, top, bottom: Of the picture, such as ``R`` or ``LP``; empty where the header does not say.
    """

    left: str = ""
    right: str = ""
    top: str = ""
    bottom: str = ""


def sides(attributes: FrameAttributes, frame: int = 0) -> Sides:
    """The sides of one frame: from the directions of its rows and columns, else as Patient Orientation states them.

    Laterality is no answer: it names the body part that was pictured, not the way it lies in the picture.

    Args:
        attributes: The instance's attributes.
        frame: Which frame, from 0.
    """
    cosines = attributes.find("PlaneOrientationSequence", "ImageOrientationPatient", frame).numbers(
        "ImageOrientationPatient"
    )
    if len(cosines) == 6:
        right, bottom = letters(cosines[:3]), letters(cosines[3:])
    else:
        stated = [value.upper() for value in attributes.root.texts("PatientOrientation")]
        right, bottom = [value if set(value) <= set(OPPOSITE) else "" for value in (*stated, "", "")[:2]]
    return Sides(opposite(right), right, opposite(bottom), bottom)


def letters(direction: Sequence[float]) -> str:
    """The letters of a direction, the main one first: ``L``, or ``LP`` where it leans; '' where it is none.

    Args:
        direction: Its parts to the left, to the back and to the head; of length 1.
    """
    length = sum(part * part for part in direction) ** 0.5
    if not 0.9 < length < 1.1:
        return ""
    named = [(abs(part), plus if part > 0 else minus) for part, (plus, minus) in zip(direction, AXES, strict=True)]
    return "".join(letter for size, letter in sorted(named, reverse=True) if size > OBLIQUE)


def opposite(letters: str) -> str:
    """The letters of the direction back."""
    return "".join(OPPOSITE[letter] for letter in letters)
