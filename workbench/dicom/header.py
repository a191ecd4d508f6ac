"""The facts of a header that a manifest keeps, and, apart from them, the identifiers that never leave private/."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from workbench.dicom import classification
from workbench.dicom.attributes import Attributes
from workbench.dicom.image import Image, open_image
from workbench.dicom.outcomes import FileRefused, Outcome

OLDEST = 90
_VIEWS = """
    AP PA LL RL LLD RLD LLO RLO LAT LATERAL CC MLO ML LM LMO SIO XCC XCCL XCCM FB RM RL TAN AT IO PA_LAT OBL OBLIQUE
    AXIAL LPO RPO LAO RAO DECUBITUS ERECT SUPINE TS
"""
_BODY_PARTS = """
    ABDOMEN ABDOMENPELVIS ANKLE AORTA ARM AXILLA BACK BLADDER BRAIN BREAST CALF CAROTID CEREBELLUM CHEST CLAVICLE
    COCCYX COLON CSPINE TSPINE LSPINE SSPINE SPINE ELBOW ESOPHAGUS EXTREMITY EYE FACE FEMUR FINGER FOOT FOREARM
    GALLBLADDER HAND HEAD HEADNECK HEART HIP HUMERUS JAW KIDNEY KNEE LARYNX LEG LIVER LUNG MANDIBLE MAXILLA MEDIASTINUM
    NECK ORBIT OVARY PANCREAS PELVIS PROSTATE RIB SCAPULA SHOULDER SKULL SPLEEN STERNUM STOMACH TESTIS THIGH THORAX
    THUMB THYROID TIBIA TOE TRACHEA UTERUS VAGINA WHOLEBODY WRIST
"""
VIEWS, BODY_PARTS = frozenset(_VIEWS.split()), frozenset(_BODY_PARTS.split())
_AGE = re.compile(r"(\d{1,3})([DWMY])")
_DATE = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})")
_DAYS = {"D": 1.0, "W": 7.0, "M": 30.44, "Y": 365.25}


@dataclass(frozen=True, repr=False)
class Identifiers:
    """What identifies people, studies and machines, as read: it becomes keys and goes no further.

    Its printed form is empty, so that it cannot slip into a log.
    """

    patient_id: str = ""
    issuer: str = ""
    study_uid: str = ""
    series_uid: str = ""
    sop_uid: str = ""
    frame_of_reference_uid: str = ""
    study_date: str = ""
    station: str = ""
    institution: str = ""

    def __repr__(self) -> str:
        return "Identifiers(...)"


@dataclass(frozen=True)
class Header:
    """The facts of one instance, under the names of the manifest's columns; text is empty and numbers None if unknown.

    Attributes:
        outcome: ``image`` or ``no_preamble``.
        modality: Modality.
        sop_class: SOP class UID.
        body_part: From a controlled list, else ``other``.
        view_position: From a controlled list, else ``other``.
        laterality: ``L``, ``R``, ``B`` or ``U``.
        sex: ``F``, ``M`` or ``O``.
        age_years: Whole years; 90 means 90 or over.
        manufacturer: Maker of the equipment.
        model: Its model.
        rows: Height, pixels.
        columns: Width, pixels.
        frames: Frames of the instance.
        bits_stored: Bits of a stored value.
        photometric: Photometric interpretation.
        transfer_syntax: Transfer syntax UID.
        spacing_row_mm: Distance between rows, mm.
        spacing_column_mm: Distance between columns, mm.
        spacing_plane: ``patient``, ``detector``, ``scanned``, ``unknown`` or ``none``.
        flags: Findings, separated by ``;``.
        presentation: ``FOR PRESENTATION`` or ``FOR PROCESSING``, where it is given.
        identifiers: Kept apart; never to be written but as keyed hashes.
    """

    outcome: Outcome
    modality: str
    sop_class: str
    body_part: str
    view_position: str
    laterality: str
    sex: str
    age_years: int | None
    manufacturer: str
    model: str
    rows: int
    columns: int
    frames: int
    bits_stored: int
    photometric: str
    transfer_syntax: str
    spacing_row_mm: float | None
    spacing_column_mm: float | None
    spacing_plane: str
    flags: str
    presentation: str = ""
    identifiers: Identifiers = field(default_factory=Identifiers, repr=False)


def read_header(source: str | Path | bytes) -> Header:
    """Read the facts of a picture without decoding it; the presence of its bytes is checked.

    Args:
        source: A path, or a file's whole content.

    Raises:
        FileRefused: It is no usable picture; its ``code`` says why.
    """
    try:
        return header_of(open_image(source))
    except FileRefused as refusal:
        if refusal.where or isinstance(source, bytes):
            raise
        raise FileRefused(refusal.code, refusal.detail, where=source) from refusal


def header_of(image: Image) -> Header:
    """The facts of an open picture.

    Raises:
        FileRefused: ``screenshot``.
    """
    parsed, form, root = image.parsed, image.form, image.parsed.root
    classification.refuse_screenshots(parsed)
    distance = image.spacing()
    row, column = distance.mm or (None, None)
    anatomy = image.attributes.find("FrameAnatomySequence", "FrameLaterality", 0)
    laterality = root.code("ImageLaterality") or root.code("Laterality") or anatomy.code("FrameLaterality")
    sex = root.code("PatientSex")
    return Header(
        outcome=Outcome.IMAGE if parsed.preamble else Outcome.NO_PREAMBLE,
        modality=image.modality,
        sop_class=classification.sop_class(parsed),
        body_part=_listed(root.code("BodyPartExamined"), BODY_PARTS),
        view_position=_listed(root.code("ViewPosition"), VIEWS),
        laterality=laterality if laterality in ("L", "R", "B", "U") else "",
        sex=sex if sex in ("F", "M", "O") else "",
        age_years=age_years(root),
        manufacturer=root.text("Manufacturer"),
        model=root.text("ManufacturerModelName"),
        rows=form.rows,
        columns=form.columns,
        frames=form.frames,
        bits_stored=form.bits_stored,
        photometric=form.photometric,
        transfer_syntax=parsed.transfer_syntax,
        spacing_row_mm=row,
        spacing_column_mm=column,
        spacing_plane=distance.plane,
        flags=";".join(sorted({*distance.flags, *_findings(root)})),
        presentation=root.code("PresentationIntentType"),
        identifiers=_identifiers(root),
    )


def age_years(root: Attributes) -> int | None:
    """Age in whole years, from Patient's Age, else from the study's and the birth's date; 90 means 90 or over."""
    match = _AGE.fullmatch(root.text("PatientAge").upper())
    if match:
        years = int(int(match[1]) * _DAYS[match[2]] / _DAYS["Y"])
    else:
        birth, study = _DATE.match(root.text("PatientBirthDate")), _DATE.match(root.text("StudyDate"))
        if not birth or not study:
            return None
        born, seen = [int(part) for part in birth.groups()], [int(part) for part in study.groups()]
        years = seen[0] - born[0] - (seen[1:] < born[1:])
    return min(years, OLDEST) if 0 <= years < 130 else None


def _listed(value: str, known: frozenset[str]) -> str:
    joined = re.sub(r"[ _-]", "", value)
    if not joined:
        return ""
    return joined if joined in known else "other"


def _findings(root: Attributes) -> list[str]:
    kinds = [word.upper() for word in root.texts("ImageType")]
    found = []
    if any(word in ("LOCALIZER", "SCOUT") for word in kinds):
        found.append("localizer")
    if root.code("BurnedInAnnotation") == "YES":
        found.append("burned_in_text")
    if root.code("LossyImageCompression") == "01":
        found.append("lossy")
    if kinds and kinds[0] == "DERIVED":
        found.append("derived")
    return found


def _identifiers(root: Attributes) -> Identifiers:
    return Identifiers(
        patient_id=root.text("PatientID"),
        issuer=root.text("IssuerOfPatientID"),
        study_uid=root.text("StudyInstanceUID"),
        series_uid=root.text("SeriesInstanceUID"),
        sop_uid=root.text("SOPInstanceUID"),
        frame_of_reference_uid=root.text("FrameOfReferenceUID"),
        study_date=root.text("StudyDate"),
        station=root.text("StationName"),
        institution=root.text("InstitutionName"),
    )
