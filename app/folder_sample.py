"""A quick look into a folder before it is indexed: how many files, what kind, about how many patients."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from app.wording import count, percent

ARCHIVES = (".zip", ".tar", ".gz", ".tgz")
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
MODALITIES = {
    "CR": "X-ray (CR)",
    "DX": "X-ray (DX)",
    "CT": "CT",
    "MR": "MR",
    "MG": "mammography",
    "US": "ultrasound",
    "PT": "PET",
    "NM": "nuclear medicine",
    "XA": "angiography",
    "OT": "other pictures (OT)",
    "SC": "secondary captures (SC)",
}


@dataclass
class FolderSample:
    """What a quick look found.

    Attributes:
        files: Files counted.
        complete: Whether all were counted; otherwise there are more.
        looked_at: Files opened.
        dicom: How many of those are DICOM pictures.
        modalities: Of those, by DICOM modality.
        patients: Distinct patients among those.
        endings: All counted files by the ending of their names.
    """

    files: int = 0
    complete: bool = True
    looked_at: int = 0
    dicom: int = 0
    modalities: Counter[str] = field(default_factory=Counter)
    patients: int = 0
    endings: Counter[str] = field(default_factory=Counter)

    def sentences(self) -> list[str]:
        """What was found, in plain words."""
        if not self.files:
            return ["This folder holds no files."]
        more = "" if self.complete else " at least"
        lines = [f"There {'is' if self.files == 1 else 'are'}{more} {count(self.files, 'files')} in it."]
        if self.dicom:
            kinds = [
                f"{percent(number / self.dicom)} {MODALITIES.get(name, name)}"
                for name, number in self.modalities.most_common(4)
            ]
            lines.append(
                f"Of {count(self.looked_at, 'files')} that we opened, {self.dicom:,} are DICOM pictures of "
                f"{count(self.patients, 'patients')}: {', '.join(kinds)}."
            )
        elif archives := sum(self.endings[ending] for ending in ARCHIVES):
            lines.append(f"{count(archives, 'archives')} will be opened while reading.")
        else:
            lines.append(f"None of the {count(self.looked_at, 'files')} that we opened is a DICOM picture.")
            if pictures := sum(self.endings[ending] for ending in PICTURES):
                lines.append(
                    f"We found {count(pictures, 'PNG or JPEG pictures')}. They can be used after `workbench "
                    "import-images` has turned them, with a table of patients and labels, into DICOM."
                )
        return lines

    @property
    def promising(self) -> bool:
        """Whether reading the folder is likely to find pictures."""
        return bool(self.dicom) or any(self.endings[ending] for ending in ARCHIVES)


def look_inside(folder: Path, *, opened: int = 200, limit_s: float = 4.0) -> FolderSample:
    """Count the files under a folder and open some of them, spread over it, for a few seconds at most.

    Patients' identifiers are compared in memory and not kept.
    """
    from workbench.dicom import read_header

    began = time.monotonic()
    found = FolderSample()
    spread: list[str] = []
    step = 1
    for number, file in enumerate(_files(folder)):
        found.files += 1
        found.endings[Path(file).suffix.lower()] += 1
        if number % step == 0:
            spread.append(file)
        if len(spread) >= 2 * opened:
            spread, step = spread[::2], step * 2
        if time.monotonic() - began > limit_s / 2:
            found.complete = False
            break
    patients = set()
    for file in spread[:: max(1, len(spread) // opened)][:opened]:
        if time.monotonic() - began > limit_s:
            break
        found.looked_at += 1
        try:
            header = read_header(Path(file))
        except Exception:  # noqa: S112 - whatever a stray file does, the look goes on; the index will say why
            continue
        found.dicom += 1
        found.modalities[header.modality or "not stated"] += 1
        patients.add(_patient(header))
    found.patients = len(patients)
    return found


def _patient(header: object) -> object:
    identifiers = getattr(header, "identifiers", None)
    for name in ("patient_id", "study_uid"):
        value = identifiers.get(name) if isinstance(identifiers, dict) else getattr(identifiers, name, None)
        if value:
            return value
    return None


def _files(folder: Path):  # noqa: ANN202
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            yield str(Path(place) / name)
