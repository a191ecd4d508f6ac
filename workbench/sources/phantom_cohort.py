"""A cohort of phantom radiographs as a hospital would deliver it: several makes, codings, and a few bad files."""

from __future__ import annotations

import csv
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.runs.engine import map_tasks
from workbench.runs.progress import Progress
from workbench.runs.seeds import mix
from workbench.sources.phantom import draw_anatomy, draw_exposure, radiograph

EXPLICIT = "1.2.840.10008.1.2.1"
RLE = "1.2.840.10008.1.2.5"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
JPEG_LS = "1.2.840.10008.1.2.4.80"
PREVALENCE = 0.4
AGES = (18, 92)


@dataclass(frozen=True)
class Scanner:
    """One make of X-ray machine and how it writes its images."""

    manufacturer: str
    model: str
    photons: float
    blur_px: float
    bits: int
    photometric: str
    transfer_syntax: str
    gamma: float
    modality: str
    portable: bool


SCANNERS = (
    Scanner("Phantom Works", "Aurora 1", 9000, 0.5, 12, "MONOCHROME2", EXPLICIT, 1.0, "DX", False),
    Scanner("Phantom Works", "Aurora 2", 14000, 0.4, 12, "MONOCHROME1", JPEG_LS, 1.0, "DX", False),
    Scanner("Ersatz Medical", "Borealis", 6000, 0.8, 12, "MONOCHROME2", JPEG_2000, 0.8, "CR", False),
    Scanner("Ersatz Medical", "Borealis P", 3500, 0.9, 8, "MONOCHROME1", RLE, 1.2, "CR", True),
)


@dataclass(frozen=True)
class PatientPlan:
    """What is needed to make one patient's files, in any process."""

    folder: str
    number: int
    seed: int
    lesion_cm: float
    pixels: int


@dataclass(frozen=True)
class PhantomFiles:
    """What was written.

    Attributes:
        folder: The folder of DICOM files.
        labels: The label file: ``sop, patient, lesion``, and ``view``, ``scanner``.
        images: Readable images, copies not counted.
        patients: Patients.
        spoilt: Files put in that cannot be used, and copies.
    """

    folder: Path
    labels: Path
    images: int
    patients: int
    spoilt: int


def make_cohort(
    out: Path,
    *,
    patients: int,
    seed: int,
    lesion_cm: float,
    pixels: int,
    workers: int = 0,
    progress: Progress | None = None,
) -> PhantomFiles:
    """Write a phantom cohort below ``out``: ``dicom/`` and ``labels.csv``.

    The same arguments give the same files, byte for byte.

    Args:
        out: Folder to write in; made if absent.
        patients: How many patients; each has one to four images, 2.4 on average.
        seed: Seeds everything.
        lesion_cm: Path of the opacity through soft tissue, in cm: the difficulty.
        pixels: Longest side of an image.
        workers: Processes; 0 for one per core.
        progress: Told of every patient.
    """
    folder = out / "dicom"
    folder.mkdir(parents=True, exist_ok=True)
    plans = [PatientPlan(str(folder), number, seed, lesion_cm, pixels) for number in range(patients)]
    rows: list[dict[str, Any]] = []
    for done, result in enumerate(map_tasks(write_patient, plans, workers=workers), start=1):
        if result.value is None:
            raise RuntimeError(f"patient {result.index}: {result.error}")
        rows += result.value
        if progress:
            progress.progress(done, patients, "phantom patients")
    rows.sort(key=lambda row: (row["patient"], row["sop"]))
    spoilt = _spoil(folder, rows, seed)
    with (out / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["sop", "patient", "lesion", "view", "scanner"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return PhantomFiles(folder, out / "labels.csv", len(rows), patients, spoilt)


def write_patient(plan: PatientPlan) -> list[dict[str, Any]]:
    """Write one patient's images; returns a label row for each."""
    from workbench.dicom.secondary_capture import write_secondary_capture

    random = np.random.default_rng(mix(plan.seed, "patient", plan.number))
    sex = "F" if random.random() < 0.48 else "M"
    age = int(random.integers(*AGES))
    anatomy = draw_anatomy(random, sex=sex)
    ill = bool(random.random() < PREVALENCE)
    count = int(random.choice([1, 2, 3, 4], p=[0.22, 0.32, 0.28, 0.18]))
    home = int(random.integers(len(SCANNERS)))
    rows = []
    for image in range(count):
        scanner = SCANNERS[home if random.random() < 0.7 else int(random.integers(len(SCANNERS)))]
        # The first image of some patients was taken before the illness.
        lesion = ill and not (image == 0 and count > 1 and random.random() < 0.25)
        exposure = draw_exposure(random, photons=scanner.photons, blur_px=scanner.blur_px)
        shape = [plan.pixels, round(plan.pixels * float(random.uniform(0.8, 1.0)))]
        if random.random() < 0.2:
            shape.reverse()
        faintness = float(random.uniform(0.7, 1.3)) * plan.lesion_cm
        attenuation = radiograph(
            anatomy, exposure, rows=shape[0], columns=shape[1], lesion_cm=faintness if lesion else 0.0, random=random
        )
        stored, window = _store(attenuation, scanner, random)
        study, series, sop = (_uid(plan.seed, plan.number, image, level) for level in ("study", "series", "sop"))
        view = "AP" if scanner.portable else "PA"
        file = Path(plan.folder) / f"P{plan.number:04d}" / f"IM{image + 1:02d}.dcm"
        file.parent.mkdir(exist_ok=True)
        write_secondary_capture(
            file,
            stored,
            patient_id=f"PHANTOM-{plan.number:04d}",
            study_uid=study,
            series_uid=series,
            sop_uid=sop,
            instance_number=1,
            modality=scanner.modality,
            photometric=scanner.photometric,
            bits_stored=scanner.bits,
            window=window,
            transfer_syntax=scanner.transfer_syntax,
            extra={
                "PatientName": f"Phantom^Number{plan.number:04d}",
                "PatientSex": sex,
                "PatientAge": f"{age:03d}Y",
                "StudyDate": f"20{20 + image:02d}{1 + plan.number % 12:02d}{1 + plan.number % 28:02d}",
                "Manufacturer": scanner.manufacturer,
                "ManufacturerModelName": scanner.model,
                "StationName": scanner.model.replace(" ", "").upper(),
                "BodyPartExamined": "CHEST",
                "ViewPosition": view,
                "ImagerPixelSpacing": [round(430.0 / plan.pixels, 4)] * 2,
            },
        )
        rows.append(
            {
                "sop": sop,
                "patient": f"PHANTOM-{plan.number:04d}",
                "lesion": "yes" if lesion else "no",
                "view": view,
                "scanner": scanner.model,
                "file": file,
            }
        )
    return rows


def _store(
    attenuation: np.ndarray, scanner: Scanner, random: np.random.Generator
) -> tuple[np.ndarray, tuple[float, float]]:
    """The make's own scale and tone curve, in its bit depth and polarity; and a window that is not always good."""
    low, high = np.percentile(attenuation, [0.5, 99.8])
    unit = np.clip((attenuation - low) / (high - low), 0, 1) ** scanner.gamma
    top = 2**scanner.bits - 1
    values = np.round((0.04 + 0.9 * unit) * top).astype(np.uint16 if scanner.bits > 8 else np.uint8)
    if scanner.photometric == "MONOCHROME1":
        values = (top - values).astype(values.dtype)
    centre = top * float(random.uniform(0.42, 0.58))
    return values, (round(centre), round(top * float(random.uniform(0.6, 1.0))))


def _uid(*parts: int | str) -> str:
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, '/'.join(str(part) for part in parts)).int}"


def _spoil(folder: Path, rows: list[dict[str, Any]], seed: int) -> int:
    """Put in what every archive holds: cut files, files that are no DICOM, copies, the same image under two names."""
    import pydicom
    from pydicom.uid import UID

    chosen = np.random.default_rng(mix(seed, "spoil")).permutation(len(rows))[:7]
    files = [Path(rows[index]["file"]) for index in chosen]
    odd = folder / "odd"
    odd.mkdir(exist_ok=True)
    for number, file in enumerate(files[:2]):
        content = file.read_bytes()
        (odd / f"cut{number}.dcm").write_bytes(content[: len(content) * 2 // 3])
    (odd / "empty.dcm").write_bytes(b"")
    (odd / "readme.txt").write_text("Disc written by the phantom's archive.\n", encoding="utf-8")
    for number, file in enumerate(files[2:5]):
        (odd / f"copy{number}.dcm").write_bytes(file.read_bytes())
    for number, file in enumerate(files[5:7]):
        again = pydicom.dcmread(file)
        again.SOPInstanceUID = again.file_meta.MediaStorageSOPInstanceUID = UID(_uid(seed, "again", number))
        again.save_as(odd / f"resent{number}.dcm")
    return 9
