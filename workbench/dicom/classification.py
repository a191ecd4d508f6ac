"""What kind of object a file holds, by its SOP class and header: a picture that is used, or why it is not."""

from __future__ import annotations

from workbench.dicom.identity import IMPLEMENTATION_CLASS_UID
from workbench.dicom.outcomes import FileRefused, Outcome
from workbench.dicom.parsing import Parsed

_ROOT = "1.2.840.10008."
_STORAGE = _ROOT + "5.1.4.1.1."
DICOMDIR_CLASS = _ROOT + "1.3.10"
SECONDARY_CAPTURE = _STORAGE + "7"

_IMAGES = (
    *("1", "1.1", "1.1.1", "1.2", "1.2.1", "1.3", "1.3.1"),  # CR, DX, MG, intra-oral
    *("2", "2.1", "2.2"),  # CT
    *("3", "3.1", "6", "6.1"),  # US
    *("4", "4.1", "4.3", "4.4"),  # MR
    *("5", "20", "128", "128.1", "130"),  # NM, PET
    *("12.1", "12.1.1", "12.2", "12.2.1", "12.3"),  # XA, RF
    *("13.1.1", "13.1.2", "13.1.3", "13.1.4", "13.1.5"),  # 3-D X-ray, tomosynthesis
    "481.1",  # RT image
)
_CAPTURES = ("7", "7.1", "7.2", "7.3", "7.4")
_PREFIXES: tuple[tuple[str, Outcome], ...] = (
    ("9.", Outcome.SIGNAL),
    ("9", Outcome.SIGNAL),
    ("11.", Outcome.REPORT_OR_STATE),
    ("88.", Outcome.REPORT_OR_STATE),
    ("104.", Outcome.REPORT_OR_STATE),
    ("90.", Outcome.REPORT_OR_STATE),
    ("91.", Outcome.REPORT_OR_STATE),
    ("78.", Outcome.REPORT_OR_STATE),
    ("79.", Outcome.REPORT_OR_STATE),
    ("80.", Outcome.REPORT_OR_STATE),
    ("131", Outcome.REPORT_OR_STATE),
    ("66.4", Outcome.CONTOUR_OR_DOSE),
    ("66.", Outcome.CONTOUR_OR_DOSE),
    ("481.", Outcome.CONTOUR_OR_DOSE),
    ("67", Outcome.REPORT_OR_STATE),
    ("66", Outcome.UNSUPPORTED_IMAGE),
)
_VIDEO = (_ROOT + "1.2.4.100", _ROOT + "1.2.4.101", _ROOT + "1.2.4.102", _ROOT + "1.2.4.103", _ROOT + "1.2.4.104")
_VIDEO += (_ROOT + "1.2.4.105", _ROOT + "1.2.4.106", _ROOT + "1.2.4.107", _ROOT + "1.2.4.108", _ROOT + "1.2.7.")

PROJECTIONS = ("CR", "DX", "MG", "IO", "PX", "RG", "RTIMAGE", "XC", "BMD", "DR")
_TERMS = """
    AR ASMT AU BDUS BI BMD CFM CR CT CTPROTOCOL DG DMS DOC DR DX ECG EEG EMG EOG EPS ES FID GM HC HD IO IOL IVOCT IVUS
    KER KO LEN LS M3D MG MR NM OAM OCT OP OPM OPT OPTBSV OPTENF OPV OSS OT PA PLAN POS PR PT PX REG RESP RF RG RTDOSE
    RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SEG SM SMR SR SRF STAIN TEXTUREMAP TG US VA XA
    XAPROTOCOL XC AS CD CF CP CS DD DF DM DS EC FA FS LP MA MS OPR ST VF
"""
_MODALITIES = frozenset(_TERMS.split())
"""Defined terms of (0008,0060) (PS3.3 C.7.3.1.1.1), retired ones included, and DR, which makers use for DX."""
_MODALITY_OF_CLASS = {
    "1": "CR",
    "1.1": "DX",
    "1.1.1": "DX",
    "1.2": "MG",
    "1.2.1": "MG",
    "1.3": "IO",
    "1.3.1": "IO",
    "2": "CT",
    "2.1": "CT",
    "2.2": "CT",
    "3": "US",
    "3.1": "US",
    "4": "MR",
    "4.1": "MR",
    "4.3": "MR",
    "4.4": "MR",
    "5": "NM",
    "6": "US",
    "6.1": "US",
    "12.1": "XA",
    "12.1.1": "XA",
    "12.2": "RF",
    "12.2.1": "RF",
    "12.3": "XA",
    "13.1.1": "XA",
    "13.1.2": "XA",
    "13.1.3": "MG",
    "13.1.4": "MG",
    "13.1.5": "MG",
    "20": "NM",
    "128": "PT",
    "128.1": "PT",
    "130": "PT",
    "481.1": "RTIMAGE",
}


def sop_class(parsed: Parsed) -> str:
    """The SOP class UID of the data set, else of the file meta information."""
    return parsed.root.text("SOPClassUID") or parsed.meta.text("MediaStorageSOPClassUID")


def modality(parsed: Parsed) -> str:
    """The modality if the header gives a defined term, else the one that the SOP class implies, else ``OT``."""
    said = parsed.root.code("Modality")
    return said if said in _MODALITIES else _MODALITY_OF_CLASS.get(_short(sop_class(parsed)), "OT")


def _short(uid: str) -> str:
    return uid[len(_STORAGE) :] if uid.startswith(_STORAGE) else ""


def is_ours(parsed: Parsed) -> bool:
    """Whether this program wrote it: archives rewrite the file meta information, but not (0008,0014)."""
    return IMPLEMENTATION_CLASS_UID in (
        parsed.meta.text("ImplementationClassUID"),
        parsed.root.text("InstanceCreatorUID"),
    )


def refuse_what_is_no_picture(parsed: Parsed) -> None:
    """Let pass objects whose pixels are pictures, whatever use is made of them.

    Raises:
        FileRefused: ``dicomdir``, ``report_or_state``, ``contour_or_dose``, ``signal``, ``private_sop``,
            ``unsupported_image`` or ``image_header_only``.
    """
    uid = sop_class(parsed)
    if uid == DICOMDIR_CLASS:
        raise FileRefused(Outcome.DICOMDIR)
    short = _short(uid)
    if uid and short not in _IMAGES and short not in _CAPTURES:
        if not uid.startswith(_ROOT):
            raise FileRefused(Outcome.PRIVATE_SOP)
        for prefix, outcome in _PREFIXES:
            if short == prefix or (prefix.endswith(".") and short.startswith(prefix)):
                raise FileRefused(outcome)
        if not uid.startswith(_STORAGE):
            raise FileRefused(Outcome.REPORT_OR_STATE)
        raise FileRefused(Outcome.UNSUPPORTED_IMAGE, f"SOP class {uid}")
    if parsed.transfer_syntax.startswith(_VIDEO):
        raise FileRefused(Outcome.UNSUPPORTED_IMAGE, "video")
    if parsed.pixels is None or parsed.pixels.end <= parsed.pixels.start:
        raise FileRefused(Outcome.IMAGE_HEADER_ONLY)


def refuse_screenshots(parsed: Parsed) -> None:
    """Keep aside what may show names: secondary captures and screen saves, but not what this program wrote.

    The rules are B2 of the RSNA's Clinical Trial Processor, without its test for SECONDARY alone, which reformatted
    slices carry as well.

    Raises:
        FileRefused: ``screenshot``.
    """
    if is_ours(parsed):
        return
    words = [word.upper() for word in parsed.root.texts("ImageType")]
    saved = any("SAVE" in word or "SCREEN" in word or "REPORT" in word for word in words)
    captured = _short(sop_class(parsed)) in _CAPTURES or modality(parsed) == "OT"
    if saved or captured or "ConversionType" in parsed.root:
        raise FileRefused(Outcome.SCREENSHOT)
