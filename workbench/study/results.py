"""A study's results: the long table, the predictions, and the summary that the app and the report read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import OperationFailed
from workbench.evaluation.auc import influence, outcomes
from workbench.evaluation.metrics import measure
from workbench.runs.status import write_json
from workbench.study.arms import Arm
from workbench.study.cautions import listed
from workbench.study.comparison import Comparison, Pair, compare
from workbench.study.contrasts import contrast, curve_interval
from workbench.study.covariance import Covariance, covariance
from workbench.study.curves import Cell, Curves
from workbench.study.data import StudyData
from workbench.study.forecast import forecast
from workbench.study.grid import CellResult
from workbench.study.labels_saved import Ratio
from workbench.study.predictions import write_predictions
from workbench.study.settings import StudySettings

METRICS = ("auc", "average_precision", "balanced_accuracy", "brier", "log_loss")
SUMMARY_VERSION = 1
WIDE = 30
PRETRAINED = ("encoder", "features")


class Collected:
    """Takes cells as they come and keeps what the tables need.

    Args:
        settings: The study's.
        data: Its scans.
    """

    def __init__(self, settings: StudySettings, data: StudyData) -> None:
        self.settings, self.data = settings, data
        self._patients = np.unique(data.unit_patients, return_inverse=True)[1]  # numbers are told apart faster
        self._curves: Curves | None = None
        self.scores: dict[tuple[str, str, str], list[tuple[CellResult, NDArray[np.float64]]]] = {}
        self.figures: dict[tuple[str, str, str], list[dict[str, float]]] = {}

    def add(self, result: CellResult) -> None:
        """One cell: its metrics but for the AUC, which comes with the curves, and its scores per unit."""
        self._curves = None
        key = (result.arm, result.protocol, result.budget)
        scores = self.data.units.scores(result.probabilities)
        self.scores.setdefault(key, []).append((result, scores))
        found = measure(scores, self.data.unit_targets, self._patients, only=METRICS[1:])
        self.figures.setdefault(key, []).append(found)

    @property
    def cells(self) -> int:
        """How many there are."""
        return sum(len(members) for members in self.scores.values())

    def write(self, folder: Path) -> None:
        """Write ``results.parquet`` and ``predictions.parquet``."""
        import pandas as pd

        pd.DataFrame(self.rows()).to_parquet(folder / "results.parquet", index=False)
        cells = (result for members in self.scores.values() for result, _ in members)
        write_predictions(folder / "predictions.parquet", self.data, cells)

    def rows(self) -> list[dict[str, Any]]:
        """One row per cell and metric."""
        made = []
        for cell in self.curves().cells:
            key = (cell.arm, cell.protocol, cell.budget)
            for (result, _), figures, area in zip(self.scores[key], self.figures[key], cell.auc, strict=True):
                shared = {
                    "arm": result.arm,
                    "protocol": result.protocol,
                    "budget": result.budget,
                    "draw": result.draw,
                    "n_scans": result.drawn.n_scans,
                    "n_patients": result.drawn.n_patients,
                }
                values = {"auc": float(area), **figures}
                made += [{**shared, "metric": name, "value": values[name]} for name in METRICS]
        return made

    def order_hashes(self) -> dict[str, list[str]]:
        """Digest of the labelled patients of each draw, by budget; the same for every arm and protocol.

        Raises:
            OperationFailed: Arms were given different labels, which must never happen.
        """
        found: dict[str, dict[int, str]] = {}
        for (_, _, budget), members in self.scores.items():
            for result, _ in members:
                if found.setdefault(budget, {}).setdefault(result.draw, result.drawn.order_hash) != (
                    result.drawn.order_hash
                ):
                    raise OperationFailed(
                        f"Arms were given different labels at {budget}, draw {result.draw}.",
                        todo="Run the study under a new name; kept cells do not fit the cohort any more.",
                    )
        return {budget: [hashes[draw] for draw in sorted(hashes)] for budget, hashes in found.items()}

    def chosen(self, arm: str, protocol: str, budget: str) -> dict[str, float] | None:
        """Quartiles over draws of what was chosen inside the budget (the probe's penalty, kNN's k), if anything."""
        values = np.array([result.setting for result, _ in self.scores[arm, protocol, budget]])
        values = values[np.isfinite(values)]
        if not len(values):
            return None
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
        return {"lower_quartile": float(low), "median": float(middle), "upper_quartile": float(high)}

    def curves(self) -> Curves:
        """Every cell with its draws and the influence of each test patient."""
        if self._curves is None:
            self._curves = self._made_curves()
        return self._curves

    def _made_curves(self) -> Curves:
        cells, side = [], np.zeros(0, np.int64)
        axis = "n_patients" if self.settings.budget_unit == "patients" else "n_scans"
        for (arm, protocol, budget), members in self.scores.items():
            found = influence(
                np.stack([scores for _, scores in members]), self.data.unit_targets, self.data.unit_patients
            )
            side = found.side
            cells.append(
                Cell(
                    arm,
                    protocol,
                    budget,
                    n=float(np.mean([getattr(result.drawn, axis) for result, _ in members])),
                    patients=float(np.mean([result.drawn.n_patients for result, _ in members])),
                    draws=np.array([result.draw for result, _ in members]),
                    auc=found.auc,
                    influence=found.values.mean(axis=0),
                )
            )
        kinds = outcomes(self.data.unit_targets, self.data.unit_patients, classes=len(self.data.classes))
        patients = len(np.unique(self.data.unit_patients))
        return Curves(cells, side, self.data.development.count, (kinds.fewest, patients))


def pairs_of(settings: StudySettings, arms: list[Arm], curves: Curves) -> list[Pair]:
    """What is compared: each arm with its reference, under the same protocol or with the reference fine-tuned.

    The verdict is about the pretrained arms under the headline protocol: they are the family that is corrected
    together. Pixels, principal components and random features are yardsticks beside it, unless there is nothing else.
    """
    kinds = {arm.name: arm for arm in arms}
    asked = {arm.name for arm in arms if arm.kind in PRETRAINED and arm.reference} or set(kinds)
    pairs = []
    for arm, protocol in curves.names():
        reference = kinds[arm].reference
        if not reference or arm == reference:
            continue
        own = protocol if kinds[reference].allows(protocol) else "finetune"
        blocked = ""
        if kinds[arm].seen == "transductive":
            blocked = "its encoder saw test scans (transductive), so it cannot be compared with an arm that did not."
        elif kinds[reference].seen == "transductive":
            blocked = "the reference's encoder saw test scans (transductive), so nothing can be compared with it."
        pairs.append(Pair((arm, protocol), (reference, own), protocol == settings.headline and arm in asked, blocked))
    return pairs


def summarise(
    settings: StudySettings,
    data: StudyData,
    arms: list[Arm],
    collected: Collected,
    *,
    warnings: list[str],
    not_run: list[str],
) -> dict[str, Any]:
    """The whole answer as plain values, for ``summary.json``.

    Args:
        settings, data, arms: The study's.
        collected: Every cell.
        warnings: To show before those found here.
        not_run: Cells that could not be run.
    """
    curves = collected.curves()
    joint = covariance(curves)
    pairs = pairs_of(settings, arms, curves)
    comparisons = compare(curves, joint, pairs, margin=settings.margin, seed=settings.seed)
    fewest, patients = curves.test_patients
    warnings = [*warnings]
    if fewest < WIDE:
        warnings.append(f"Only {fewest} test patients in the smallest class: intervals are wide.")
    for arm in arms:
        if arm.name != settings.reference and arm.kind == "random" and any(a.reference == arm.name for a in arms):
            warnings.append(
                f"'{arm.name}' is the reference in place of training from scratch, which was not run: random features, "
                "frozen. They are a weaker opponent than a network that was trained."
            )
    unknown, saw = ([f"'{arm.name}'" for arm in arms if arm.seen == seen] for seen in ("unknown", "transductive"))
    if unknown:
        encoders, they = ("encoders", "they") if len(unknown) > 1 else ("encoder", "it")
        warnings.append(f"What the {encoders} of {listed(unknown)} saw is unknown: {they} may have seen test scans.")
    if saw:
        encoders = "encoders" if len(saw) > 1 else "encoder"
        warnings.append(f"The {encoders} of {listed(saw)} saw test scans without labels (transductive).")
    primary = [comparison for comparison in comparisons if comparison.primary]
    verdict = " ".join(comparison.verdict.sentence for comparison in primary) or "Nothing was compared."
    return {
        "schema_version": SUMMARY_VERSION,
        "cohort": settings.cohort,
        "cohort_version": data.cohort.version,
        "labels_version": data.labels_version,
        "task": data.task,
        "classes": data.classes,
        "metric": "auc",
        "level": "new pool (L2): test patients, draws, and the pool that is drawn from",
        "unit": settings.unit,
        "budget_unit": settings.budget_unit,
        "headline_protocol": settings.headline,
        "reference": settings.reference,
        "margin": settings.margin,
        "verdict": verdict,
        "test": {
            "scans": len(data.test_ids),
            "units": len(data.units.keys),
            "patients": patients,
            "fewest_patients": fewest,
            "patients_per_class": data.patients_per_class(),
        },
        "development": {
            "scans": len(data.dev_ids),
            "patients": data.development.count,
            "patients_per_class": data.development.patients_per_class(),
        },
        "arms": [
            {
                "name": arm.name,
                "label": arm.label,
                "kind": arm.kind,
                "architecture": arm.architecture,
                "reference": arm.reference,
                "seen": arm.seen,
                "method": arm.facts.get("method", ""),
            }
            for arm in arms
        ],
        "curve": [_point(curves, joint, place, collected) for place in range(len(curves.cells))],
        "comparisons": [_comparison(comparison) for comparison in comparisons],
        "labels_saved": {comparison.arm: headline_saved(comparison) for comparison in primary},
        "forecast": _forecasts(settings, curves, joint),
        "order_hashes": collected.order_hashes(),
        "not_run": [*_not_run(settings, arms), *not_run],
        "warnings": warnings,
        "digests": {"data": data.digest, "settings": settings.digest(), "split": data.cohort.split().digest},
    }


def _forecasts(settings: StudySettings, curves: Curves, joint: Covariance) -> list[dict[str, Any]]:
    """What more labels would bring to each curve of the headline protocol."""
    names = [(arm, protocol) for arm, protocol in curves.names() if protocol == settings.headline]
    found = [
        forecast(curves, joint, name, targets=settings.targets, unit=settings.budget_unit, seed=settings.seed)
        for name in names
    ]
    return [asdict(each) for each in found]


def write_summary(folder: Path, summary: dict[str, Any]) -> None:
    """Write ``summary.json``; infinite bounds become null, as JSON has no infinity."""
    write_json(folder / "summary.json", finite(summary))


def finite(value: Any) -> Any:
    """Plain values with what is not finite as None."""
    if isinstance(value, dict):
        return {name: finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def headline_saved(found: Comparison) -> dict[str, Any] | None:
    """Labels saved in one entry: the factor of the whole curve, else in words what each budget allows to say."""
    if found.labels_saved is not None:
        return ratio_plain(found.labels_saved)
    told = [f"{each.ratio} at {each.budget}" for each in found.per_budget if str(each.ratio) != "not estimable"]
    return {"text": "; ".join(told), "factor": None, "low": None, "high": None} if told else None


def _point(curves: Curves, joint: Covariance, place: int, collected: Collected) -> dict[str, Any]:
    cell = curves.cells[place]
    weights = np.zeros(len(curves.cells))
    weights[place] = 1
    found = contrast(curves.theta, joint, weights)
    low, high = curve_interval(cell.theta, found.se, found.df, curves.test_patients)
    parts = {"test": sum(part[place, place] for part, _ in joint.test), "draw": joint.draw[place, place]}
    parts["pool"] = joint.pool[place, place]
    return {
        "arm": cell.arm,
        "protocol": cell.protocol,
        "budget": cell.budget,
        "n": cell.n,
        "n_patients": cell.patients,
        "draws": len(cell.auc),
        "value": cell.theta,
        "low": low,
        "high": high,
        "draw_sd": cell.spread,
        "chosen": collected.chosen(cell.arm, cell.protocol, cell.budget),
        "se": {name: float(np.sqrt(max(0.0, float(part)))) for name, part in parts.items()},
    }


def _comparison(found: Comparison) -> dict[str, Any]:
    return {
        "arm": found.arm,
        "protocol": found.protocol,
        "reference": found.reference,
        "reference_protocol": found.reference_protocol,
        "primary": found.primary,
        "verdict": {
            "short": found.verdict.short,
            "sentence": found.verdict.sentence,
            "detectable": found.verdict.detectable,
            "supported_margin": found.verdict.supported_margin,
        },
        "area": {
            "difference": found.area.estimate,
            "low": found.low,
            "high": found.high,
            "se": found.area.se,
            "df": found.area.df,
            "p": found.area.p,
            "p_holm": found.p_holm,
        },
        "differences": [vars(difference) for difference in found.differences],
        "band_factor": found.band_factor,
        "labels_saved": ratio_plain(found.labels_saved),
        "parallel_p": found.parallel_p,
        "per_budget": [
            {"budget": each.budget, "n": each.n, **(ratio_plain(each.ratio) or {})} for each in found.per_budget
        ],
        "cautions": [vars(caution) for caution in found.cautions],
        "warnings": [str(caution) for caution in found.cautions],
    }


def ratio_plain(ratio: Ratio | None) -> dict[str, Any] | None:
    """A factor as plain values with its text."""
    if ratio is None:
        return None
    point = None if ratio.censored else ratio.low_point
    return {"text": str(ratio), "factor": point, "low": ratio.low, "high": ratio.high}


def _not_run(settings: StudySettings, arms: Iterable[Arm]) -> list[str]:
    """Cells of the full grid that the settings leave out, in words."""
    left = [str(budget) for budget in settings.budgets if budget not in settings.budgets_of("finetune")]
    said = []
    if "finetune" in settings.protocols and left:
        said.append(f"Fine-tuning was not run at {', '.join(left)} labels.")
    for arm in arms:
        missing = [protocol for protocol in settings.protocols if not arm.allows(protocol)]
        if missing:
            said.append(f"'{arm.name}' cannot be used by {' or '.join(missing)}.")
    return said
