"""One encoder, one budget, one protocol: probabilities of the test scans."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from workbench.evaluation.features import extract
from workbench.evaluation.knn import knn_many
from workbench.evaluation.probe import fit_probes
from workbench.evaluation.standardise import Standardiser
from workbench.finetuning.arm import Budget, finetune_model, predict_probabilities
from workbench.finetuning.images import Images, PartOf
from workbench.finetuning.settings import FinetuneSettings
from workbench.finetuning.validation import Validation
from workbench.models.classifier import MULTILABEL, Classifier
from workbench.models.encoder_source import EncoderSource
from workbench.runs.folder import RunFolder
from workbench.runs.seeds import mix
from workbench.runs.tracking import Tracker
from workbench.training.devices import choose_accelerator

METHODS = ("finetune", "probe", "knn")


@dataclass(frozen=True)
class Labelled:
    """The development scans, of which a budget's labels may be used.

    Attributes:
        images: The development scans.
        targets: ``(N,)`` class indices, or ``(N, C)`` of 0, 1 and nan.
        patients: ``(N,)``.
        rows: Those inside the budget, ``(n,)``.
        classes: Names.
        task: ``binary``, ``multiclass``, ``ordinal`` or ``multilabel``.
    """

    images: Images
    targets: NDArray[Any]
    patients: NDArray[Any]
    rows: NDArray[np.int64]
    classes: list[str]
    task: str


@dataclass(frozen=True)
class Outcome:
    """What came out.

    Attributes:
        probabilities: ``(T, C)`` of the test scans.
        out_of_fold: ``(n, C)`` of the budget's scans by trainings without their patients, nan where there is none.
        classifier: None for kNN, which has no weights.
        told: Choices and counts, for the record.
        stopped: Whether a stop request ended it early.
    """

    probabilities: NDArray[np.floating]
    out_of_fold: NDArray[np.floating] | None
    classifier: Classifier | None
    told: dict[str, Any] = field(default_factory=dict)
    stopped: bool = False


def classify(
    method: str,
    source: EncoderSource,
    labelled: Labelled,
    test: Images,
    settings: FinetuneSettings,
    seed: int,
    *,
    run: RunFolder | None = None,
    tracker: Tracker | None = None,
    resume: bool = False,
    validation: Validation | None = None,
) -> Outcome:
    """Train by a protocol on the budget, and score the test scans once.

    Frozen features are standardised by all development scans, whose labels are not looked at.

    Args:
        method: ``finetune``, ``probe`` or ``knn``.
        source: The encoder.
        labelled: The development scans and the budget among them.
        test: The scans to score.
        settings: Of fine-tuning.
        seed: Seeds everything random.
        run, tracker: Get progress and figures.
        resume: Go on from the run's checkpoint.
        validation: Scans that fine-tuning looks at while it trains.
    """
    if method == "finetune":
        return _finetuned(source, labelled, test, settings, seed, run, tracker, resume, validation)
    encoder = source.make()
    device = choose_accelerator(settings.train)
    features = extract(encoder, labelled.images, device=device, progress=run)
    test_features = extract(encoder, test, device=device, progress=run)
    given = (features, labelled.targets, [labelled.rows], test_features, labelled.patients)
    count = len(labelled.classes)
    if method == "knn":
        found = knn_many(*given, classes=count, seed=seed)
        told = {"k": int(found.k[0]), "fixed": bool(found.fixed[0])}
        return Outcome(found.probabilities[0], found.oof_probabilities[0], None, told)
    fits = fit_probes(*given, classes=count, seed=seed)
    classifier = Classifier(encoder, labelled.classes, labelled.task)
    classifier.head.start_from(fits.weights[0], fits.bias[0])
    told = {"penalty": fits.lambdas[0].tolist(), "fixed": fits.fixed[0].tolist()}
    link = expit if labelled.task == MULTILABEL else _softmax
    return Outcome(fits.probabilities[0], link(fits.oof_logits[0]), classifier.eval(), told)


def _finetuned(
    source: EncoderSource,
    labelled: Labelled,
    test: Images,
    settings: FinetuneSettings,
    seed: int,
    run: RunFolder | None,
    tracker: Tracker | None,
    resume: bool,
    validation: Validation | None,
) -> Outcome:
    features = standardiser = None
    device = choose_accelerator(settings.train)
    if not source.scratch and settings.start_from_probe:
        pool = extract(source.make(), labelled.images, device=device, progress=run)
        features, standardiser = pool[labelled.rows], Standardiser.fit(pool)
    rows = labelled.rows
    budget = Budget(
        PartOf(labelled.images, rows), labelled.targets[rows], labelled.patients[rows], features, standardiser
    )
    tuned = finetune_model(
        source.make,
        budget,
        settings,
        mix(seed, "finetune"),
        classes=labelled.classes,
        task=labelled.task,
        scratch=source.scratch,
        run=run,
        tracker=tracker,
        resume=resume,
        validation=validation,
    )
    told = {
        "steps": tuned.steps,
        "lr": tuned.chosen.lr,
        "keep": tuned.chosen.keep,
        "out_of_fold_log_loss": tuned.chosen.losses,
    }
    if validation is not None:
        told |= {"validation_scans": len(validation.targets), "best_epoch": tuned.best_epoch}
    if tuned.stopped:
        return Outcome(np.zeros((0, len(labelled.classes))), None, tuned.classifier, told, stopped=True)
    scores = predict_probabilities(tuned.classifier, test, device)
    return Outcome(scores, tuned.chosen.probabilities, tuned.classifier, told)


def _softmax(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    return softmax(logits, axis=1)
