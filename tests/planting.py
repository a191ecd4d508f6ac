"""Names, numbers and dates planted in every place of DICOM files, folders and tables, and the search for them."""

from __future__ import annotations

import base64
import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from tests.cohort.making import pixels, write_dicom, write_dicomdir

CT = "1.2.840.10008.5.1.4.1.1.2"
SR = "1.2.840.10008.5.1.4.1.1.88.11"
BIRTH, STUDY_DATE, TIME = "19531127", "20170819", "134752"
ISO = ("1953-11-27", "2017-08-19", "13:47:52", "1953.11.27", "27.11.1953")


@dataclass
class Plants:
    """Words that must not be found again: by place, and those that may lie in ``private/`` (paths only)."""

    words: dict[str, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)

    def word(self, place: str) -> str:
        """A word of its own for a place."""
        return self.words.setdefault(place, f"Zq{len(self.words):02d}{re.sub('[^a-z]', '', place.lower())[:6]}x")

    def path(self, place: str) -> str:
        """A word for the name of a file or folder."""
        return self.paths.setdefault(place, f"Wq{len(self.paths):02d}{re.sub('[^a-z]', '', place.lower())[:6]}x")


_TEXTS = """
    PatientName OtherPatientNames PatientBirthName PatientMotherBirthName PatientAddress PatientTelephoneNumbers
    MedicalRecordLocator Occupation EthnicGroup AdditionalPatientHistory PatientComments PatientReligiousPreference
    ImageComments StudyDescription SeriesDescription ProtocolName RequestedProcedureDescription AccessionNumber
    ReferringPhysicianName PerformingPhysicianName NameOfPhysiciansReadingStudy OperatorsName InstitutionName
    InstitutionAddress InstitutionalDepartmentName StationName DeviceSerialNumber StudyID AdmissionID
    CurrentPatientLocation IssuerOfPatientID OtherPatientIDs RequestingPhysician RequestingService
    PerformedProcedureStepDescription WindowCenterWidthExplanation DerivationDescription ContrastBolusAgent
    AcquisitionDeviceProcessingDescription
"""
TEXTS = tuple(_TEXTS.split())


def planted(file: Path, plants: Plants, *, patient: str, number: int, **changes: object) -> Path:
    """A radiograph (or another object, by ``changes``) with a word in every place."""
    nested, private = Dataset(), f"{plants.word('private creator')}"
    nested.RequestedProcedureDescription = plants.word("nested description")
    nested.PersonName = f"{plants.word('nested name')}^Nested"
    elements: dict[str, object] = {name: plants.word(name) for name in TEXTS}
    elements |= {
        "PatientName": f"{plants.word('PatientName')}^Jane",
        "PatientBirthDate": BIRTH,
        "PatientBirthTime": TIME,
        **dict.fromkeys(("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"), STUDY_DATE),
        **dict.fromkeys(("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime"), TIME),
        "AcquisitionDateTime": STUDY_DATE + TIME,
        "PatientAge": "063Y",
        "RequestAttributesSequence": [nested],
        "WindowCenter": "2000",
        "WindowWidth": "3000",
        **changes,
    }
    write_dicom(file, patient=patient, study=f"{number}", series=f"{number}", instance=str(number), **elements)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        there = pydicom.dcmread(file)
        block = there.private_block(0x0011, private, create=True)
        block.add_new(1, "LO", plants.word("private value"))
        block.add_new(2, "PN", f"{plants.word('private name')}^Private")
        bits = plants.word("overlay bits").encode().ljust((there.Rows * there.Columns + 7) // 8 + 1, b"\0")
        there.add_new((0x6000, 0x0010), "US", there.Rows)
        there.add_new((0x6000, 0x0011), "US", there.Columns)
        there.add_new((0x6000, 0x0040), "CS", "G")
        there.add_new((0x6000, 0x0050), "SS", [1, 1])
        there.add_new((0x6000, 0x0100), "US", 1)
        there.add_new((0x6000, 0x0102), "US", 0)
        there.add_new((0x6000, 0x3000), "OW", bits[: len(bits) // 2 * 2])
        there.add_new((0x6000, 0x4000), "LT", plants.word("overlay comments"))
        there.add_new((0xFFFC, 0xFFFC), "OB", plants.word("trailing padding").encode().ljust(40, b"\0"))
        there.preamble = plants.word("preamble").encode().ljust(128, b"\0")
        there.save_as(file)
    with file.open("ab") as stream:
        stream.write(plants.word("behind the end").encode())
    return file


def plant_folder(folder: Path, plants: Plants, patients: int) -> Path:
    """Sources with words in every place; returns the label table. Each patient has two radiographs."""
    ward = folder / plants.path("folder")
    rows = []
    for number in range(patients):
        mrn = f"77192834{number:02d}"
        for shot in (1, 2):
            name = f"{plants.path('file name')}-{number}-{shot}.dcm"
            values = pixels(100 * number + shot, 64, 64) // 4 + (1500 if number % 2 else 0)
            planted(ward / name, plants, patient=mrn, number=100 * number + shot, values=values.astype(np.uint16))
            rows.append({"path": name, "mrn": mrn, "finding": ("no", "yes")[number % 2]})
    table = pd.DataFrame(rows)
    table["patient name"] = plants.word("label name")
    table["birthday"] = "27.11.1953"
    table["remark"] = plants.word("label remark") + " saw her on 2017-08-19"
    table["ward"] = plants.word("label ward") + table["mrn"].str[-2:]
    labels = folder.parent / f"{plants.path('label file')}.xlsx"
    table.to_excel(labels, index=False)
    _odd_files(folder, plants)
    return labels


def _odd_files(folder: Path, plants: Plants) -> None:
    odd = folder / "odd"
    us = {"Modality": "US", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1"}
    planted(odd / "us.dcm", plants, patient="7719283491", number=9001, **us)
    planted(odd / "screen.dcm", plants, patient="7719283492", number=9002, SOPClassUID=SecondaryCaptureImageStorage)
    planted(
        odd / "saved.dcm",
        plants,
        patient="7719283492",
        number=9012,
        SeriesDescription=f"Screen save {plants.word('saved')}",
    )
    planted(odd / "twice-a.dcm", plants, patient="7719283493", number=9003, values=pixels(5))
    planted(odd / "twice-b.dcm", plants, patient="7719283494", number=9004, values=pixels(5))
    for place in range(5):
        planted(
            odd / f"ct{place}.dcm", plants, patient="7719283495", number=9100 + place, Modality="CT", SOPClassUID=CT,
            SeriesInstanceUID="2.25.10.9100", StudyInstanceUID="2.25.10.9100", ImagePositionPatient=[0, 0, place * 2.0],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PixelSpacing=[1, 1], RescaleSlope=1, RescaleIntercept=-1024,
        )  # fmt: skip
    report = planted(odd / "report.dcm", plants, patient="7719283496", number=9005, SOPClassUID=SR)
    whole = (odd / "screen.dcm").read_bytes()
    (odd / "cut.dcm").write_bytes(whole[: len(whole) - 1500])
    wrong = plants.word("wrong value")
    for number, change in enumerate(
        (
            {"PatientAge": wrong, "PixelSpacing": None},
            {"PhotometricInterpretation": wrong.upper()},
            {"Modality": wrong.upper()},
            {"ViewPosition": wrong.upper(), "BodyPartExamined": wrong.upper(), "PatientSex": wrong.upper()},
            {"ImageType": ["ORIGINAL", wrong.upper()]},
            {"Rows": 0},
            {"PixelRepresentation": None},
            {"StudyDate": wrong, "PatientBirthDate": wrong, "BurnedInAnnotation": "YES"},
        )
    ):
        planted(odd / f"wrong{number}.dcm", plants, patient="7719283497", number=9200 + number, **change)
    behind = len(plants.word("behind the end"))
    broken = pydicom.dcmread(io.BytesIO((odd / "us.dcm").read_bytes()[:-behind]))
    broken.SOPInstanceUID = "2.25.10.77"
    broken.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
    broken.PixelData = pydicom.encaps.encapsulate([plants.word("broken JPEG").encode() * 9])
    broken["PixelData"].is_undefined_length = True
    broken.save_as(odd / "jpeg.dcm")
    (odd / f"{plants.path('text file')}.txt").write_text(plants.word("text file"), encoding="utf-8")
    with zipfile.ZipFile(folder / f"{plants.path('archive')}.zip", "w") as archive:
        archive.write(report, f"{plants.path('folder in archive')}/{plants.path('member')}.dcm")
        archive.write(odd / "us.dcm", f"{plants.path('member')}2.dcm")
        archive.writestr("note.txt", plants.word("text in archive"))
        archive.comment = plants.word("archive comment").encode()
    write_dicomdir(folder / "disc" / "DICOMDIR", [[plants.path("disc file").upper()[:8], "GONE"]])


def leaks(folder: Path, plants: Plants, *, private: bool = False) -> Iterator[tuple[str, str, Path]]:
    """Where planted words, numbers and dates turn up again: place, word, file.

    Args:
        folder: Searched with everything in it.
        plants: What was planted.
        private: Search ``private/`` folders instead of what lies outside them; names of files are allowed there.
    """
    words = dict(plants.words) | {"MRN": "77192834", "birth date": BIRTH, "study date": STUDY_DATE, "time": TIME}
    words |= {f"date {date}": date for date in ISO}
    words |= {"UID": "2.25.10."}
    if not private:
        words |= plants.paths
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        if "unpacked" in parts:  # members of archives as they are, for later readers
            continue
        if file.is_file() and ("private" in parts) == private:
            name = str(file.relative_to(folder))
            for place, word in words.items():
                if word.lower() in name.lower():
                    yield place, word, file
            for content in readings(file):
                yield from ((place, word, file) for place, word in found_in(content, words).items())


def found_in(content: bytes, words: dict[str, str]) -> dict[str, str]:
    """The words that a text holds, in UTF-8, UTF-16 or as a number."""
    small = content.lower()
    return {
        place: word
        for place, word in words.items()
        if word.lower().encode() in small or word.lower().encode("utf-16-le") in small
    }


def readings(file: Path) -> Iterator[bytes]:
    """A file's bytes, and what is packed inside them: tables, archives, pictures within pages."""
    content = file.read_bytes()
    yield content
    if file.suffix == ".parquet":
        table = pd.read_parquet(file)
        yield table.to_csv().encode()
        import pyarrow.parquet as pq

        yield repr(pq.read_schema(file).metadata).encode()
    elif file.suffix in (".npz", ".zip", ".pt", ".ckpt"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name.encode() + archive.read(name)
    elif file.suffix in (".html", ".json"):
        for packed in re.findall(rb"base64,([A-Za-z0-9+/=]+)", content):
            yield base64.b64decode(packed)
    elif file.suffix in (".png", ".jpg"):
        from PIL import Image

        with Image.open(io.BytesIO(content)) as picture:
            yield repr(dict(picture.info)).encode() + repr(dict(picture.getexif())).encode()
