"""The distance between pixels, and in which plane it holds (PS3.3 10.7)."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.dicom.attributes import Attributes
from workbench.dicom.functional_groups import FrameAttributes
from workbench.dicom.pixel_format import PixelFormat

PROJECTIONS = ("CR", "DX", "MG", "XA", "RF", "IO", "PX", "RG", "RTIMAGE", "DR")
SLICES = ("CT", "MR", "PT", "NM")
MAX_SLICE_MM = 10.0
_SAME = 1e-4


@dataclass(frozen=True)
class Spacing:
    """The distance between pixels.

    Attributes:
        mm: Between rows (vertical) and between columns (horizontal), mm; None where it is not known.
        plane: ``patient``, ``detector``, ``scanned``, ``unknown`` (PixelSpacing alone on a radiograph) or ``none``.
        aspect: Height of a pixel divided by its width; 1 where nothing says otherwise.
        flags: ``spacing_suspect``, ``us_region_invalid``.
    """

    mm: tuple[float, float] | None = None
    plane: str = "none"
    aspect: float = 1.0
    flags: tuple[str, ...] = ()


def spacing(attributes: FrameAttributes, form: PixelFormat, *, modality: str, frame: int = 0) -> Spacing:
    """The spacing of one frame.

    Args:
        attributes: The instance's attributes.
        form: How its picture is stored.
        modality: Its modality.
        frame: Which frame, from 0.
    """
    root = attributes.root
    if modality in ("US", "IVUS") and "SequenceOfUltrasoundRegions" in root:
        return _ultrasound(root, form)
    own = _pair(attributes.find("PixelMeasuresSequence", "PixelSpacing", frame), "PixelSpacing")
    detector = _pair(root, "ImagerPixelSpacing")
    bad = _unusable(root, "PixelSpacing") or _unusable(root, "ImagerPixelSpacing")
    found, plane = own, "patient"
    if modality not in SLICES:
        scanned = _pair(root, "NominalScannedPixelSpacing")
        if modality in PROJECTIONS or detector:
            found, plane = _projection(root, own, detector)
        elif own is None and scanned:
            found, plane = scanned, "scanned"
        elif own is not None:
            plane = "patient" if modality in ("US", "IVUS") else "unknown"
    if found is None:
        return Spacing(aspect=_aspect(root), flags=("spacing_suspect",) if bad else ())
    row, column = found
    suspect = bad or not 0.2 <= row / column <= 5 or (modality in SLICES and max(row, column) > MAX_SLICE_MM)
    return Spacing(found, plane, row / column, ("spacing_suspect",) if suspect else ())


def _projection(
    root: Attributes, own: tuple[float, float] | None, detector: tuple[float, float] | None
) -> tuple[tuple[float, float] | None, str]:
    calibrated = "PixelSpacingCalibrationType" in root
    differ = own and detector and any(abs(a - b) > _SAME * b for a, b in zip(own, detector, strict=True))
    if own and (calibrated or differ):
        return own, "patient"
    if detector:
        factor = root.number("EstimatedRadiographicMagnificationFactor")
        factor = factor if factor and factor > 0 else 1.0
        return (detector[0] / factor, detector[1] / factor), "detector"
    if own:
        return own, "unknown"
    scanned = _pair(root, "NominalScannedPixelSpacing")
    return (scanned, "scanned") if scanned else (None, "none")


def _ultrasound(root: Attributes, form: PixelFormat) -> Spacing:
    """The first tissue region's spacing; none at all where a region leaves the picture, for then all are stale."""
    found: tuple[float, float] | None = None
    for region in root.items("SequenceOfUltrasoundRegions"):
        right, bottom = region.integer("RegionLocationMaxX1"), region.integer("RegionLocationMaxY1")
        if right is None or bottom is None or right > form.columns or bottom > form.rows:
            return Spacing(flags=("us_region_invalid",))
        across, down = region.number("PhysicalDeltaX"), region.number("PhysicalDeltaY")
        centimetres = region.integer("PhysicalUnitsXDirection") == region.integer("PhysicalUnitsYDirection") == 3
        if found is None and region.integer("RegionDataType") == 1 and centimetres and across and down:
            found = (abs(down) * 10.0, abs(across) * 10.0)
    if found is None:
        return Spacing(aspect=_aspect(root))
    return Spacing(found, "patient", found[0] / found[1])


def _pair(attributes: Attributes, keyword: str) -> tuple[float, float] | None:
    numbers = attributes.numbers(keyword)
    if len(numbers) < 2 or numbers[0] <= 0 or numbers[1] <= 0:
        return None
    return numbers[0], numbers[1]


def _unusable(root: Attributes, keyword: str) -> bool:
    return keyword in root and _pair(root, keyword) is None


def _aspect(root: Attributes) -> float:
    pair = _pair(root, "PixelAspectRatio")
    return pair[0] / pair[1] if pair else 1.0
