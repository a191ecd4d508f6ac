"""A file, opened once: its header and its frames, one at a time."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workbench.dicom import classification
from workbench.dicom.decoding import decode
from workbench.dicom.frame import Frame
from workbench.dicom.functional_groups import FrameAttributes
from workbench.dicom.modality_step import modality_step
from workbench.dicom.outcomes import FileRefused, Outcome
from workbench.dicom.padding import declared_padding, inferred_padding
from workbench.dicom.palette import apply_palette
from workbench.dicom.parsing import Parsed, load, parse
from workbench.dicom.pixel_bytes import check_bytes
from workbench.dicom.pixel_format import PixelFormat, pixel_format
from workbench.dicom.polarity import invert, invert_window, is_inverted
from workbench.dicom.spacing import Spacing, spacing
from workbench.dicom.voi import read_voi

if TYPE_CHECKING:
    from workbench.dicom.header import Header


class Image:
    """An instance whose pixels are a picture; made by ``open_image``.

    Args:
        parsed: The parsed file.
        form: How its picture is stored.
    """

    def __init__(self, parsed: Parsed, form: PixelFormat):
        self.parsed = parsed
        self.form = form
        self.attributes = FrameAttributes(parsed.root)
        self.modality = classification.modality(parsed)
        self._spacing: tuple[int, Spacing] | None = None

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.form.frames

    @cached_property
    def header(self) -> Header:
        """The header's facts.

        Raises:
            FileRefused: ``screenshot``.
        """
        from workbench.dicom.header import header_of

        return header_of(self)

    def spacing(self, frame: int = 0) -> Spacing:
        """The distance between the pixels of a frame; that of the latest frame is kept."""
        if self._spacing is None or self._spacing[0] != frame:
            self._spacing = (frame, spacing(self.attributes, self.form, modality=self.modality, frame=frame))
        return self._spacing[1]

    def frame(self, index: int = 0) -> Frame:
        """Decode and calibrate one frame: padding, palette, modality step, polarity, in this order.

        Args:
            index: Which frame, from 0.

        Raises:
            FileRefused: The frame is absent (``bad_geometry``), or cannot be decoded.
        """
        if not 0 <= index < self.form.frames:
            raise FileRefused(Outcome.BAD_GEOMETRY, f"there is no frame {index}; the file has {self.form.frames}")
        form, root = self.form, self.parsed.root
        stored = decode(self.parsed, form, index)
        if stored.values.shape[:2] != (form.rows, form.columns):
            raise FileRefused(Outcome.BAD_GEOMETRY, f"the decoded picture is {stored.values.shape[:2]} pixels")
        distance = self.spacing(index)
        flags = list(distance.flags)
        values = apply_palette(stored.values, root) if form.palette else stored.values
        step = modality_step(self.attributes, form, modality=self.modality, frame=index)
        grey = values.ndim == 2
        calibrated = step.apply(values) if grey else values.astype(np.float32)
        seen = np.array([values.min(), values.max()])  # of integers, which is four times as fast
        seen = step.apply(seen) if grey and step.table is None else np.full(2, np.nan)
        padding = declared_padding(stored, form, root)
        if padding is None and step.units == "HU":
            padding = inferred_padding(calibrated)
            if padding is not None:
                flags.append("padding_inferred")
        ends = step.ends(form)
        dark = grey and is_inverted(root)
        inverted = dark and not step.physical
        voi = read_voi(self.attributes, ends=ends, frame=index) if grey else None
        window = (voi.windows[0].centre, voi.windows[0].width) if voi and voi.windows else None
        if inverted:
            calibrated = invert(calibrated, ends)
            seen = invert(seen, ends)
            window = invert_window(window, ends) if window else None
        return Frame(
            values=calibrated,
            units=step.units,
            spacing_mm=distance.mm,
            spacing_plane=distance.plane,
            padding=padding if padding is not None else np.zeros(calibrated.shape[:2], bool),
            bits_stored=8 if form.palette else form.bits_stored,
            signed=form.signed,
            modality=self.modality,
            photometric=form.photometric,
            window=window,
            inverted=inverted,
            ends=ends,
            **({"voi": voi} if voi else {}),
            extremes=(float(seen.min()), float(seen.max())),
            aspect=distance.aspect,
            display_inverted=dark and not inverted,
            whole=step.whole and values.dtype.itemsize <= 2,
            flags=tuple(flags),
        )


def open_image(source: str | Path | bytes) -> Image:
    """Open a file: parse it once, check that it is a picture and that its bytes are all there.

    Args:
        source: A path, or a file's whole content.

    Raises:
        FileRefused: It cannot be used; its ``code`` says why.
    """
    parsed = parse(load(source))
    classification.refuse_what_is_no_picture(parsed)
    form = pixel_format(parsed)
    check_bytes(parsed, form)
    return Image(parsed, form)


def read_frame(source: str | Path | bytes, frame: int = 0) -> Frame:
    """Read one frame with its values calibrated and its polarity made MONOCHROME2; no window is applied.

    Args:
        source: A path, or a file's whole content.
        frame: Which frame, from 0.

    Returns:
        The frame: ``values`` float32 ``(rows, columns)`` or ``(rows, columns, 3)``.

    Raises:
        FileRefused: It cannot be used; its ``code`` says why.
    """
    try:
        return open_image(source).frame(frame)
    except FileRefused as refusal:
        raise _named(refusal, source) from refusal


def _named(refusal: FileRefused, source: str | Path | bytes) -> FileRefused:
    if refusal.where or isinstance(source, bytes):
        return refusal
    return FileRefused(refusal.code, refusal.detail, where=source)
