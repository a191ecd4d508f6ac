"""Finding the scans that each row of a label table speaks about; identifiers are hashed and not kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from workbench.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from workbench.cohort.cohort import Cohort

KEYS = ("path", "sop", "series", "study", "patient")
_COLUMNS = {"sop": "instance_key", "series": "series_key", "study": "study_key"}
EXAMPLES = {
    "path": "a path under the indexed folder, such as 'study1/IM0001.dcm', or a file name that occurs once",
    "sop": "a SOP Instance UID, such as '2.25.329800735698586629295641978511506172918'",
    "series": "a Series Instance UID, such as '2.25.329800735698586629295641978511506172918'",
    "study": "a Study Instance UID, such as '2.25.329800735698586629295641978511506172918'",
    "patient": "a Patient ID as it stands in the DICOM files (0010,0020), such as 'AB-001234'",
}


@dataclass(frozen=True)
class Join:
    """Which rows found which scans.

    Attributes:
        pairs: ``row`` (number in the label table) and ``scan_id``, one line per match.
        row_keys: The hashed key of each row, by row number.
        not_joined: Numbers of the rows that found no scan.
        ambiguous: Numbers of the rows whose key fits several patients or files.
        loose: Number of rows joined only after leading zeros and capitals were ignored.
    """

    pairs: pd.DataFrame
    row_keys: list[str]
    not_joined: list[int]
    ambiguous: list[int]
    loose: int = 0


def join(cohort: Cohort, keys: list[str], kind: str) -> Join:
    """Join rows to scans.

    Args:
        cohort: The cohort.
        keys: The key cell of every row.
        kind: ``path``, ``sop``, ``series``, ``study`` or ``patient``.

    Raises:
        InputError: The kind is unknown, or not a single row joins.
    """
    import pandas as pd

    if kind not in KEYS:
        raise InputError(f"Unknown key '{kind}'.", todo=f"Choose one of {', '.join(KEYS)}.")
    site = cohort.site_key()
    row_keys = [site.link(kind, key) for key in keys]
    loose = 0
    if kind == "patient":
        targets, ambiguous, loose = _patients(cohort, keys, row_keys)
        column = "patient_key"
    elif kind == "path":
        targets, ambiguous = _paths(cohort, keys)
        column = "path_key"
    else:
        targets, ambiguous = [site.uid(key) if key else None for key in keys], []
        column = _COLUMNS[kind]
    rows = pd.DataFrame({"row": range(len(keys)), column: targets}).dropna()
    pairs = rows.merge(cohort.manifest[["scan_id", column]], on=column)[["row", "scan_id"]]
    joined = set(pairs["row"])
    if not joined:
        raise InputError(
            f"None of the {len(keys):,} rows of the label file joins a scan by {kind}. "
            f"Expected is {EXAMPLES[kind]}; the file's keys look like '{shape_of(keys)}' "
            "(9 stands for a digit, a for a letter).",
            todo=f"Choose the right column with key_column=NAME, or another key ({', '.join(KEYS)}).",
        )
    missing = [row for row in range(len(keys)) if row not in joined]
    return Join(pairs, row_keys, missing, ambiguous, loose)


def shape_of(keys: list[str]) -> str:
    """The form of the commonest kind of key, with every letter and digit replaced, so that no identifier is shown."""
    shapes = [re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", key))[:80] for key in keys if key]
    return max(set(shapes), key=lambda shape: (shapes.count(shape), shape)) if shapes else ""


def _patients(cohort: Cohort, keys: list[str], row_keys: list[str]) -> tuple[list[str | None], list[int], int]:
    site = cohort.site_key()
    links = cohort.private_table("links")
    exact: dict[str, set[str]] = {}
    lenient: dict[str, set[str]] = {}
    for kind, key, digest in links[["kind", "key", "hash"]].itertuples(index=False):
        (exact if kind == "patient" else lenient).setdefault(digest, set()).add(key)
    targets: list[str | None] = []
    ambiguous, loose = [], 0
    for number, (key, row_key) in enumerate(zip(keys, row_keys, strict=True)):
        found = exact.get(row_key, set()) if key else set()
        if not found and key:
            found = lenient.get(site.link("patient_loose", key.lstrip("0").upper()), set())
            loose += len(found) == 1
        if len(found) > 1:
            ambiguous.append(number)
        targets.append(next(iter(found)) if len(found) == 1 else None)
    return targets, ambiguous, loose


def _paths(cohort: Cohort, keys: list[str]) -> tuple[list[str | None], list[int]]:
    exact: dict[str, str] = {}
    endings: dict[str, set[str]] = {}
    for path_key, root, path, member in cohort.private_paths():
        whole = f"{path}/{member}" if member else path
        exact[whole] = path_key
        beside = PurePosixPath(path).name if path == root else str(PurePosixPath(path).relative_to(root))
        inside = member or beside
        for name in {inside, f"{PurePosixPath(root).name}/{inside}", *_ends(inside)}:
            endings.setdefault(name, set()).add(path_key)
    targets: list[str | None] = []
    ambiguous = []
    for number, key in enumerate(keys):
        plain = re.sub(r"^(\./)+", "", key.replace("\\", "/"))
        found = {exact[plain]} if plain in exact else endings.get(plain, set())
        if len(found) > 1:
            ambiguous.append(number)
        targets.append(next(iter(found)) if len(found) == 1 else None)
    return targets, ambiguous


def _ends(path: str) -> list[str]:
    """The file's name alone, with and without its ending ``.dcm``."""
    name = PurePosixPath(path).name
    stem = name[:-4] if name.lower().endswith(".dcm") else name
    whole = path[:-4] if path.lower().endswith(".dcm") else path
    return [name, stem, whole]
