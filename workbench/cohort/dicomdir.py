"""DICOMDIR: the index of a disc, and the files that it names (PS3.10 section 8)."""

from __future__ import annotations

import io
import logging
import warnings
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def named_files(content: bytes) -> list[str]:
    """The files that a DICOMDIR names, as relative paths with ``/``; names that lead outside are left out.

    Args:
        content: The whole DICOMDIR file.

    Raises:
        ValueError: It cannot be read as a DICOMDIR.
    """
    import pydicom

    logging.getLogger("pydicom").setLevel(logging.CRITICAL)  # its warnings quote what they stumble on
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _named(pydicom.dcmread(io.BytesIO(content), specific_tags=["DirectoryRecordSequence"]))
    except Exception as error:  # pydicom raises many kinds on damaged files
        raise ValueError("the DICOMDIR cannot be read") from error


def names_in(file: str) -> list[str]:
    """The files that the DICOMDIR ``file`` names; nothing where it cannot be read."""
    try:
        return named_files(Path(file).read_bytes())
    except (ValueError, OSError):
        return []


def _named(dataset: Dataset) -> list[str]:
    found = []
    for record in dataset.get("DirectoryRecordSequence") or []:
        reference = record.get("ReferencedFileID")
        if not reference:
            continue
        parts = [str(reference)] if isinstance(reference, str) else [str(part) for part in reference]
        name = PurePosixPath("/".join(part.strip().replace("\\", "/") for part in parts))
        if not name.is_absolute() and ".." not in name.parts:
            found.append(str(name))
    return list(dict.fromkeys(found))


def find_beside(dicomdir: Path, names: list[str]) -> list[Path]:
    """The named files that exist under the DICOMDIR's folder, whatever the case of their names on this disc."""
    folder = dicomdir.parent
    found = []
    for name in names:
        for variant in (name, name.upper(), name.lower()):
            file = folder / variant
            if file.is_file() and not file.is_symlink():
                found.append(file)
                break
    return found
