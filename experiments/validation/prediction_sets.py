"""Prediction sets hold the right class as often as promised, class by class, also with several scans per patient.

Prints one JSON object.

    python experiments/validation/prediction_sets.py [--studies 2000]
"""

from __future__ import annotations

import argparse
import json
import sys
import time

import numpy as np

from workbench.evaluation.conformal import judge_sets, set_rule


def draw(random: np.random.Generator, people: int, images: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities, classes and patients; scans of one patient are alike."""
    y = np.repeat([0, 1], people)
    z = random.standard_normal(2 * people)
    # Whoever has many scans is a harder patient: weighing scans instead of patients would miss the promise.
    count = np.where(z * (2 * y - 1) < 0, images, 1)
    member = np.repeat(np.arange(2 * people), count)
    score = z[member] + 1.5 * y[member] + 0.3 * random.standard_normal(len(member))
    p = 1 / (1 + np.exp(-1.5 * score + 1.1))
    return np.column_stack([1 - p, p]), y[member], member


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--studies", type=int, default=2000, help="Simulated calibration and test sets per setting.")
    studies = parser.parse_args().studies
    began = time.monotonic()
    rows = []
    for people in (20, 50, 200):
        for images in (1, 4):
            random = np.random.default_rng(people + images)
            covered = []
            for _ in range(studies):
                p, y, patients = draw(random, people, images)
                q, truth, owners = draw(random, 50, images)
                covered.append(judge_sets(set_rule(p, y, patients).sets(q), truth, owners).coverage)
            mean, error = np.mean(covered, axis=0), 3 * np.std(covered, axis=0) / np.sqrt(studies)
            # With one scan per patient the upper end is exact; several alike scans can only add to it.
            upper = 0.9 + 1 / (people + 1) + error if images == 1 else 1.0
            row = {
                "patients_per_class": people,
                "most_scans_per_patient": images,
                "coverage": mean.round(4).tolist(),
                "pass": bool((mean >= 0.9 - error).all() and (mean <= upper).all()),
            }
            rows.append(row)
            print(row, file=sys.stderr)
    seconds = round(time.monotonic() - began, 1)
    print(json.dumps({"pass": all(row["pass"] for row in rows), "studies": studies, "rows": rows, "seconds": seconds}))


if __name__ == "__main__":
    main()
