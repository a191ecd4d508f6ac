import csv
import hashlib
from pathlib import Path

import numpy as np
import pydicom
import pytest

from workbench import dicom
from workbench.sources.phantom_cohort import SCANNERS, PhantomFiles, make_cohort


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PhantomFiles:
    out = tmp_path_factory.mktemp("phantom")
    return make_cohort(out, patients=24, seed=5, lesion_cm=2.0, pixels=64, workers=2)


def rows(made: PhantomFiles) -> list[dict[str, str]]:
    with made.labels.open() as file:
        return list(csv.DictReader(file))


def test_every_image_has_a_label_row_and_a_file(made: PhantomFiles) -> None:
    files = {pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID for file in made.folder.glob("P*/*.dcm")}
    assert {row["sop"] for row in rows(made)} == files
    assert len(rows(made)) == made.images
    assert {row["patient"] for row in rows(made)} == {f"PHANTOM-{number:04d}" for number in range(24)}
    assert {row["lesion"] for row in rows(made)} == {"yes", "no"}


def test_headers_bits_polarity_and_coding_vary_by_make(made: PhantomFiles) -> None:
    seen = set()
    for file in made.folder.glob("P*/*.dcm"):
        header = pydicom.dcmread(file, stop_before_pixels=True)
        assert header.PatientSex in "FM"
        assert header.PatientAge.endswith("Y")
        assert header.ViewPosition in ("PA", "AP")
        seen.add((header.ManufacturerModelName, header.BitsStored, header.PhotometricInterpretation))
        assert header.file_meta.TransferSyntaxUID in {scanner.transfer_syntax for scanner in SCANNERS}
    assert seen == {(scanner.model, scanner.bits, scanner.photometric) for scanner in SCANNERS}


def test_all_polarities_read_back_with_dense_tissue_bright(made: PhantomFiles) -> None:
    for file in sorted(made.folder.glob("P*/*.dcm"))[:20]:
        values = dicom.read_frame(file).values
        middle = values[values.shape[0] // 2 :, values.shape[1] // 2 - 3 : values.shape[1] // 2 + 3]
        assert np.median(middle) > np.median(values), file


def test_odd_files_are_what_an_archive_holds(made: PhantomFiles) -> None:
    odd = sorted(file.name for file in (made.folder / "odd").iterdir())
    assert len(odd) == made.spoilt == 9
    assert {"empty.dcm", "readme.txt", "cut0.dcm", "copy2.dcm", "resent1.dcm"} <= set(odd)


def digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            whole.update(str(file.relative_to(folder)).encode() + file.read_bytes())
    return whole.hexdigest()


def test_the_same_arguments_give_the_same_bytes(made: PhantomFiles, tmp_path: Path) -> None:
    again = make_cohort(tmp_path, patients=24, seed=5, lesion_cm=2.0, pixels=64, workers=1)
    assert digest(again.folder) == digest(made.folder)
