"""Rule Q8: a view or body part that the nearest pictures of other patients contradict; it needs features."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.cohort.quality.evidence import Evidence
from workbench.cohort.quality.finding import Finding, number_of

NEIGHBOURS = 15
MAJORITY = 0.8
FEWEST = 50
BLOCK = 2048
COLUMNS = {"view_position": ("view", "Q8"), "body_part": ("body part", "Q8")}


def contradicted(evidence: Evidence) -> Iterator[Finding]:
    """Q8: at least 12 of the 15 nearest pictures of other patients agree on another view or body part."""
    if evidence.features is None:
        return
    place = {scan: number for number, scan in enumerate(evidence.features.scan_ids.tolist())}
    for column, (noun, rule) in COLUMNS.items():
        stated = evidence.scans[evidence.scans[column].notna() & evidence.scans["scan_id"].isin(place)]
        if len(stated) < FEWEST or stated[column].nunique() < 2:
            continue
        names, values = np.unique(stated[column].to_numpy(str), return_inverse=True)
        patients = np.unique(stated["patient_key"].to_numpy(str), return_inverse=True)[1]
        vectors = evidence.features.vectors[[place[scan] for scan in stated["scan_id"]]]
        found, details = [], []
        for start in range(0, len(stated), BLOCK):
            cosine = vectors[start : start + BLOCK] @ vectors.T
            cosine[patients[start : start + BLOCK, None] == patients[None, :]] = -2.0
            nearest = np.argpartition(-cosine, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
            for row, mine in enumerate(nearest):
                votes = np.bincount(values[mine], minlength=len(names))
                best = int(votes.argmax())
                if best != values[start + row] and votes[best] >= MAJORITY * NEIGHBOURS:
                    found.append(stated["scan_id"].iloc[start + row])
                    details.append(f"{names[values[start + row]]}, its neighbours {names[best]}")
        if found:
            yield Finding(
                rule,
                f"contradicted_{column}",
                "warn",
                f"Another {noun} than stated",
                f"{number_of(len(found), 'picture', 'looks', 'look')} like pictures of another {noun} than the one "
                "that the header states.",
                len(found),
                default="The header counts.",
                choices=("keep", "exclude"),
                scans=found,
                details=details,
            )
