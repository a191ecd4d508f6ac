"""Which kinds of objects, in which encodings, we offer to take from a C-GET: at most 127 (PS3.8 9.3.2.2).

An archive may answer each offered pair of object and encoding apart. Where the modality is known, its few object
classes are offered in every encoding, one offer each, so that nothing has to be converted on the way.
"""

from __future__ import annotations

from collections.abc import Sequence

from pynetdicom import ALL_TRANSFER_SYNTAXES, StoragePresentationContexts, build_context
from pynetdicom.presentation import PresentationContext

ROOM = 127
SECONDARY = ("1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.7.2", "1.2.840.10008.5.1.4.1.1.7.4")
CLASSES = {
    "CT": ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2"),
    "MR": ("1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4"),
    "CR": ("1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1"),
    "DX": ("1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1"),
    "MG": (
        "1.2.840.10008.5.1.4.1.1.1.2",
        "1.2.840.10008.5.1.4.1.1.1.2.1",
        "1.2.840.10008.5.1.4.1.1.13.1.3",
        "1.2.840.10008.5.1.4.1.1.13.1.4",
    ),
    "US": ("1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.3.1", "1.2.840.10008.5.1.4.1.1.6.2"),
    "XA": ("1.2.840.10008.5.1.4.1.1.12.1", "1.2.840.10008.5.1.4.1.1.12.1.1", "1.2.840.10008.5.1.4.1.1.13.1.1"),
    "RF": ("1.2.840.10008.5.1.4.1.1.12.2", "1.2.840.10008.5.1.4.1.1.12.2.1"),
    "PT": ("1.2.840.10008.5.1.4.1.1.128", "1.2.840.10008.5.1.4.1.1.130", "1.2.840.10008.5.1.4.1.1.128.1"),
    "NM": ("1.2.840.10008.5.1.4.1.1.20",),
    "OT": (),
}
"""Storage SOP classes by modality (PS3.4 B.5), the usual one first."""

SYNTAXES = (
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.4.202",
    "1.2.840.10008.1.2.4.203",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.2",
)
"""Transfer syntaxes, the usual ones first."""


def usual_classes(modality: str) -> tuple[str, ...]:
    """SOP classes that series of a modality consist of; none where the modality is not known here."""
    return CLASSES[modality] + SECONDARY if modality in CLASSES else ()


def get_contexts(classes: Sequence[str]) -> list[PresentationContext]:
    """The offers for objects of some classes: each in every encoding, as far as there is room.

    Args:
        classes: SOP class UIDs; with none, every usual class is offered, each with all encodings at once, from which
            the archive may choose one that it has to convert to.
    """
    if not classes:
        return [build_context(str(cx.abstract_syntax), ALL_TRANSFER_SYNTAXES) for cx in StoragePresentationContexts]
    return [build_context(uid, syntax) for syntax in SYNTAXES for uid in classes][:ROOM]
