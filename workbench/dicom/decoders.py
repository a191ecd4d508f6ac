"""Which decoder reads which transfer syntax here: a table for ``workbench doctor`` and for people in doubt."""

from __future__ import annotations

from dataclasses import dataclass

PLUGIN_PACKAGES = {
    "gdcm": "python-gdcm",
    "pillow": "pillow",
    "pyjpegls": "pyjpegls",
    "pylibjpeg": "pylibjpeg pylibjpeg-openjpeg pylibjpeg-rle",
}
_PREFERRED = {"4.8": "pyjpegls", "4.9": "pylibjpeg pylibjpeg-openjpeg", "4.2": "pylibjpeg pylibjpeg-openjpeg"}
_JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"


@dataclass(frozen=True)
class DecoderRow:
    """What reads one transfer syntax.

    Attributes:
        uid: Transfer syntax UID.
        name: Its name.
        plugins: What decodes it here, in the order of trial; ``native`` for uncompressed data.
        mend: The command that installs a decoder, where there is none.
    """

    uid: str
    name: str
    plugins: tuple[str, ...]
    mend: str = ""


def report() -> list[DecoderRow]:
    """One row for every transfer syntax that pydicom 3 decodes; none of the plug-ins named is under the GPL."""
    from pydicom.pixels import decoders
    from pydicom.pixels.decoders.base import Decoder

    rows = []
    for decoder in (value for value in vars(decoders).values() if isinstance(value, Decoder)):
        uid = decoder.UID
        plugins = decoder.available_plugins if uid.is_encapsulated else ("native",)
        if uid == _JPEG_EXTENDED and _has_dicomsdl():
            plugins = (*plugins, "dicomsdl (12 bits)")
        rows.append(DecoderRow(str(uid), uid.name, tuple(plugins), "" if plugins else _mend(str(uid))))
    return rows


def _has_dicomsdl() -> bool:
    from importlib.util import find_spec

    return find_spec("dicomsdl") is not None


def _mend(uid: str) -> str:
    short = uid.removeprefix("1.2.840.10008.1.2.")
    packages = next((package for start, package in _PREFERRED.items() if short.startswith(start)), "python-gdcm")
    return f"pip install {packages}"
