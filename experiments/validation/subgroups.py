"""Groups that are equal are not told apart, and a group that is served worse is found.

Simulated audits with known truth: four equal groups of 15, 30 and 100 positive (and as many negative) patients, one
model or ten draws of the labels; and one group whose positive scores lie lower. Prints one JSON object.

    python experiments/validation/subgroups.py [--studies 400]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.audit.making import make_material  # noqa: E402
from workbench.audit.disparity import disparities  # noqa: E402
from workbench.audit.heterogeneity import auc_floor, heterogeneity  # noqa: E402
from workbench.audit.strata import auc_stratum, joint  # noqa: E402

GROUPS = "ABCD"
REPLICATES = 200


def q_alone(seed: int, people: int, draws: int) -> tuple[float, float, float]:
    """p-value of the global test, observed gap, and the gap if equal, whatever the numbers of patients."""
    material, sex = make_material(seed, dict.fromkeys(GROUPS, (people, people)), draws=draws, replicates=100)
    subjects, point = material.subjects, material.primary
    strata = [
        auc_stratum(
            name, sex.values == name, [(point, material.score(point))], subjects.truth, subjects.patients,
            subjects.patient_count,
        )
        for name in GROUPS
    ]  # fmt: skip
    together = joint(strata, material.pool_patients)
    edges = np.full(4, 1 / (2 * people**2))
    floor = auc_floor(np.clip(together.theta, edges, 1 - edges), np.full(4, 2.0 * people))
    found = heterogeneity(together.theta, together.total, edges=edges, least=floor, seed=seed)
    return found.p, found.gap, found.gap_if_equal


def whole_audits(studies: int, people: int, draws: int, moved: dict[str, float]) -> dict[str, float]:
    """Share of audits that name anybody; that name D as served worse; that name another as served worse."""
    named = right = wrong = 0
    for seed in range(studies):
        material, sex = make_material(
            seed, dict.fromkeys(GROUPS, (people, people)), draws=draws, moved=moved, replicates=REPLICATES
        )
        (found,) = disparities(material, [sex])
        worse = {group.name for group, difference in found.named if difference.contrast.estimate < 0}
        named += bool(found.named)
        right += "D" in worse
        wrong += bool(worse - {"D"})
    return {"names_anybody": named / studies, "names_d": right / studies, "names_another": wrong / studies}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--studies", type=int, default=400, help="Simulated audits per setting.")
    studies = parser.parse_args().studies
    began = time.monotonic()
    allowed = 3 * np.sqrt(0.08 * 0.92 / studies)
    null, planted = [], []
    for people in (15, 30, 100):
        for draws in (1, 10):
            found = np.array([q_alone(seed, people, draws) for seed in range(studies)])
            row = {
                "positive_patients": people,
                "draws": draws,
                "q_rejects": float((found[:, 0] < 0.05).mean()),
                "gap": float(found[:, 1].mean()),
                "gap_if_equal": float(found[:, 2].mean()),
            }
            row["pass"] = bool(row["q_rejects"] <= 0.08 + allowed)
            if people >= 30:
                row |= whole_audits(studies // 2, people, draws, {})
                row["pass"] = bool(row["pass"] and row["names_anybody"] <= 0.08 + allowed)
            null.append(row)
            print(row, file=sys.stderr)
    for people, moved in ((60, 1.2), (100, 0.9)):
        row = {"positive_patients": people, "lower_by_sd": moved}
        row |= whole_audits(studies // 4, people, 10, {"D": moved})
        row["pass"] = bool(row["names_d"] >= 0.8 and row["names_another"] <= 0.05 + allowed)
        planted.append(row)
        print(row, file=sys.stderr)
    passed = all(row["pass"] for row in [*null, *planted])
    seconds = round(time.monotonic() - began, 1)
    print(json.dumps({"pass": passed, "studies": studies, "null": null, "planted": planted, "seconds": seconds}))


if __name__ == "__main__":
    main()
