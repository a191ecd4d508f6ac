"""All probes of a study solved at once, beside the loop over scikit-learn's LogisticRegression that a user would write.

Same features, draws, folds and penalties, one thread each, one run: for every size and number of classes both choose
the penalty by pooled out-of-fold log-loss and fit the whole draw. scikit-learn runs as it comes (lbfgs, tolerance
1e-4, float64). Rounds of both alternate, the ratio is taken of the medians; the loop gets fewer draws and is compared
per fit. Then one whole study of ours: six budgets, 10 to 1000, one encoder.

    python experiments/benchmarks/probe_solver.py --json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np  # noqa: E402
import sklearn  # noqa: E402
import torch  # noqa: E402
from scipy.special import log_softmax  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402

from workbench.evaluation.folds import assign_folds  # noqa: E402
from workbench.evaluation.probe import LAMBDAS, fit_probes  # noqa: E402
from workbench.evaluation.standardise import Standardiser  # noqa: E402

SIZES = (30, 100, 300, 1000)
STUDY = ((10, 50), (25, 50), (50, 50), (100, 50), (250, 50), (1000, 1))
FITS = len(LAMBDAS) * 5 + 1


def made_up(classes: int, width: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """1,500 correlated, rectified features as a network gives them, and classes that they tell apart in part."""
    y = rng.permutation(np.arange(1500) % classes)
    hidden = rng.normal(size=(1500, width))
    hidden[:, :classes] += 1.2 * np.eye(classes)[y]
    mixing = rng.normal(size=(width, width)) * (1.0 + np.arange(width))[:, None] ** -0.5
    return np.maximum(hidden @ mixing, 0).astype(np.float32) + 0.1, y


def loop(x: np.ndarray, y: np.ndarray, rows: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, float]:
    """One draw as a user would do it: probabilities ``(N_test, C)`` and the penalty chosen."""
    folds = assign_folds(y[rows], rows).ids
    losses = []
    for penalty in LAMBDAS:
        loss = 0.0
        for fold in range(folds.max() + 1):
            inside, held = rows[folds != fold], rows[folds == fold]
            model = LogisticRegression(C=1 / (penalty * len(inside)), max_iter=1000).fit(x[inside], y[inside])
            z = model.decision_function(x[held])
            z = np.stack([np.zeros_like(z), z], axis=1) if z.ndim == 1 else z
            loss -= log_softmax(z, axis=1)[np.arange(len(held)), y[held]].sum()
        losses.append(loss)
    best = LAMBDAS[int(np.argmin(losses))]
    model = LogisticRegression(C=1 / (best * len(rows)), max_iter=1000).fit(x[rows], y[rows])
    return model.predict_proba(test), best


def area(y: np.ndarray, p: np.ndarray) -> float:
    p = p / p.sum(axis=1, keepdims=True)
    return float(roc_auc_score(y, p[:, 1]) if p.shape[1] == 2 else roc_auc_score(y, p, multi_class="ovr"))


def one_size(n: int, classes: int, arguments: argparse.Namespace) -> dict[str, float]:
    rng = np.random.default_rng([n, classes])
    x, y = made_up(classes, arguments.width, rng)
    pool, test, patients = x[:1000], x[1000:], np.arange(1000)
    draws = [rng.choice(1000, n, replace=False) for _ in range(arguments.draws if n < 1000 else 4)]
    exact = Standardiser.fit(pool)(x).astype(np.float64)
    ours, theirs, gaps, same = [], [], [], 0
    for turn in range(arguments.rounds):
        clock = time.perf_counter()
        fits = fit_probes(pool, y[:1000], draws, test, patients)
        ours.append((time.perf_counter() - clock) / (len(draws) * FITS))
        some = range(turn * arguments.loops, (turn + 1) * arguments.loops)
        clock = time.perf_counter()
        answers = [loop(exact, y, draws[k % len(draws)], exact[1000:]) for k in some]
        theirs.append((time.perf_counter() - clock) / (len(answers) * FITS))
        for k, (p, penalty) in zip(some, answers, strict=True):
            mine = fits.probabilities[k % len(draws)].astype(float)
            same += bool(np.isclose(penalty, fits.lambdas[k % len(draws), 0]))
            gaps.append(area(y[1000:], mine) - area(y[1000:], p))
    mine, other = statistics.median(ours), statistics.median(theirs)
    return {
        "n": n,
        "classes": classes,
        "ours_ms_per_fit": round(1e3 * mine, 4),
        "loop_ms_per_fit": round(1e3 * other, 4),
        "ratio": round(other / mine, 1),
        "same_penalty_share": round(same / len(gaps), 3),
        "largest_auc_difference": round(float(np.abs(gaps).max()), 4),
    }


def study(classes: int, arguments: argparse.Namespace) -> dict[str, float]:
    rng = np.random.default_rng(classes)
    x, y = made_up(classes, arguments.width, rng)
    draws = [rng.choice(1000, n, replace=False) for n, times in STUDY for _ in range(times)]
    clock = time.perf_counter()
    fits = fit_probes(x[:1000], y[:1000], draws, x[1000:], np.arange(1000))
    seconds = time.perf_counter() - clock
    count = int(sum(6 if fixed else FITS for fixed in fits.fixed[:, 0]))
    return {"classes": classes, "draws": len(draws), "fits": count, "seconds": round(seconds, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=512, help="features")
    parser.add_argument("--draws", type=int, default=16, help="draws solved at once by ours")
    parser.add_argument("--loops", type=int, default=2, help="draws per round for the loop")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--json", action="store_true", help="one JSON object at the end")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"{platform.processor() or platform.machine()}, torch {torch.__version__}, scikit-learn {sklearn.__version__}"
    )
    sizes = []
    for classes in (2, 3):
        for n in arguments.sizes:
            sizes.append(one_size(n, classes, arguments))
            print(sizes[-1], flush=True)
    studies = [study(classes, arguments) for classes in (2, 3)]
    for one in studies:
        print("whole study, one encoder:", one)
    if arguments.json:
        print(json.dumps({"sizes": sizes, "studies": studies}))


if __name__ == "__main__":
    main()
