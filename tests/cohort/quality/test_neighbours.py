from __future__ import annotations

import numpy as np
import pandas as pd

from tests.cohort.quality.making import evidence, one
from workbench.cohort.quality.evidence import Features
from workbench.cohort.quality.neighbours import contradicted, look

SCANS = np.array([f"S{n:03d}" for n in range(120)])


def test_a_view_that_fifteen_neighbours_contradict():
    rng = np.random.default_rng(0)
    centre = np.repeat(np.eye(2), 60, axis=0)
    features = Features.of(SCANS, centre + 0.05 * rng.normal(size=(120, 2)))
    views = ["PA"] * 60 + ["LATERAL"] * 60
    views[5] = "LATERAL"
    given = evidence(120, view_position=views)
    rows = look(given, features)
    assert rows == [("S005", "view_position", "PA")]
    table = pd.DataFrame(rows, columns=["scan_id", "column", "neighbours"])
    found = one(
        contradicted(evidence(120, view_position=views, others={"contradicted": table})), "contradicted_view_position"
    )
    assert list(found.scans) == ["S005"] and found.details == ["LATERAL, its neighbours PA"]
    corrected = evidence(120, view_position=["PA"] * 60 + ["LATERAL"] * 60, others={"contradicted": table})
    assert list(contradicted(corrected)) == [] == list(contradicted(given))


def test_a_patients_own_pictures_do_not_vote():
    rng = np.random.default_rng(0)
    features = Features.of(SCANS, np.repeat(np.eye(2), 60, axis=0) + 0.05 * rng.normal(size=(120, 2)))
    views = ["LATERAL"] * 20 + ["PA"] * 40 + ["LATERAL"] * 60  # twenty pictures of one patient, all wrong
    patients = ["P"] * 20 + [f"Q{n}" for n in range(100)]
    found = look(evidence(120, view_position=views, patient_key=patients), features)
    assert found == [(f"S{n:03d}", "view_position", "PA") for n in range(20)]
