import shutil
import subprocess

import highdicom
import numpy as np
import pydicom
import pytest

from workbench.dicom import read_frame, read_header
from workbench.dicom.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, uid_from
from workbench.dicom.secondary_capture import write_secondary_capture
from workbench.errors import InputError

SYNTAXES = {
    "explicit": "1.2.840.10008.1.2.1",
    "implicit": "1.2.840.10008.1.2",
    "big": "1.2.840.10008.1.2.2",
    "rle": "1.2.840.10008.1.2.5",
    "j2k": "1.2.840.10008.1.2.4.90",
    "jls": "1.2.840.10008.1.2.4.80",
}
WHO = {"patient_id": "P1", "study_uid": uid_from("s"), "series_uid": uid_from("r")}


def pixels(kind: str, side: int = 37) -> np.ndarray:
    random = np.random.default_rng(3)
    if kind == "rgb":
        return random.integers(0, 256, (side, side + 2, 3), dtype=np.uint8)
    top = {"g8": 256, "g12": 4096, "g16": 65536}[kind]
    return random.integers(0, top, (side, side + 2), dtype=np.uint8 if kind == "g8" else np.uint16)


@pytest.mark.parametrize("kind", ["g8", "g12", "g16", "rgb"])
@pytest.mark.parametrize("syntax", list(SYNTAXES))
def test_every_kind_in_every_coding_comes_back(tmp_path, kind, syntax):
    file = tmp_path / "a.dcm"
    given = pixels(kind)
    bits = {"bits_stored": 12} if kind == "g12" else {}
    sop = write_secondary_capture(file, given, transfer_syntax=SYNTAXES[syntax], **bits, **WHO)
    np.testing.assert_array_equal(read_frame(file).values, given)
    np.testing.assert_array_equal(pydicom.dcmread(file).pixel_array, given)
    header = read_header(file)
    assert header.outcome == "image" and header.identifiers.sop_uid == sop
    assert header.bits_stored == {"g8": 8, "g12": 12, "g16": 16, "rgb": 8}[kind]
    assert header.transfer_syntax == SYNTAXES[syntax]


@pytest.mark.parametrize("kind", ["g8", "g12", "g16", "rgb"])
def test_the_mandatory_attributes_are_there(tmp_path, kind):
    if not shutil.which("dciodvfy"):
        pytest.skip("dciodvfy (Debian package dicom3tools) is not installed")
    file = tmp_path / "a.dcm"
    extra = {"StudyDate": "20200102", "StudyTime": "120000", "StudyID": "1", "SeriesNumber": 1, "Laterality": "L"}
    write_secondary_capture(file, pixels(kind), window=(100, 50) if kind != "rgb" else None, extra=extra, **WHO)
    done = subprocess.run(["dciodvfy", str(file)], capture_output=True, text=True)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert lines == ["SCImage"] and done.returncode == 0


def test_dcmtk_reads_it(tmp_path):
    if not shutil.which("dcmdump"):
        pytest.skip("dcmdump (Debian package dcmtk) is not installed")
    file = tmp_path / "a.dcm"
    write_secondary_capture(file, pixels("g8"), **WHO)
    done = subprocess.run(["dcmdump", "+E", str(file)], capture_output=True, text=True)
    assert done.returncode == 0 and IMPLEMENTATION_CLASS_UID in done.stdout and done.stderr == ""


def test_highdicom_reads_it(tmp_path):
    file = tmp_path / "a.dcm"
    given = pixels("g8")
    write_secondary_capture(file, given, photometric="MONOCHROME1", **WHO)
    theirs = highdicom.imread(file).get_frame(1, apply_presentation_lut=True, dtype=np.float64)
    np.testing.assert_array_equal(read_frame(file).values, theirs)


def test_radiographs_in_either_polarity_with_a_window(tmp_path):
    file = tmp_path / "a.dcm"
    write_secondary_capture(
        file,
        pixels("g12"),
        modality="DX",
        photometric="MONOCHROME1",
        bits_stored=12,
        window=(2000, 3000.5),
        extra={"PatientSex": "F", "PatientAge": "050Y", "ViewPosition": "PA", "ImagerPixelSpacing": [0.2, 0.2]},
        **WHO,
    )
    frame, header = read_frame(file), read_header(file)
    np.testing.assert_array_equal(frame.training(), 4095 - pixels("g12"))
    assert frame.window == (4095 - 2000 + 1, 3000.5) and frame.spacing_plane == "detector"
    assert (header.modality, header.sex, header.age_years, header.view_position) == ("DX", "F", 50, "PA")


def test_the_program_names_itself_and_nothing_else_is_left_behind(tmp_path):
    file = tmp_path / "a.dcm"
    write_secondary_capture(file, pixels("g8"), **WHO)
    meta = pydicom.dcmread(file).file_meta
    assert meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert meta.ImplementationVersionName == IMPLEMENTATION_VERSION_NAME
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.dcm"]


@pytest.mark.parametrize("syntax", list(SYNTAXES.values()))
def test_the_same_arguments_give_the_same_file(tmp_path, syntax):
    for name in ("a", "b"):
        write_secondary_capture(tmp_path / name, pixels("g8"), transfer_syntax=syntax, **WHO)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    other = write_secondary_capture(tmp_path / "c", pixels("g8") // 2, transfer_syntax=syntax, **WHO)
    assert other != read_header(tmp_path / "a").identifiers.sop_uid


def test_names_in_any_script(tmp_path):
    file = tmp_path / "a.dcm"
    write_secondary_capture(file, pixels("g8"), extra={"PatientName": "Мария^Ünal"}, **{**WHO, "patient_id": "Ü1"})
    assert read_header(file).identifiers.patient_id == "Ü1"
    assert str(pydicom.dcmread(file).PatientName) == "Мария^Ünal"


@pytest.mark.parametrize(
    ("given", "more", "sentence"),
    [
        (np.zeros((2, 2), np.int16), {}, "cannot be written"),
        (np.zeros((2, 2, 4), np.uint8), {}, "cannot be written"),
        (np.zeros((0, 2), np.uint8), {}, "cannot be written"),
        (np.zeros((2, 2), np.uint8), {"photometric": "RGB"}, "does not fit"),
        (np.full((2, 2), 4096, np.uint16), {"bits_stored": 12}, "12 bits"),
        (np.zeros((2, 2), np.uint8), {"bits_stored": 9}, "9 bits"),
        (np.zeros((2, 2), np.uint8), {"extra": {"NoSuchThing": 1}}, "no attribute of DICOM"),
        (np.zeros((2, 2), np.uint8), {"extra": {"PatientAge": "old"}}, "cannot hold 'old'"),
        (
            np.zeros((9, 9), np.uint8),
            {"transfer_syntax": SYNTAXES["j2k"]},
            "9 x 9 pixels cannot be written in JPEG 2000",
        ),
        (
            np.zeros((9, 9), np.uint8),
            {"transfer_syntax": "1.2.840.10008.1.2.4.50"},
            "cannot be written in JPEG Baseline",
        ),
    ],
)
def test_what_does_not_fit_is_said(tmp_path, given, more, sentence):
    with pytest.raises(InputError, match=sentence):
        write_secondary_capture(tmp_path / "a.dcm", given, **more, **WHO)
    assert list(tmp_path.iterdir()) == []
