"""Rule Q22: pictures on which a name may stand, and volumes from which a face can be drawn.

The absence of a sign proves nothing: only people who looked at the contact sheet can say that no name is there.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from workbench.cohort.quality.burned_in import IN_LINE
from workbench.cohort.quality.evidence import Evidence
from workbench.cohort.quality.finding import Finding, number_of

OFTEN_WRITTEN_ON = ("US", "IVUS", "XA", "RF", "ES")
GREY_MODALITIES = ("CT", "MR", "CR", "DX", "MG", "PT", "NM", "IO", "PX")
OUTSIDE_SHARE = 0.003
HEADS = ("HEAD", "BRAIN", "SKULL", "FACE", "ORBIT", "EYE", "JAW", "MANDIBLE", "MAXILLA", "HEADNECK", "CEREBELLUM")
HEADS += ("WHOLEBODY",)
FACE_SLICE_MM, FACE_SLICES = 3.0, 60
RULES = {
    "B1": "the header says that text is burned in",
    "B2": "a saved screen",
    "B3": "a kind of picture that often carries text",
    "B4": "bright pixels outside the ultrasound's picture",
    "B5": "what looks like letters in a line at the border",
    "B6": "what looks like letters that never move",
}
"""The signs of burned-in text, and their words."""


def signs(evidence: Evidence) -> dict[str, NDArray[np.bool_]]:
    """Which scans show which sign of ``RULES``."""
    scans = evidence.scans
    rgb = scans["photometric"].str.contains("RGB|YBR|PALETTE", na=False).to_numpy(bool)
    return {
        "B1": evidence.having("burned_in_text"),
        "B2": evidence.having("saved_screen"),
        "B3": evidence.of_modality(*OFTEN_WRITTEN_ON) | (rgb & evidence.of_modality(*GREY_MODALITIES)),
        "B4": evidence.measure("bright_outside") > OUTSIDE_SHARE,
        "B5": evidence.measure("glyphs") >= IN_LINE,
        "B6": _of_whole_clips(evidence, evidence.measure("still_glyphs") >= IN_LINE),
    }


def suspects(evidence: Evidence) -> dict[str, list[str]]:
    """The signs of every scan that shows any, by scan id; the most telling ones first."""
    found = signs(evidence)
    order = ("B1", "B2", "B6", "B5", "B4", "B3")
    ids = evidence.scans["scan_id"].to_numpy(object)
    result: dict[str, list[str]] = {}
    for rule in order:
        for scan in ids[found[rule]]:
            result.setdefault(scan, []).append(rule)
    return result


def burned_in(evidence: Evidence) -> Iterator[Finding]:
    """Q22: text that the header admits, saved screens, and signs of text."""
    found = signs(evidence)
    for rule, code, title, one, many in (
        ("B1", "burned_in_text", "Burned-in text", "says that text is burned in", "say that text is burned in"),
        (
            "B2",
            "saved_screen",
            "Saved screens",
            "is a saved screen or a dose sheet",
            "are saved screens or dose sheets",
        ),
    ):
        if found[rule].any():
            number = int(found[rule].sum())
            yield Finding(
                "Q22",
                code,
                "stop",
                title,
                f"{number_of(number, 'picture', one, many)}, which may name somebody.",
                number,
                default="They are kept aside until you include them.",
                choices=("keep", "include"),
                scans=evidence.ids(found[rule]),
                hidden=True,
            )
    any_sign = np.any([found[rule] for rule in ("B3", "B4", "B5", "B6")], axis=0) & ~found["B1"] & ~found["B2"]
    if any_sign.any():
        number = int(any_sign.sum())
        ids = evidence.ids(any_sign)
        why = suspects(evidence)
        counted = ", ".join(
            f"{RULES[rule]} {int((found[rule] & any_sign).sum()):,}"
            for rule in ("B6", "B5", "B4", "B3")
            if (found[rule] & any_sign).any()
        )
        yield Finding(
            "Q22",
            "text_suspected",
            "warn",
            "Text suspected",
            f"{number_of(number, 'picture', 'may carry', 'may carry')} text ({counted}). Look at them on the contact "
            "sheet: 'workbench decide NAME sheet'.",
            number,
            default="They are used.",
            choices=("keep", "exclude"),
            scans=sorted(ids, key=lambda scan: (why[scan] == ["B3"], scan)),
            details=[" ".join(why[scan]) for scan in sorted(ids, key=lambda scan: (why[scan] == ["B3"], scan))],
            hidden=True,
        )


def faces(evidence: Evidence) -> Iterator[Finding]:
    """Q22: head volumes fine enough to draw a face from (Schwarz 2021), unless the header says that it was removed."""
    scans, volumes = face_scans(evidence)
    if volumes:
        yield Finding(
            "Q22",
            "face_possible",
            "warn",
            "Faces could be drawn",
            f"{number_of(volumes, 'volume')} of a head, or of a body part that is not stated, "
            f"{'is' if volumes == 1 else 'are'} fine enough to draw a face from: work with them in-house, and remove "
            "the faces before volumes or whole slices leave it.",
            volumes,
            default="They are used; volumes and whole slices cannot be exported. To say 'keep', with a reason, "
            "confirms that the faces are removed, or that there is a waiver.",
            choices=("keep", "exclude"),
            scans=scans,
            hidden=True,
        )


def face_scans(evidence: Evidence) -> tuple[list[str], int]:
    """The slices of volumes of at least 60 slices of at most 3 mm that show a head, or do not say what they show.

    Returns:
        Their scan ids, and the number of such volumes.
    """
    if evidence.volumes is None or evidence.slices is None:
        return [], 0
    table = evidence.volumes
    step = table["spacing_slice_mm"].astype(float).fillna(table["thickness_mm"].astype(float))
    head = table["body_part"].isin(HEADS) | table["body_part"].isna()
    fine = table["modality"].isin(("CT", "MR", "PT")) & head
    fine &= (step <= FACE_SLICE_MM) & (table["slices"] >= FACE_SLICES)
    removed = set(evidence.ids(evidence.measure("features_removed") == 1))
    slices = evidence.slices[evidence.slices["volume_id"].isin(table.loc[fine, "scan_id"])]
    kept = slices[~slices["scan_id"].isin(removed)]
    return kept["scan_id"].tolist(), int(kept["volume_id"].nunique())


def _of_whole_clips(evidence: Evidence, found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """All frames of the instances of which one frame was found."""
    instances = evidence.scans["instance_key"]
    return instances.isin(instances[found]).to_numpy(bool)
