"""Meters: how good the features are for the labels at hand, and whether they collapse; after epochs, cheaply.

They look at labelled *development* patients alone: test patients are no more seen here than in pretraining. Nothing
is chosen by them. They take at most a twentieth of the time, and skip epochs to keep to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.runs.seeds import mix

if TYPE_CHECKING:
    from workbench.evaluation.collapse import Collapse

TIME_SHARE = 0.05
MOST_SCANS = 800
FEWEST_SCANS = 40
NEIGHBOURS = 10


class Meters:
    """Called with the epoch; returns ``knn_auc``, ``probe_auc`` (macro one-vs-rest), ``feature_std``, ``rank_me``.

    The encoder that it is made with is the one before training, by which collapse is judged.

    Args:
        encoder: Looked at in eval mode.
        unlabelled: Images of the pool, by which collapse is told.
        labelled: Images of labelled development scans, or None.
        targets: ``(N,)`` class indices of them, or ``(N, L)`` of 0, 1 and nan.
        patients: ``(N,)`` patient of each; half of the patients teach, the other half test.
        kinds: Which of ``knn`` and ``probe`` to compute.
        epochs: Epochs of the run; the last is always measured.
        warmup: Epochs over which the learning rate rises; until then no collapse is told.
        seed: Which patients teach.
        say: Told in words when features collapse.
        share: The most time that meters may take, as a share of the training's.
    """

    FIGURES = ("knn_auc", "probe_auc", "feature_std", "rank_me")

    def __init__(
        self,
        encoder: Any,
        unlabelled: Any,
        labelled: Any = None,
        targets: NDArray[Any] | None = None,
        patients: Sequence[Any] | NDArray[Any] | None = None,
        *,
        kinds: Sequence[str] = ("knn", "probe"),
        epochs: int = 1,
        warmup: float = 0.0,
        seed: int = 0,
        say: Callable[[str], None] | None = None,
        share: float = TIME_SHARE,
    ) -> None:
        self.encoder, self.unlabelled, self.labelled = encoder, unlabelled, labelled
        self.targets, self.kinds, self.epochs, self.say, self.share = targets, tuple(kinds), epochs, say, share
        self.patients = None if patients is None else np.asarray(patients)
        self.teaches = None if self.patients is None else half_of(self.patients, seed)
        self.collapse = ""
        self.warmup = warmup
        self._start = self._look()
        self._began = time.monotonic()
        self._spent = self._cost = 0.0
        self._worried = False

    def __call__(self, epoch: int) -> dict[str, float]:
        """Figures after an epoch, none when measuring now would take more than its share of the time."""
        began = time.monotonic()
        if epoch < self.epochs and self._spent + self._cost > self.share * (began - self._began):
            return {}
        figures = self._measure(epoch)
        self._cost = time.monotonic() - began
        self._spent += self._cost
        return figures

    def _look(self) -> Collapse:
        from workbench.evaluation.collapse import look
        from workbench.evaluation.features import extract

        return look(extract(self.encoder, self.unlabelled, device=self._device()))

    def _device(self) -> str:
        return str(next(self.encoder.parameters()).device)

    def _measure(self, epoch: int) -> dict[str, float]:
        from workbench.evaluation.collapse import judge
        from workbench.evaluation.features import extract

        seen = judge(self._look(), self._start, early=epoch <= self.warmup)
        self.collapse = seen.sentence
        if self.say and seen.collapsed and not self._worried:
            self.say(seen.sentence)
        elif self.say and self._worried and not seen.collapsed:
            self.say(f"No longer collapsing. {seen.sentence}")
        self._worried = seen.collapsed
        figures = {"feature_std": float(seen.feature_std), "rank_me": float(seen.rank_me)}
        if self.labelled is None or self.targets is None or self.teaches is None:
            return figures
        features = extract(self.encoder, self.labelled, device=self._device())
        for kind in self.kinds:
            auc = self._knn(features) if kind == "knn" else self._probe(features)
            if np.isfinite(auc):  # not so where the half that tests lacks a class
                figures[f"{kind}_auc"] = auc
        return figures

    def _knn(self, features: NDArray[np.float32]) -> float:
        from workbench.evaluation.knn import knn_proba

        learn, targets, _ = self._split()
        neighbours = max(1, min(NEIGHBOURS, int(learn.sum()) // 2))
        classes = None if targets.ndim > 1 else int(targets.max()) + 1
        return self._auc(knn_proba(features[learn], targets[learn], features[~learn], neighbours, classes=classes))

    def _probe(self, features: NDArray[np.float32]) -> float:
        from workbench.evaluation.probe import fit_probe

        learn, targets, patients = self._split()
        classes = None if targets.ndim > 1 else int(targets.max()) + 1
        probe = fit_probe(features[learn], targets[learn], patients[learn], classes=classes)
        return self._auc(probe.predict_proba(features[~learn]))

    def _auc(self, probabilities: NDArray[Any]) -> float:
        from workbench.evaluation.auc import influence

        learn, targets, patients = self._split()
        return float(influence(probabilities, targets[~learn], patients[~learn]).auc)

    def _split(self) -> tuple[NDArray[np.bool_], NDArray[Any], NDArray[Any]]:
        assert self.teaches is not None and self.targets is not None and self.patients is not None
        return self.teaches, self.targets, self.patients


def half_of(patients: NDArray[Any], seed: int) -> NDArray[np.bool_]:
    """Which scans teach: those of every other patient, in an order that the seed gives; ``(N,)`` bool."""
    unique = np.unique(patients)
    order = np.random.default_rng(mix(seed, "meters")).permutation(unique)
    return np.isin(patients, order[::2])
