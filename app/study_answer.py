"""A study's answer as the page shows it: verdict, curve, differences, labels saved; read from its run folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from app.runs_view import RunView
from workbench.errors import OperationFailed

SHORT = {"probe": "probe", "knn": "kNN", "finetune": "end to end"}
METRICS = {"auc": "Ranking quality (AUC)", "average_precision": "Average precision (AP)", "brier": "Brier score"}
PROTOCOLS = {
    "probe": "Simple reader (linear probe)",
    "knn": "Nearest neighbours (kNN)",
    "finetune": "End to end (fine-tune)",
}


@dataclass(frozen=True)
class StudyAnswer:
    """What a study found.

    Attributes:
        verdict: The sentences that answer the question.
        metric: The metric of the curve, as results name it.
        unit: What a budget counts, ``patients`` or ``scans``.
        tested: Test patients, and those of the smallest class.
        points: ``arm, protocol, n, value, low, high``, one row per point of every curve.
        comparisons: What was said of each arm and protocol, as in ``summary.json``.
        warnings: Sentences that a reader must not miss.
        not_run: Parts of the grid that were left out, in words.
        headline: The protocol whose verdict is the study's.
        forecasts: What more labels would bring to each curve of the headline, or why nobody can tell.
    """

    verdict: str
    metric: str
    unit: str
    tested: tuple[int, int]
    points: pd.DataFrame
    comparisons: list[dict[str, Any]]
    warnings: list[str]
    not_run: list[str]
    headline: str
    forecasts: list[dict[str, Any]]

    @property
    def metric_words(self) -> str:
        """The metric in plain words."""
        return METRICS.get(self.metric, self.metric.replace("_", " "))

    def protocols(self) -> list[str]:
        """The protocols that have a comparison or a curve, the headline first."""
        present = set(self.points["protocol"])
        rest = [name for name in PROTOCOLS if name in present and name != self.headline]
        return [self.headline, *rest] if self.headline in present else rest

    def arms(self) -> list[str]:
        """The arms that are compared with a reference, in the study's order: each keeps its colour everywhere."""
        return list(dict.fromkeys(entry["arm"] for entry in self.comparisons))

    def compared(self, protocol: str) -> list[dict[str, Any]]:
        """The comparisons of one protocol."""
        return [entry for entry in self.comparisons if entry["protocol"] == protocol]

    def references(self, protocol: str) -> list[str]:
        """The names of the reference curves of a protocol, as ``curve`` names them."""
        pairs = {(entry["reference"], entry["reference_protocol"]) for entry in self.compared(protocol)}
        return [self._name(arm, own, protocol) for arm, own in sorted(pairs)]

    def curve(self, protocol: str) -> pd.DataFrame:
        """``arm, budget, value, low, high`` of a protocol, with its references even where those were fine-tuned."""
        pairs = {(entry["reference"], entry["reference_protocol"]) for entry in self.compared(protocol)}
        keys = zip(self.points["arm"], self.points["protocol"], strict=True)
        chosen = self.points[[own == protocol or (arm, own) in pairs for arm, own in keys]]
        names = [self._name(str(row.arm), str(row.protocol), protocol) for row in chosen.itertuples()]
        return chosen.assign(arm=names, budget=chosen["n"]).sort_values("budget", kind="stable").reset_index(drop=True)

    def differences(self, protocol: str) -> pd.DataFrame:
        """``arm, budget, difference, low, high`` to the reference, with the band that holds at all budgets at once."""
        rows = [
            {"arm": entry["arm"], "budget": at["n"], "difference": at["value"], "low": at["low"], "high": at["high"]}
            for entry in self.compared(protocol)
            for at in entry["differences"]
        ]
        return pd.DataFrame(rows, columns=["arm", "budget", "difference", "low", "high"])

    def _name(self, arm: str, own: str, shown: str) -> str:
        return arm if own == shown else f"{arm}, {SHORT.get(own, own)}"


def read_answer(run: RunView) -> StudyAnswer:
    """The answer of a finished study.

    Raises:
        OperationFailed: The study wrote no summary, or it cannot be read.
    """
    summary = run.json("summary.json")
    if not summary:
        raise OperationFailed(
            "This study has no summary.", where=run.run_id, todo="Look at its log, then run the study again."
        )
    try:
        return _answer(summary)
    except (KeyError, TypeError, ValueError) as error:
        raise OperationFailed(
            f"The study's summary is not of the kind that this program writes ({error}).",
            where=run.run_id,
            todo="Read report.html instead, or run the study again with this version.",
        ) from error


def _answer(summary: dict[str, Any]) -> StudyAnswer:
    points = pd.DataFrame(summary["curve"])[["arm", "protocol", "n", "value", "low", "high"]]
    numbers = ["n", "value", "low", "high"]
    return StudyAnswer(
        verdict=str(summary["verdict"]),
        metric=str(summary["metric"]),
        unit=str(summary["budget_unit"]),
        tested=(int(summary["test"]["patients"]), int(summary["test"]["fewest_patients"])),
        points=points.assign(**{name: points[name].astype(float) for name in numbers}),
        comparisons=list(summary["comparisons"]),
        warnings=[str(warning) for warning in summary["warnings"]],
        not_run=[str(sentence) for sentence in summary["not_run"]],
        headline=str(summary["headline_protocol"]),
        forecasts=list(summary.get("forecast", [])),  # studies of before have none
    )
