"""What places a frame in the patient, and what tells it from other frames at the same place.

Each fact is taken from the frame's own functional group, else the shared one, else the root (PS3.3 C.7.6.16). Dimension
Index Values are not used: legacy-converted objects may lack them, and they need not be space or time.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from workbench.dicom.attributes import Attributes
from workbench.dicom.functional_groups import FrameAttributes
from workbench.dicom.image import Image
from workbench.dicom.spacing import SLICES

Vector = tuple[float, ...]
VOCABULARY = {
    "scout": ("scout", "localizer", "localiser", "loc", "topogram", "survey", "scanogram", "surview"),
    "mip": ("mip", "minip", "maxip", "mips"),
    "mpr": ("mpr", "mpr3d", "reformat", "reformatted"),
}
"""Words of a series description, and the token that is kept of each; the description itself never is."""
_WORD = re.compile(rb"[a-z0-9]+")
_TOKENS = {word.encode(): token for token, words in VOCABULARY.items() for word in words}
_FRAME_TYPES = ("MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "PETFrameTypeSequence")
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2}(?:\.\d*)?)?")


class SliceFacts(NamedTuple):
    """The facts of one frame; None or empty where unknown.

    Attributes:
        position: Centre of the first pixel, LPS mm (Image Position (Patient)).
        orientation: Directions of a row and of a column, 6 cosines (Image Orientation (Patient)).
        spacing_mm: Between rows and between columns.
        thickness_mm: Slice Thickness.
        samples: 1 for grey, 3 for colour.
        image_type: Its values, in capitals, joined by a backslash; the frame's own in enhanced objects.
        tokens: Words of ``VOCABULARY`` found in the series description, joined by a blank.
        stack: Stack ID.
        echo_time_ms, echo_number: Echo.
        b_value: Diffusion weighting, s/mm².
        b_direction: Gradient direction, 3 cosines to three digits, as one word.
        temporal_position: Number of the time point.
        trigger_time_ms: Time after the R wave.
        inversion_time_ms, repetition_time_ms, flip_angle_deg: Of the MR sequence.
        acquisition: Acquisition Number.
        kernel, diameter_mm: Of the CT's reconstruction.
        kvp: Tube voltage.
        acquisition_s: Time of the acquisition, seconds of the day.
        slope, intercept: Rescale.
    """

    position: Vector | None = None
    orientation: Vector | None = None
    spacing_mm: tuple[float, float] | None = None
    thickness_mm: float | None = None
    samples: int = 1
    image_type: str = ""
    tokens: str = ""
    stack: str = ""
    echo_time_ms: float | None = None
    echo_number: int | None = None
    b_value: float | None = None
    b_direction: str = ""
    temporal_position: int | None = None
    trigger_time_ms: float | None = None
    inversion_time_ms: float | None = None
    repetition_time_ms: float | None = None
    flip_angle_deg: float | None = None
    acquisition: int | None = None
    kernel: str = ""
    diameter_mm: float | None = None
    kvp: float | None = None
    acquisition_s: float | None = None
    slope: float | None = None
    intercept: float | None = None


def slice_facts(image: Image, frame: int = 0) -> SliceFacts | None:
    """The facts of one frame, or None where it is no slice: a picture of another kind without position.

    Args:
        image: The open picture.
        frame: Which frame, from 0.
    """
    found, root = image.attributes, image.parsed.root
    position, orientation = _place(found, frame, image.frames)
    if image.modality not in SLICES and (position is None or orientation is None):
        return None
    number = _Numbers(found, frame)
    measures = found.find("PixelMeasuresSequence", "SliceThickness", frame)
    content = found.group("FrameContentSequence", "StackID", frame)
    recon = found.find("CTReconstructionSequence", "ConvolutionKernel", frame)
    return SliceFacts(
        position=position,
        orientation=orientation,
        spacing_mm=image.spacing(frame).mm,
        thickness_mm=measures.number("SliceThickness"),
        samples=image.form.samples,
        image_type=_image_type(found, frame),
        tokens=_tokens(root),
        stack=content.text("StackID") if content else "",
        echo_time_ms=number("MREchoSequence", "EffectiveEchoTime", "EchoTime"),
        echo_number=root.integer("EchoNumbers"),
        b_value=number("MRDiffusionSequence", "DiffusionBValue", "DiffusionBValue"),
        b_direction=_direction(found, frame),
        temporal_position=_whole(
            number("FrameContentSequence", "TemporalPositionIndex", "TemporalPositionIdentifier"),
        ),
        trigger_time_ms=number("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime", "TriggerTime"),
        inversion_time_ms=number("MRModifierSequence", "InversionTimes", "InversionTime"),
        repetition_time_ms=number("MRTimingAndRelatedParametersSequence", "RepetitionTime", "RepetitionTime"),
        flip_angle_deg=number("MRTimingAndRelatedParametersSequence", "FlipAngle", "FlipAngle"),
        acquisition=_whole(number("FrameContentSequence", "FrameAcquisitionNumber", "AcquisitionNumber")),
        kernel="/".join(recon.texts("ConvolutionKernel")),
        diameter_mm=number("CTReconstructionSequence", "ReconstructionDiameter", "ReconstructionDiameter"),
        kvp=root.number("KVP"),
        acquisition_s=_acquired(found, frame),
        slope=number("PixelValueTransformationSequence", "RescaleSlope", "RescaleSlope"),
        intercept=number("PixelValueTransformationSequence", "RescaleIntercept", "RescaleIntercept"),
    )


class _Numbers:
    """Numbers of one frame by functional group and keyword, or by the root's keyword."""

    def __init__(self, attributes: FrameAttributes, frame: int) -> None:
        self.attributes, self.frame = attributes, frame

    def __call__(self, group: str, keyword: str, in_root: str) -> float | None:
        item = self.attributes.group(group, keyword, self.frame)
        return self.attributes.root.number(in_root) if item is None else item.number(keyword)


def _place(found: FrameAttributes, frame: int, frames: int) -> tuple[Vector | None, Vector | None]:
    """Position and orientation; one position in the root does not place many frames."""
    root = found.root
    plane = found.group("PlanePositionSequence", "ImagePositionPatient", frame)
    turned = found.group("PlaneOrientationSequence", "ImageOrientationPatient", frame)
    if plane is None and frames > 1:
        return _nuclear(root, frame)
    position = _vector(plane or root, "ImagePositionPatient", 3)
    return position, _vector(turned or root, "ImageOrientationPatient", 6)


def _nuclear(root: Attributes, frame: int) -> tuple[Vector | None, Vector | None]:
    """A reconstructed nuclear-medicine volume: the detector's position is that of the first frame, and a positive
    distance goes along the normal (PS3.3 C.8.4.11, C.8.4.15)."""
    detector = root.item("DetectorInformationSequence")
    step = root.number("SpacingBetweenSlices")
    if detector is None or "TOMO" not in root.text("ImageType").upper() or not step:
        return None, None
    first = _vector(detector, "ImagePositionPatient", 3)
    turned = _vector(detector, "ImageOrientationPatient", 6)
    places = root.words("SliceVector")
    place = places[frame] - 1 if frame < len(places) else frame
    if first is None or turned is None:
        return None, None
    row, column = turned[:3], turned[3:]
    normal = (
        row[1] * column[2] - row[2] * column[1],
        row[2] * column[0] - row[0] * column[2],
        row[0] * column[1] - row[1] * column[0],
    )
    return tuple(a + place * step * b for a, b in zip(first, normal, strict=True)), turned


def _vector(attributes: Attributes, keyword: str, length: int) -> Vector | None:
    numbers = attributes.numbers(keyword) if keyword in attributes else []
    return tuple(numbers) if len(numbers) == length else None


def _image_type(found: FrameAttributes, frame: int) -> str:
    words: list[str] = []
    for sequence in _FRAME_TYPES:
        item = found.group(sequence, "FrameType", frame)
        if item is not None:
            words = item.texts("FrameType")
            component = item.code("ComplexImageComponent")
            return "\\".join([*(word.upper() for word in words), *([component] if component else [])])
    return "\\".join(word.upper() for word in found.root.texts("ImageType"))


def _tokens(root: Attributes) -> str:
    words = set(_WORD.findall(root.raw("SeriesDescription").lower()))
    return " ".join(sorted({_TOKENS[word] for word in words if word in _TOKENS}))


def _direction(found: FrameAttributes, frame: int) -> str:
    diffusion = found.group("MRDiffusionSequence", "DiffusionGradientDirectionSequence", frame)
    item = diffusion.item("DiffusionGradientDirectionSequence") if diffusion else None
    numbers = (item or found.root).numbers("DiffusionGradientOrientation")
    return "/".join(f"{round(value, 3) + 0.0:.3f}" for value in numbers) if len(numbers) == 3 else ""


def _acquired(found: FrameAttributes, frame: int) -> float | None:
    for keyword in ("FrameAcquisitionDateTime", "FrameReferenceDateTime"):
        item = found.group("FrameContentSequence", keyword, frame)
        if item is not None:
            return _seconds(item.text(keyword)[8:])
    root = found.root
    return _seconds(root.text("AcquisitionTime") or root.text("AcquisitionDateTime")[8:])


def _seconds(time: str) -> float | None:
    """Seconds of the day, from ``HHMMSS.ffffff``."""
    match = _TIME.match(time)
    if not match:
        return None
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return 3600 * hours + 60 * minutes + seconds


def _whole(number: float | None) -> int | None:
    return None if number is None or not math.isfinite(number) else round(number)
