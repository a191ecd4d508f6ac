from __future__ import annotations

import numpy as np

from workbench.audit.cases import CHANCE, DOUBT, doubtful_labels


def test_flipped_labels_come_up_and_a_fifth_is_chance() -> None:
    random = np.random.default_rng(0)
    patients = np.repeat(np.arange(150), 2)
    y = (np.arange(150) % 2)[patients]
    x = random.standard_normal((300, 6)).astype(np.float32)
    x[:, 0] += 4 * y
    flipped = random.permutation(150)[:12]
    given = np.where(np.isin(patients, flipped), 1 - y, y)
    names = np.array([f"S{n}" for n in range(300)])
    cases = doubtful_labels(x, given, patients, names, ["no", "yes"], count=15)
    assert len(cases) == 15 and len({case.patient_key for case in cases}) == 15
    doubted = [case for case in cases if case.reason == DOUBT]
    assert (len(doubted), sum(case.reason == CHANCE for case in cases)) == (12, 3)
    assert np.mean([int(case.patient_key) in flipped for case in doubted]) > 0.8
    assert {case.label for case in cases} <= {"no", "yes"}
    reasons = [case.reason for case in cases]
    assert reasons != sorted(reasons) and reasons != sorted(reasons, reverse=True)  # the order does not tell
    again = doubtful_labels(x, given, patients, names, ["no", "yes"], count=15)
    assert [case.scan_id for case in again] == [case.scan_id for case in cases]
