"""One frame of stored values: uncompressed ones here, compressed ones by pydicom's plug-ins, without GPL code."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.dicom.outcomes import FileRefused, Outcome
from workbench.dicom.parsing import Parsed
from workbench.dicom.pixel_bytes import encapsulated
from workbench.dicom.pixel_format import PixelFormat

# gdcm last: its C++ exceptions can end the process.
PLUGIN_ORDER = ("pydicom", "pyjpegls", "pylibjpeg", "pillow", "gdcm")
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"


@dataclass(frozen=True)
class Stored:
    """One decoded frame.

    Attributes:
        values: Stored values as integers, ``(rows, columns)``, or ``(rows, columns, 3)`` in RGB.
        words: Grey only: the bits allocated as unsigned integers, before unused bits were cleared; padding values are
            compared with these. None where the decoder had cleared them already.
    """

    values: np.ndarray
    words: np.ndarray | None


def decode(parsed: Parsed, form: PixelFormat, frame: int) -> Stored:
    """Decode one frame.

    Args:
        parsed: The file.
        form: How its picture is stored.
        frame: Which frame, from 0.

    Raises:
        FileRefused: ``unsupported_coding`` where no decoder is installed, ``damaged`` where all of them fail.
    """
    swapped_bytes = form.bits_allocated == 8 and not parsed.root.syntax.little
    if parsed.native and form.samples == 1 and form.bits_allocated > 1 and not swapped_bytes:
        words = native_words(parsed, form, frame)
        return Stored(signed_values(words, form), words)
    values = _by_pydicom(parsed, form, frame)
    if form.samples == 3 and values.ndim == 2:
        raise FileRefused(Outcome.DAMAGED, "a colour picture came out grey")
    return Stored(values, None)


def native_words(parsed: Parsed, form: PixelFormat, frame: int) -> np.ndarray:
    """The words of an uncompressed grey frame as written: unsigned, ``(rows, columns)``, unused bits included."""
    element = parsed.pixels
    assert element is not None
    order = "<" if parsed.root.syntax.little else ">"
    count = form.rows * form.columns
    dtype = np.dtype(f"{order}u{form.bits_allocated // 8}")
    start = element.start + frame * count * dtype.itemsize
    found = np.frombuffer(parsed.root.buffer, dtype, count, start).reshape(form.rows, form.columns)
    return found if order == "<" else found.astype(dtype.newbyteorder("<"))


def signed_values(words: np.ndarray, form: PixelFormat) -> np.ndarray:
    """The values that words hold: unused bits (old overlays among them) cleared, the sign extended (PS3.5 8.1.1).

    Args:
        words: Unsigned integers of ``bits_allocated`` bits, any shape.
        form: How the picture is stored.
    """
    above = form.bits_allocated - 1 - form.high_bit
    below = form.high_bit + 1 - form.bits_stored
    values = words.view(words.dtype.str.replace("u", "i")) if form.signed else words
    if above + below == 0:
        return values
    return (values << above) >> (above + below)


def _by_pydicom(parsed: Parsed, form: PixelFormat, frame: int) -> np.ndarray:
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    try:
        decoder = get_decoder(UID(parsed.transfer_syntax))
    except NotImplementedError as error:
        raise FileRefused(Outcome.UNSUPPORTED_CODING, f"transfer syntax {parsed.transfer_syntax}") from error
    if not decoder.is_available and parsed.transfer_syntax != JPEG_EXTENDED:
        missing = "; ".join(decoder.missing_dependencies)
        raise FileRefused(Outcome.UNSUPPORTED_CODING, f"transfer syntax {parsed.transfer_syntax}: {missing}")
    options: dict[str, Any] = {
        "rows": form.rows,
        "columns": form.columns,
        "number_of_frames": form.frames,
        "samples_per_pixel": form.samples,
        "bits_allocated": form.bits_allocated,
        "bits_stored": form.bits_stored,
        "photometric_interpretation": form.photometric,
        "pixel_representation": int(form.signed),
        "pixel_keyword": "PixelData",
        "pixel_vr": parsed.root.vr("PixelData"),
    }
    if form.samples == 3:
        options["planar_configuration"] = form.planar
    if "ExtendedOffsetTable" in parsed.root:
        options["extended_offsets"] = (parsed.root.raw("ExtendedOffsetTable"), _lengths(parsed))
    content = encapsulated(parsed)
    plugins = sorted(decoder.available_plugins, key=_place) or [""]
    problems = []
    values = None
    for plugin in plugins:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                values, _ = decoder.as_array(content, index=frame, raw=False, decoding_plugin=plugin, **options)
            break
        except Exception as error:  # plug-ins raise many kinds, with texts of many lines
            problems.append(_last_line(error))
    if values is None:
        if parsed.transfer_syntax == JPEG_EXTENDED:
            return _by_dicomsdl(parsed, form, frame)
        raise FileRefused(Outcome.DAMAGED, "; ".join(problems))
    return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))


def _place(plugin: str) -> int:
    return PLUGIN_ORDER.index(plugin) if plugin in PLUGIN_ORDER else len(PLUGIN_ORDER)


def _lengths(parsed: Parsed) -> bytes:
    return parsed.root.raw("ExtendedOffsetTableLengths")


def _by_dicomsdl(parsed: Parsed, form: PixelFormat, frame: int) -> np.ndarray:
    """12-bit JPEG Extended, which no other decoder without GPL code reads."""
    import dicomsdl

    try:
        opened = dicomsdl.open_memory(bytes(parsed.whole))  # pyright: ignore[reportAttributeAccessIssue]
        values = opened.pixelData(frame, storedvalue=True)
    except Exception as error:
        raise FileRefused(Outcome.DAMAGED, _last_line(error)) from error
    if values.shape[:2] != (form.rows, form.columns):
        raise FileRefused(Outcome.DAMAGED, f"the picture is {values.shape[0]} x {values.shape[1]} pixels")
    return values


def _last_line(error: Exception) -> str:
    """pydicom names the plug-in and its complaint on the last line."""
    text = re.sub(r"<[^>]*> ?", "", str(error)).strip().splitlines()  # objects with their place in memory
    return text[-1].strip().rstrip(".")[:160] if text else type(error).__name__
