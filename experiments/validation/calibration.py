"""The debiased calibration error is unbiased, its interval covers the truth, and one temperature keeps the AUC.

True probabilities and probabilities that are bent on the logit scale, with one scan per patient or four alike ones.
Prints one JSON object.

    python experiments/validation/calibration.py [--studies 1000]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.evaluation.test_calibration_interval import simulate, true_error  # noqa: E402
from workbench.evaluation.auc import placements  # noqa: E402
from workbench.evaluation.calibration import calibrated, calibration_error, fit_temperature  # noqa: E402
from workbench.evaluation.calibration_interval import squared_error_interval  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--studies", type=int, default=1000, help="Simulated test sets per setting.")
    studies = parser.parse_args().studies
    began = time.monotonic()
    coverage = []
    for cases in (100, 300, 1000):
        for bend in (1.0, 1.6, 2.5):
            for images, alike in ((1, 0.0), (4, 0.9)):
                covered, above, bias = 0, 0, []
                for seed in range(studies):
                    p, truth, y, patients = simulate(seed, n=cases, bend=bend, images=images, alike=alike)
                    found = squared_error_interval(p, y, patients)
                    real = 0.0 if bend == 1.0 else true_error(p, truth)
                    covered += found.low <= real <= found.high
                    above += found.low > real
                    bias.append(found.value - real)
                row = {
                    "cases": cases,
                    "scans_per_patient": images,
                    "bend": bend,
                    "coverage": covered / studies,
                    "called_too_large": above / studies,
                    "bias_of_squared_error": float(np.mean(bias)),
                }
                # Few patients with several alike scans: the normal approximation costs some coverage.
                least = 0.95 if images == 1 else 0.90
                row["pass"] = bool(row["coverage"] >= least - 3 * np.sqrt(0.05 * 0.95 / studies))
                coverage.append(row)
                print(row, file=sys.stderr)
    plain, debiased = [], []
    for seed in range(studies):
        p, _, y, _ = simulate(seed, n=100)
        found = calibration_error(p, y)
        plain.append((found.plain, found.plain_if_calibrated))
        debiased.append(found.squared)
    true = {
        "cases": 100,
        "mean_debiased_squared": float(np.mean(debiased)),
        "mean_plain": float(np.mean([a for a, _ in plain])),
        "mean_plain_if_true": float(np.mean([b for _, b in plain])),
    }
    true["pass"] = bool(
        abs(true["mean_debiased_squared"]) <= 0.002 and abs(true["mean_plain"] - true["mean_plain_if_true"]) <= 0.01
    )
    kept = []
    for seed in range(50):
        p, _, y, _ = simulate(seed, n=200, bend=2.5)
        z = np.column_stack([np.log(1 - p), np.log(p)])
        after = calibrated(z, fit_temperature(z, y, "binary"), "binary")[:, 1]
        kept.append(abs(float(placements(p, y)[0]) - float(placements(after.astype(np.float64), y)[0])))
    temperature = {"largest_change_of_auc": max(kept), "pass": max(kept) < 1e-3}
    passed = all(row["pass"] for row in [*coverage, true, temperature])
    print(
        json.dumps(
            {
                "pass": passed,
                "studies": studies,
                "coverage": coverage,
                "true_probabilities": true,
                "temperature": temperature,
                "seconds": round(time.monotonic() - began, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
