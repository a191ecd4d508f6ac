"""DICOM in: bytes to calibrated pixels and safe facts, each file used or refused with a reason. And out: plain images.

    import workbench.dicom as dicom
    frame = dicom.read_frame("IM0001.dcm")   # .values float32, .units, .spacing_mm, .padding
    header = dicom.read_header("IM0001.dcm")  # raises FileRefused with an outcome code

Everything is imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.dicom.display import as_displayed
    from workbench.dicom.frame import Frame
    from workbench.dicom.header import Header, Identifiers, read_header
    from workbench.dicom.image import Image, open_image, read_frame
    from workbench.dicom.outcomes import FileRefused, Outcome
    from workbench.dicom.sniffing import sniff

__all__ = [
    "FileRefused",
    "Frame",
    "Header",
    "Identifiers",
    "Image",
    "Outcome",
    "as_displayed",
    "open_image",
    "read_frame",
    "read_header",
    "sniff",
]

_HOMES = {
    "FileRefused": "outcomes",
    "Frame": "frame",
    "Header": "header",
    "Identifiers": "header",
    "Image": "image",
    "Outcome": "outcomes",
    "as_displayed": "display",
    "open_image": "image",
    "read_frame": "image",
    "read_header": "header",
    "sniff": "sniffing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench.dicom' has no attribute '{name}'")
    found = globals()[name] = getattr(importlib.import_module(f"workbench.dicom.{_HOMES[name]}"), name)
    return found
