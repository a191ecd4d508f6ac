"""How a picture is stored: the attributes without which its bytes cannot be understood (PS3.3 C.7.6.3), checked."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.dicom.attributes import Attributes
from workbench.dicom.outcomes import FileRefused, Outcome
from workbench.dicom.parsing import Parsed
from workbench.dicom.tags import PIXEL_DATA, name

MAX_FRAMES = 20_000
MAX_FRAME_BYTES = 2 * 2**30
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT")
_GREY = ("MONOCHROME1", "MONOCHROME2")
_PALETTE = "PALETTE COLOR"


@dataclass(frozen=True)
class PixelFormat:
    """How a picture is stored.

    Attributes:
        rows: Height, pixels.
        columns: Width, pixels.
        frames: Frames in the instance.
        samples: 1, or 3 for colour.
        planar: Planar Configuration: 0 colour by pixel, 1 colour by plane.
        bits_allocated: Bits that a sample takes.
        bits_stored: Bits of it that hold the value.
        high_bit: Place of the value's highest bit.
        signed: Whether values are two's complement.
        photometric: Photometric Interpretation.
    """

    rows: int
    columns: int
    frames: int
    samples: int
    planar: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    photometric: str

    @property
    def frame_bits(self) -> int:
        """Bits of one uncompressed frame."""
        samples = 2 if self.photometric == "YBR_FULL_422" else self.samples
        return self.rows * self.columns * samples * self.bits_allocated

    @property
    def ends(self) -> tuple[int, int]:
        """The smallest and the largest value that can be stored."""
        if self.signed:
            return -(2 ** (self.bits_stored - 1)), 2 ** (self.bits_stored - 1) - 1
        return 0, 2**self.bits_stored - 1

    @property
    def palette(self) -> bool:
        """Whether stored values are indices of a colour palette."""
        return self.photometric == _PALETTE


def pixel_format(parsed: Parsed) -> PixelFormat:
    """Read and check how a picture is stored.

    Raises:
        FileRefused: ``bad_geometry``, naming the attribute; ``too_big``; ``unsupported_image`` for pixels that are
            floating-point numbers.
    """
    root = parsed.root
    element = parsed.pixels
    if element is None or PIXEL_DATA not in root.elements:
        raise FileRefused(Outcome.UNSUPPORTED_IMAGE, "floating-point pixels")
    rows, columns = _needed(root, "Rows"), _needed(root, "Columns")
    for keyword, value in (("Rows", rows), ("Columns", columns)):
        if value < 1:
            raise _wrong(keyword, f"is {value}")
    frames = root.integer("NumberOfFrames")
    if "NumberOfFrames" in root and (frames is None or frames < 1):
        raise _wrong("NumberOfFrames", "is no positive number")
    frames = frames or 1
    samples = _needed(root, "SamplesPerPixel")
    allocated = _needed(root, "BitsAllocated")
    if allocated not in (1, 8, 16, 32):
        raise _wrong("BitsAllocated", f"is {allocated}; known are 1, 8, 16 and 32")
    stored = _needed(root, "BitsStored")
    if not 1 <= stored <= allocated:
        raise _wrong("BitsStored", f"is {stored} of {allocated} bits allocated")
    high = root.integer("HighBit")
    if high is None or not stored - 1 <= high < allocated:
        high = stored - 1
    representation = _needed(root, "PixelRepresentation")
    if representation not in (0, 1):
        raise _wrong("PixelRepresentation", f"is {representation}; known are 0 and 1")
    photometric = root.text("PhotometricInterpretation").upper()
    if not photometric:
        raise _wrong("PhotometricInterpretation", "is missing")
    if photometric not in (*_COLOUR, *_GREY, _PALETTE):
        raise _wrong("PhotometricInterpretation", "is none that this version reads")
    if samples != (3 if photometric in _COLOUR else 1):
        raise _wrong("SamplesPerPixel", f"is {samples}, which does not fit {photometric}")
    if photometric in _COLOUR and representation == 1:
        raise _wrong("PixelRepresentation", f"is 1, which does not fit {photometric}")
    found = PixelFormat(
        rows=rows,
        columns=columns,
        frames=frames,
        samples=samples,
        planar=(root.integer("PlanarConfiguration") or 0) if samples == 3 else 0,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high,
        signed=representation == 1,
        photometric=photometric,
    )
    if frames > MAX_FRAMES:
        raise FileRefused(Outcome.TOO_BIG, f"{frames:,} frames; the limit is {MAX_FRAMES:,}")
    if rows * columns * samples * max(4, allocated // 8) > MAX_FRAME_BYTES:
        raise FileRefused(
            Outcome.TOO_BIG, f"{rows} x {columns} pixels; the limit is {MAX_FRAME_BYTES // 2**30} GiB per frame"
        )
    return found


def _needed(root: Attributes, keyword: str) -> int:
    value = root.integer(keyword)
    if value is None:
        raise _wrong(keyword, "is missing")
    return value


def _wrong(keyword: str, problem: str) -> FileRefused:
    return FileRefused(Outcome.BAD_GEOMETRY, f"{name(keyword)} {problem}")
