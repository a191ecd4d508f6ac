"""What became of a file: one code each, used or refused, with the sentence that people read."""

from __future__ import annotations

from enum import StrEnum

from workbench.errors import InputError


class Outcome(StrEnum):
    """The outcome codes of intake; every file gets exactly one.

    Attributes:
        used: Whether the file counts as used: it gave pictures, or holds or names files that did.
        sentence: What people read.
    """

    used: bool
    sentence: str

    def __new__(cls, code: str, used: bool, sentence: str) -> Outcome:
        """One member: its code, whether it counts as used, its sentence."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.used = used
        member.sentence = sentence
        return member

    IMAGE = "image", True, "A picture."
    NO_PREAMBLE = "no_preamble", True, "A picture in an older file without the usual start; read anyway."
    DICOMDIR = "dicomdir", True, "Index of a disc; the files it points to are read."
    ARCHIVE = "archive", True, "Archive; the files inside are read."
    IMAGE_HEADER_ONLY = (
        "image_header_only",
        False,
        "Header without a picture. Often a header export: ask for the full files.",
    )
    NOT_DICOM = "not_dicom", False, "Not a DICOM file."
    REPORT_OR_STATE = "report_or_state", False, "Report or annotation, not a picture."
    CONTOUR_OR_DOSE = "contour_or_dose", False, "Radiotherapy or segmentation object."
    SIGNAL = "signal", False, "Signal recording."
    SCREENSHOT = "screenshot", False, "Screenshot or scanned page, kept aside because it may show names."
    UNSUPPORTED_IMAGE = "unsupported_image", False, "A kind of picture this version cannot read."
    UNSUPPORTED_CODING = "unsupported_coding", False, "No installed decoder reads this compression."
    PRIVATE_SOP = "private_sop", False, "Maker-specific object."
    TRUNCATED = "truncated", False, "File is cut short."
    BAD_GEOMETRY = "bad_geometry", False, "Header contradicts the picture data."
    DAMAGED = "damaged", False, "The picture data cannot be decoded."
    EMPTY = "empty", False, "Empty file."
    TOO_BIG = "too_big", False, "Skipped to protect this computer (too big)."
    TOO_SLOW = "too_slow", False, "Skipped to protect this computer (took too long)."
    CRASHED = "crashed", False, "Skipped to protect this computer (a reader failed on it)."
    UNREADABLE = "unreadable", False, "Cannot be read: no permission, or the disk failed."
    DUPLICATE = "duplicate", False, "The same picture is already there; kept once."
    UID_CONFLICT = "uid_conflict", False, "Two different pictures claim to be the same one."


class FileRefused(InputError):
    """A file that cannot be used, with its outcome code.

    Args:
        code: The outcome code.
        detail: A few words; they never hold values of identifying tags.
        where: The file, where it is known.
    """

    def __init__(self, code: Outcome | str, detail: str = "", *, where: object = "") -> None:
        self.code = Outcome(code)
        self.detail = detail
        what = f"{self.code.sentence[:-1]}: {detail}." if detail else self.code.sentence
        super().__init__(what, where=where)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code.value, self.detail, self.where)


def _rebuild(code: str, detail: str, where: str) -> FileRefused:
    return FileRefused(code, detail, where=where)
