"""One picture file (PNG, JPEG, TIFF, BMP, GIF, WebP) to pixels, without a change of its values."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np


class NoPicture(Exception):
    """A file whose pixels cannot be taken over.

    Args:
        reason: ``not_an_image``, ``damaged``, ``several_pictures``, ``unsupported_pixels`` or ``too_big``.
        detail: A few words.
    """

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(reason, detail)


@dataclass(frozen=True)
class Picture:
    """A picture's pixels.

    Attributes:
        pixels: uint8 or uint16 ``(rows, columns)``, or uint8 ``(rows, columns, 3)`` in RGB where colours differ.
        lossy: Whether the file was compressed with loss (JPEG).
        ratio: Uncompressed size divided by the file's.
    """

    pixels: np.ndarray
    lossy: bool
    ratio: float


def read_picture(content: bytes) -> Picture:
    """Read a picture.

    Colour whose three channels are equal becomes grey; transparency is left out; the orientation that a camera wrote
    is applied; 16-bit grey stays 16-bit.

    Args:
        content: The file's content.

    Raises:
        NoPicture: It is none, is damaged, or holds what cannot be taken over unchanged.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content)) as image:
            frames = getattr(image, "n_frames", 1)
            if frames > 1:
                raise NoPicture("several_pictures", f"holds {frames} pictures; save each as its own file")
            lossy = image.format in ("JPEG", "MPO")
            deep_colour = any("16" in str(tile[3]) for tile in image.tile) and image.mode in ("RGB", "RGBA", "LA")
            if deep_colour:
                raise NoPicture("unsupported_pixels", "colour or transparency with 16 bits; save as 8-bit")
            image.load()
            pixels = _pixels(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        raise NoPicture("not_an_image", "no picture format that is known") from error
    except Image.DecompressionBombError as error:
        raise NoPicture("too_big", "more pixels than are safe to read") from error
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise NoPicture("damaged", "cut short or damaged") from error
    return Picture(pixels, lossy, pixels.nbytes / max(1, len(content)))


def _pixels(image: object) -> np.ndarray:
    from PIL import Image

    assert isinstance(image, Image.Image)
    mode = image.mode
    if mode == "1":
        return np.asarray(image, dtype=np.uint8) * np.uint8(255)
    if mode == "L":
        return np.asarray(image)
    if mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if mode == "I":
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise NoPicture("unsupported_pixels", "values beyond 16 bits")
        return values.astype(np.uint16)
    if mode == "LA":
        return np.asarray(image.convert("L"))
    if mode in ("RGB", "RGBA", "P", "PA", "RGBX"):
        return grey_if_equal(np.asarray(image.convert("RGB")))
    raise NoPicture("unsupported_pixels", f"pixels of kind {mode}; save as grey or RGB")


def grey_if_equal(pixels: np.ndarray) -> np.ndarray:
    """Colour to grey where all three channels are equal everywhere.

    Args:
        pixels: uint8 ``(rows, columns, 3)``.

    Returns:
        ``(rows, columns)``, or the pixels as they are.
    """
    red = pixels[..., 0]
    if np.array_equal(red, pixels[..., 1]) and np.array_equal(red, pixels[..., 2]):
        return np.ascontiguousarray(red)
    return pixels
