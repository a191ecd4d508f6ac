"""A study's answer as the page shows it: verdict, curve, differences, labels saved; read from its run folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from app.runs_view import RunView
from workbench.errors import OperationFailed

METRICS = {"auc": "Ranking quality (AUC)", "average_precision": "Average precision (AP)", "brier": "Brier score"}
PROTOCOLS = {
    "probe": "Simple reader (linear probe)",
    "knn": "Nearest neighbours (kNN)",
    "finetune": "End to end (fine-tune)",
}
CURVE = ["arm", "protocol", "budget", "value", "low", "high"]
DIFFERENCE = ["arm", "protocol", "budget", "difference", "low", "high"]


@dataclass(frozen=True)
class StudyAnswer:
    """What a study found.

    Attributes:
        verdict: The sentence that answers the question.
        sentences: ``arm, protocol, verdict, labels saved``, in words, one entry per comparison.
        reference: The arm that the others are compared with.
        metric: The metric of the curve, as results name it.
        unit: What a budget counts.
        curve: ``arm, protocol, budget, value, low, high``.
        differences: ``arm, protocol, budget, difference, low, high``.
        warnings: Sentences that a reader must not miss.
    """

    verdict: str
    sentences: list[dict[str, str]]
    reference: str
    metric: str
    unit: str
    curve: pd.DataFrame
    differences: pd.DataFrame
    warnings: list[str] = field(default_factory=list)

    @property
    def metric_words(self) -> str:
        """The metric in plain words."""
        return METRICS.get(self.metric, self.metric.replace("_", " "))

    def protocols(self) -> list[str]:
        """The protocols that the curve has, the commonest name first."""
        present = set(self.curve["protocol"])
        return [name for name in PROTOCOLS if name in present] + sorted(present - set(PROTOCOLS))


def read_answer(run: RunView) -> StudyAnswer:
    """The answer of a finished study.

    Raises:
        OperationFailed: The study wrote no summary, or it cannot be read.
    """
    summary = run.json("summary.json")
    if not summary:
        raise OperationFailed(
            "This study has no summary.", where=run.run_id, todo="Look at its log below, then run the study again."
        )
    try:
        return _answer(summary, run.settings)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise OperationFailed(
            f"The study's summary is not of the kind that this program writes ({error}).",
            where=run.run_id,
            todo="Read report.html instead, or run the study again with this version.",
        ) from error


def _answer(summary: dict[str, Any], settings: dict[str, Any]) -> StudyAnswer:
    raise NotImplementedError
