"""Rule Q8: a view or body part that the nearest pictures of other patients contradict. It needs features of an encoder,
so it is looked for when somebody gives them, and what was found is kept."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.cohort.quality.evidence import Evidence, Features
from workbench.cohort.quality.finding import Finding, number_of

NEIGHBOURS = 15
MAJORITY = 0.8
FEWEST = 50
BLOCK = 2048
COLUMNS = {"view_position": "view", "body_part": "body part"}


def look(evidence: Evidence, features: Features) -> list[tuple[str, str, str]]:
    """Pictures of which at least 12 of the 15 nearest of other patients agree on something else.

    Returns:
        Scan id, column of the manifest, and the value on which the neighbours agree.
    """
    place = {scan: number for number, scan in enumerate(features.scan_ids.tolist())}
    found = []
    for column in COLUMNS:
        stated = evidence.scans[evidence.scans[column].notna() & evidence.scans["scan_id"].isin(place)]
        if len(stated) < FEWEST or stated[column].nunique() < 2:
            continue
        ids = stated["scan_id"].tolist()
        names, values = np.unique(stated[column].to_numpy(str), return_inverse=True)
        patients = np.unique(stated["patient_key"].to_numpy(str), return_inverse=True)[1]
        vectors = features.vectors[[place[scan] for scan in ids]]
        for start in range(0, len(stated), BLOCK):
            cosine = vectors[start : start + BLOCK] @ vectors.T
            cosine[patients[start : start + BLOCK, None] == patients[None, :]] = -2.0
            nearest = np.argpartition(-cosine, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
            for row, mine in enumerate(nearest, start):
                votes = np.bincount(values[mine], minlength=len(names))
                best = int(votes.argmax())
                if best != values[row] and votes[best] >= MAJORITY * NEIGHBOURS:
                    found.append((ids[row], column, str(names[best])))
    return found


def contradicted(evidence: Evidence) -> Iterator[Finding]:
    """Q8: what ``look`` found, as far as the header still says otherwise."""
    table = evidence.contradicted
    if table is None or table.empty:
        return
    for column, noun in COLUMNS.items():
        rows = table[table["column"] == column].merge(evidence.scans[["scan_id", column]], on="scan_id")
        rows = rows[rows[column].notna() & (rows[column] != rows["neighbours"])]
        if len(rows):
            yield Finding(
                "Q8",
                f"contradicted_{column}",
                "warn",
                f"Another {noun} than stated",
                f"{number_of(len(rows), 'picture', 'looks', 'look')} like pictures of another {noun} than the one that "
                "the header states.",
                len(rows),
                default="The header counts.",
                choices=("keep", "exclude"),
                scans=rows["scan_id"].tolist(),
                details=[
                    f"{stated}, its neighbours {other}"
                    for stated, other in zip(rows[column], rows["neighbours"], strict=True)
                ],
            )
