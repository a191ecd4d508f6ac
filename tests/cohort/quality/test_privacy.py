from __future__ import annotations

import pandas as pd

from tests.cohort.quality.making import evidence, one, some
from workbench.cohort.quality import privacy


def test_signs_of_text_and_what_is_kept_aside():
    given = evidence(
        flags=some(20, {0: "burned_in_text", 1: "saved_screen"}, ""),
        modality=some(20, {2: "US", 3: "CT"}, "DX"),
        photometric=some(20, {3: "RGB"}, "MONOCHROME2"),
        bright_outside=some(20, {4: 0.004, 5: 0.003}, 0.0),
        glyphs=some(20, {6: 6.0}, 0.0),
        still_glyphs=some(20, {8: 9.0}, 0.0),
        instance_key=[f"I{8 if n == 7 else n}" for n in range(20)],
    )
    assert privacy.suspects(given) == {
        "S000": ["B1"], "S001": ["B2"], "S007": ["B6"], "S008": ["B6"], "S006": ["B5"], "S004": ["B4"],
        "S002": ["B3"], "S003": ["B3"],
    }  # fmt: skip
    found = list(privacy.burned_in(given))
    assert one(found, "burned_in_text").level == one(found, "saved_screen").level == "stop"
    suspected = one(found, "text_suspected")
    assert suspected.count == 6 and list(suspected.scans)[-2:] == ["S002", "S003"] and suspected.hidden
    assert list(privacy.burned_in(evidence())) == []


def volumes(**changes) -> dict:
    table = {
        "scan_id": ["V1", "V2", "V3", "V4"],
        "stack_id": ["a", "b", "c", "d"],
        "modality": ["MR", "CT", "MR", "MR"],
        "body_part": ["HEAD", "BRAIN", "KNEE", "HEAD"],
        "slices": [60, 60, 100, 100],
        "spacing_slice_mm": [3.0, 3.1, 1.0, None],
        "thickness_mm": [5.0, 1.0, 1.0, 2.0],
    }
    slices = pd.DataFrame(
        {"scan_id": ["S000", "S001", "S002", "S003"], "volume_id": ["V1", "V2", "V3", "V4"], "stack_id": list("abcd")}
    )
    return {"volumes": pd.DataFrame({**table, **changes}), "slices": slices}


def test_head_volumes_of_fine_slices_may_show_a_face():
    found = one(privacy.faces(evidence(others=volumes())), "face_possible")
    assert (found.count, list(found.scans), found.hidden) == (2, ["S000", "S003"], True)
    unstated = one(privacy.faces(evidence(others=volumes(body_part=["KNEE", "KNEE", "KNEE", None]))), "face_possible")
    assert unstated.sentence.startswith("1 volume of a head, or of a body part that is not stated, is fine enough")
    removed = evidence(others=volumes(), features_removed=some(20, {0: 1.0, 3: 1.0}, 0.0))
    assert list(privacy.faces(removed)) == []
    assert list(privacy.faces(evidence(others=volumes(slices=[59] * 4)))) == [] == list(privacy.faces(evidence()))
