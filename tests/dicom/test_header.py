from dataclasses import fields

import numpy as np
import pytest

from tests.dicom.making import item, picture
from workbench.dicom import FileRefused, Outcome, read_header

PIXELS = np.zeros((4, 6), np.uint16)


def test_the_facts_of_a_manifest():
    header = read_header(
        picture(
            PIXELS,
            "DX",
            BitsStored=12,
            HighBit=11,
            PhotometricInterpretation="MONOCHROME1",
            BodyPartExamined="chest",
            ViewPosition="PA",
            ImageLaterality="L",
            PatientSex="F",
            PatientAge="034Y",
            Manufacturer="Maker",
            ManufacturerModelName="Model 1",
            ImagerPixelSpacing=["0.2", "0.1"],
            PresentationIntentType="FOR PRESENTATION",
            StudyDate="20200102",
            StationName="ROOM1",
            InstitutionName="Clinic",
            IssuerOfPatientID="CLINIC",
            FrameOfReferenceUID="1.2.9",
        )
    )
    facts = {entry.name: getattr(header, entry.name) for entry in fields(header) if entry.name != "identifiers"}
    assert facts == {
        "outcome": Outcome.IMAGE,
        "modality": "DX",
        "sop_class": "1.2.840.10008.5.1.4.1.1.1.1",
        "body_part": "CHEST",
        "view_position": "PA",
        "laterality": "L",
        "sex": "F",
        "age_years": 34,
        "manufacturer": "Maker",
        "model": "Model 1",
        "rows": 4,
        "columns": 6,
        "frames": 1,
        "bits_stored": 12,
        "photometric": "MONOCHROME1",
        "transfer_syntax": "1.2.840.10008.1.2.1",
        "spacing_row_mm": 0.2,
        "spacing_column_mm": 0.1,
        "spacing_plane": "detector",
        "flags": "",
        "presentation": "FOR PRESENTATION",
    }
    raw = header.identifiers
    assert (raw.patient_id, raw.issuer, raw.study_uid, raw.series_uid) == ("MRN-0815", "CLINIC", "1.2.3.4", "1.2.3.4.1")
    assert (raw.sop_uid, raw.frame_of_reference_uid, raw.study_date) == ("1.2.3.4.5", "1.2.9", "20200102")
    assert (raw.station, raw.institution) == ("ROOM1", "Clinic")


def test_identifiers_never_print():
    header = read_header(picture(PIXELS, "DX", InstitutionName="Clinic"))
    for text in (repr(header), str(header), repr(header.identifiers), f"{header.identifiers}"):
        assert "MRN-0815" not in text and "Clinic" not in text and "1.2.3.4" not in text


@pytest.mark.parametrize(
    ("attributes", "years"),
    [
        ({"PatientAge": "034Y"}, 34),
        ({"PatientAge": "095Y"}, 90),
        ({"PatientAge": "007M"}, 0),
        ({"PatientAge": "030M"}, 2),
        ({"PatientAge": "104W"}, 1),
        ({"PatientAge": "010D"}, 0),
        ({"PatientBirthDate": "19800615", "StudyDate": "20200614"}, 39),
        ({"PatientBirthDate": "19800615", "StudyDate": "20200615"}, 40),
        ({"PatientBirthDate": "20200615", "StudyDate": "19800615"}, None),
        ({"PatientAge": "", "PatientBirthDate": "", "StudyDate": "20200615"}, None),
        ({}, None),
    ],
)
def test_age(attributes, years):
    assert read_header(picture(PIXELS, "DX", **attributes)).age_years == years


@pytest.mark.parametrize(
    ("keyword", "given", "column", "kept"),
    [
        ("BodyPartExamined", "C SPINE", "body_part", "CSPINE"),
        ("BodyPartExamined", "MUELLER KNIE", "body_part", "other"),
        ("BodyPartExamined", None, "body_part", ""),
        ("ViewPosition", "MLO", "view_position", "MLO"),
        ("ViewPosition", "HERR MUELLER", "view_position", "other"),
        ("Laterality", "R", "laterality", "R"),
        ("Laterality", "X", "laterality", ""),
        ("PatientSex", "m", "sex", "M"),
        ("PatientSex", "D", "sex", ""),
    ],
)
def test_only_known_words_are_kept(keyword, given, column, kept):
    assert getattr(read_header(picture(PIXELS, "DX", **{keyword: given})), column) == kept


def test_findings_become_flags():
    header = read_header(
        picture(
            PIXELS,
            "CT",
            ImageType=["DERIVED", "PRIMARY", "LOCALIZER"],
            BurnedInAnnotation="YES",
            LossyImageCompression="01",
        )
    )
    assert header.flags == "burned_in_text;derived;localizer;lossy"


def test_laterality_of_an_enhanced_picture():
    content = picture(
        PIXELS, "ECT", SharedFunctionalGroupsSequence=[item(FrameAnatomySequence=[item(FrameLaterality="B")])]
    )
    assert read_header(content).laterality == "B"


def test_older_files_without_the_usual_start_are_used():
    header = read_header(picture(PIXELS, "DX")[132:])
    assert header.outcome is Outcome.NO_PREAMBLE and header.outcome.used


def test_a_refusal_names_the_file(tmp_path):
    file = tmp_path / "empty.dcm"
    file.write_bytes(b"")
    with pytest.raises(FileRefused) as caught:
        read_header(file)
    assert (caught.value.code, caught.value.where) == (Outcome.EMPTY, str(file))


def test_every_real_file_has_exactly_one_outcome(shared_data):
    from collections import Counter

    outcomes: Counter[str] = Counter()
    files = sorted((shared_data / "pydicom-data").glob("*.dcm"))
    for file in files:
        try:
            outcomes[read_header(file).outcome.value] += 1
        except FileRefused as refusal:
            outcomes[refusal.code.value] += 1
    assert sum(outcomes.values()) == len(files) == 79
    assert outcomes == {"image": 34, "screenshot": 34, "contour_or_dose": 9, "unsupported_image": 2}
