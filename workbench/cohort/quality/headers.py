"""Rules about headers that contradict themselves: sides (Q9), age and sex (Q19), dates (Q23)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench.cohort.quality.evidence import Evidence
from workbench.cohort.quality.finding import Finding, number_of

AGREEMENT = 0.8
"""Share of a scanner's breast pictures whose breast must lie on the same side, before another side is remarkable."""
FEWEST = 10
NEW_YEAR_SHARE = 0.5
CONTRAST = 0.05


def laterality(evidence: Evidence) -> Iterator[Finding]:
    """Q9: the header names two sides; or a breast lies where that scanner's pictures of its side never have it."""
    found = evidence.measure("laterality_differs") == 1
    if found.any():
        number = int(found.sum())
        yield Finding(
            "Q9",
            "laterality",
            "warn",
            "Left or right in doubt",
            f"{number_of(number, 'picture', 'is', 'are')} called left in one place of the header and right in another.",
            number,
            default="They are used.",
            choices=("keep", "exclude"),
            scans=evidence.ids(found),
        )
    swapped = _breasts_on_the_other_side(evidence)
    if len(swapped):
        yield Finding(
            "Q9",
            "breast_side",
            "warn",
            "Breast on the other side",
            f"{number_of(len(swapped), 'mammogram', 'shows', 'show')} the breast on the side of the picture where "
            "others of the same scanner show the other breast: mirrored, or the side is wrong.",
            len(swapped),
            default="They are used.",
            choices=("keep", "exclude"),
            scans=evidence.ids(swapped),
        )


def _breasts_on_the_other_side(evidence: Evidence) -> list[int]:
    contrast = evidence.measure("side_contrast")
    rows = np.flatnonzero(
        evidence.of_modality("MG")
        & evidence.scans["laterality"].isin(("L", "R")).to_numpy(bool)
        & (np.abs(contrast) > CONTRAST)
    )
    if not len(rows):
        return []
    table = (
        evidence.scans.iloc[rows][["scanner", "laterality"]]
        .astype(object)
        .fillna("")
        .assign(left=contrast[rows] > 0, row=rows)
    )
    swapped: list[int] = []
    for _, group in table.groupby(["scanner", "laterality"]):
        left = float(group["left"].mean())
        if len(group) >= FEWEST and max(left, 1 - left) >= AGREEMENT:
            swapped += group.loc[group["left"] != (left > 0.5), "row"].tolist()
    return sorted(swapped)


def age_and_sex(evidence: Evidence) -> Iterator[Finding]:
    """Q19: the stated age does not fit the dates; a patient has two sexes."""
    wrong = evidence.measure("age_differs") == 1
    if wrong.any():
        number = int(wrong.sum())
        yield Finding(
            "Q19",
            "age",
            "warn",
            "Age against dates",
            f"{number_of(number, 'picture', 'states', 'state')} an age that differs from its dates by over a year.",
            number,
            default="The stated age counts.",
            choices=("keep", "exclude"),
            scans=evidence.ids(wrong),
        )
    sexed = (evidence.scans["patient_unknown"] != 1) & evidence.scans["sex"].isin(("F", "M"))
    known = evidence.scans[["scan_id", "patient_key", "sex"]][sexed]
    sexes = known.groupby("patient_key")["sex"].nunique()
    torn = sexes.index[sexes > 1]
    if len(torn):
        rows = known[known["patient_key"].isin(torn)].sort_values(["patient_key", "scan_id"])
        yield Finding(
            "Q19",
            "two_sexes",
            "warn",
            "Two sexes under one number",
            f"{number_of(len(torn), 'patient', 'has', 'have')} pictures of both sexes: two people may share a number.",
            len(torn),
            default="They count as one patient.",
            choices=("keep", "exclude"),
            scans=rows["scan_id"].tolist(),
            details=[f"patient {key}, {sex}" for key, sex in zip(rows["patient_key"], rows["sex"], strict=True)],
        )


def dates(evidence: Evidence) -> Iterator[Finding]:
    """Q23: study dates in the future or before 1985; all on 1 January."""
    for name, code, words in (
        ("date_future", "date_future", "carries a study date in the future|carry study dates in the future"),
        ("date_before_1985", "date_old", "carries a study date before 1985|carry study dates before 1985"),
    ):
        found = evidence.measure(name) == 1
        if found.any():
            number = int(found.sum())
            one, many = words.split("|")
            yield Finding(
                "Q23",
                code,
                "note",
                "Dates that cannot be",
                f"{number_of(number, 'picture', one, many)}: a scanner's clock was wrong, or dates were altered.",
                number,
                default="They are used.",
                choices=("keep", "exclude"),
                scans=evidence.ids(found),
            )
    studies = evidence.scans.assign(new_year=evidence.measure("date_new_year")).groupby("study_key")["new_year"].max()
    share = float((studies == 1).mean()) if len(studies) else 0.0
    if len(studies) >= FEWEST and share > NEW_YEAR_SHARE:
        yield Finding(
            "Q23",
            "date_new_year",
            "note",
            "All on 1 January",
            f"{int((studies == 1).sum()):,} of {len(studies):,} studies are dated 1 January: the archive was "
            "anonymised, and intervals between exams cannot be trusted.",
            int((studies == 1).sum()),
            default="They are used.",
        )
