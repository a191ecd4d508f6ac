"""Fine-tuning one encoder on one budget of labels.

First a linear probe is fitted on frozen features; it becomes the head, and all layers are trained from there (LP-FT,
Kumar et al. 2022: Fine-tuning can distort pretrained features). The weights that are kept lie on the line from that
start to the trained end (WiSE-FT, Wortsman et al. 2022): near the start with few labels, at the end with many.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.augmentation import BatchAugment
from workbench.errors import InputError
from workbench.evaluation.features import extract
from workbench.evaluation.folds import assign_folds
from workbench.evaluation.standardise import Standardiser
from workbench.finetuning.fold_run import FoldRun
from workbench.finetuning.images import Images, PartOf, held
from workbench.finetuning.losses import log_loss
from workbench.finetuning.probe_start import frequencies, one_sided, prior_head, probe_head
from workbench.finetuning.settings import FEW_LABELS, FinetuneSettings
from workbench.finetuning.stream import LabelledStream
from workbench.finetuning.task import FinetuneTask
from workbench.finetuning.validation import Validation
from workbench.models.classifier import Classifier, batched
from workbench.models.encoders import Encoder, build_encoder
from workbench.runs.folder import RunFolder
from workbench.runs.seeds import mix
from workbench.runs.tracking import Tracker
from workbench.training.devices import choose_accelerator
from workbench.training.loop import fit
from workbench.training.settings import TrainSettings

FOLDS = 3
FEWEST_TO_TUNE = 50
RATES = (1.0, 1 / 3, 3.0)
SHARES = (0.0, 0.5, 1.0)
PREDICTED_AT_ONCE = 256
EVENTS = 20
LOOKED_AT = 512

EncoderFactory = Callable[[], Encoder]


@dataclass(frozen=True)
class CrossValidation:
    """What was chosen inside the budget.

    Attributes:
        lr: Peak learning rate.
        keep: Where the weights lie between the probe (0) and the trained end (1).
        losses: Out-of-fold log-loss by ``"lr/keep"``; empty where there were no folds.
        probabilities: ``(N, C)`` of each scan of the budget by the training without its patient, nan where there is
            none; None where there were no folds.
    """

    lr: float
    keep: float
    losses: dict[str, float] = field(default_factory=dict)
    probabilities: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Finetuned:
    """A fine-tuned classifier and how it came about.

    Attributes:
        classifier: In eval mode, on the CPU.
        steps: Optimiser steps of the last training.
        chosen: Learning rate and ``keep``, and what they were chosen by.
        seconds: Wall-clock seconds.
        stopped: Whether a stop request ended it early.
        best_epoch: The look at the validation scans (from 1) whose weights were kept; 0 where the last ones were.
    """

    classifier: Classifier
    steps: int
    chosen: CrossValidation
    seconds: float
    stopped: bool = False
    best_epoch: int = 0


@dataclass(frozen=True)
class Trained:
    """What one training came to: steps done, whether it was stopped early, and whose weights were kept."""

    steps: int
    stopped: bool
    best_epoch: int = 0


@dataclass(frozen=True)
class Budget:
    """The labelled scans that may be used.

    Attributes:
        images: The scans.
        targets: ``(N,)`` class indices, or ``(N, C)`` of 0, 1 and nan.
        groups: ``(N,)`` patient or group keys.
        features: ``(N, D)`` of the frozen encoder, or None to compute them.
        standardiser: Of the probe's features; fitted on the budget when None.
    """

    images: Images
    targets: NDArray[Any]
    groups: NDArray[Any]
    features: NDArray[Any] | None = None
    standardiser: Standardiser | None = None

    def part(self, rows: NDArray[Any]) -> Budget:
        """Some of the scans."""
        features = None if self.features is None else self.features[rows]
        return Budget(PartOf(self.images, rows), self.targets[rows], self.groups[rows], features, self.standardiser)


def finetune_arm(
    make_encoder: EncoderFactory,
    train: Images,
    targets: NDArray[Any],
    test: Images,
    groups: NDArray[Any],
    settings: FinetuneSettings,
    seed: int,
    run: RunFolder | None = None,
    *,
    classes: int,
    scratch: bool = False,
    features: NDArray[Any] | None = None,
    standardiser: Standardiser | None = None,
) -> NDArray[np.float32]:
    """Probabilities of the test scans after fine-tuning on a budget.

    Args:
        make_encoder: Makes the arm's encoder anew, with the weights it starts from.
        train: The budget's scans, ``len(train)`` and ``train.batch(positions) -> (N, C, H, W)`` in [0, 1].
        targets: ``(N,)`` class indices, or ``(N, classes)`` of 0, 1 and nan (several findings).
        test: The scans to score; never used to choose anything.
        groups: ``(N,)`` patients (or groups) of the budget's scans.
        settings: The same for every arm.
        seed: Seeds head, order, augmentation and folds.
        run: Told of progress.
        classes: Number of classes, also where the budget lacks some.
        scratch: The encoder is random: no probe, no slower layers.
        features: ``(N, D)`` of the frozen encoder for the budget's scans, if they are known.
        standardiser: Fitted on the features of all development scans, as the probe's of the same study.

    Returns:
        ``(len(test), classes)`` float32. A budget of one class alone gives everybody its frequencies.

    Raises:
        OperationFailed: The loss is no longer finite.
    """
    targets = np.asarray(targets)
    if one_sided(targets):
        return np.tile(frequencies(targets, classes), (len(test), 1)).astype(np.float32)
    budget = Budget(train, targets, np.asarray(groups), features, standardiser)
    names = [str(number) for number in range(classes)]
    tuned = finetune_model(make_encoder, budget, settings, seed, classes=names, scratch=scratch, run=run)
    return predict_probabilities(tuned.classifier, test, choose_accelerator(settings.train))


def finetune_model(
    make_encoder: EncoderFactory,
    budget: Budget,
    settings: FinetuneSettings,
    seed: int,
    *,
    classes: list[str],
    task: str = "",
    scratch: bool = False,
    run: RunFolder | None = None,
    tracker: Tracker | None = None,
    resume: bool = False,
    validation: Validation | None = None,
) -> Finetuned:
    """Fine-tune; as :func:`finetune_arm`, but returns the classifier.

    Args:
        make_encoder: Makes the encoder anew; from scratch, of its architecture alone use is made.
        budget: The labelled scans; at least two classes among them.
        settings: How.
        seed: Seeds everything random.
        classes: Names of the classes.
        task: ``binary``, ``multiclass``, ``ordinal`` or ``multilabel``; by the targets when not given.
        scratch: The encoder is random.
        run, tracker: Get progress and figures; the run holds the checkpoint.
        resume: Go on from the run's checkpoint.
        validation: Scored every ``validate_every`` steps. Where ``select`` is ``best`` its AUC chooses the weights,
            and they are kept whole (``keep`` counts for nothing).

    Raises:
        InputError: ``select`` is ``best`` without validation scans.
    """
    began = time.monotonic()
    if settings.select == "best":
        if validation is None:
            raise InputError(
                "There are no validation scans to choose the best weights by.", where="select", todo="Say select=last."
            )
        settings = settings.model_copy(update={"keep": 1.0})
    task = task or ("multilabel" if budget.targets.ndim == 2 else "multiclass")
    budget = replace(budget, images=held(budget.images))
    chosen = cross_validate(make_encoder, budget, settings, seed, classes, task, scratch, run)
    classifier = start(make_encoder, budget, settings, seed, classes, task, scratch)
    beginning = None if chosen.keep == 1 else clone(classifier)
    done = train(classifier, budget, settings, seed, chosen.lr, scratch, run, tracker, resume, validation)
    if beginning is not None:
        interpolate(classifier, beginning, chosen.keep)
    seconds = time.monotonic() - began
    return Finetuned(classifier.eval(), done.steps, chosen, seconds, done.stopped, done.best_epoch)


def start(
    make_encoder: EncoderFactory,
    budget: Budget,
    settings: FinetuneSettings,
    seed: int,
    classes: list[str],
    task: str,
    scratch: bool,
) -> Classifier:
    """The classifier before training: the arm's encoder under its fitted probe, or under a head that knows nothing."""
    encoder = make_encoder()
    if scratch:
        encoder = made_anew(encoder, mix(seed, "encoder"))
        normalise_by(encoder, budget.images)
    classifier = Classifier(encoder, classes, task)
    if scratch or not settings.start_from_probe:
        head = prior_head(budget.targets, len(classes), classifier.encoder.feature_dim)
    else:
        features = (
            budget.features
            if budget.features is not None
            else extract(classifier.encoder, budget.images, device=choose_accelerator(settings.train))
        )
        head = probe_head(
            features, budget.targets, budget.groups, len(classes), mix(seed, "probe"), budget.standardiser
        )
    classifier.head.start_from(*head)
    return classifier


def made_anew(encoder: Encoder, seed: int) -> Encoder:
    """The same architecture with other random weights, so that no draw depends on one lucky start."""
    return build_encoder(
        encoder.name, in_channels=encoder.in_channels, size=encoder.size, seed=seed, **encoder.arguments
    )


def normalise_by(encoder: Encoder, images: Images) -> None:
    """Shift and scale the input by the mean and deviation of the budget's scans."""
    sample = images.batch(np.arange(min(LOOKED_AT, len(images))))
    encoder.set_normalisation(sample.mean(dim=(0, 2, 3)).tolist(), sample.std(dim=(0, 2, 3)).clamp(min=0.01).tolist())


def train(
    classifier: Classifier,
    budget: Budget,
    settings: FinetuneSettings,
    seed: int,
    lr: float,
    scratch: bool,
    run: RunFolder | None = None,
    tracker: Tracker | None = None,
    resume: bool = False,
    validation: Validation | None = None,
) -> Trained:
    """Train a classifier in place.

    A fold's training (``run`` is a :class:`FoldRun`) writes no checkpoint.
    """
    labels = len(budget.targets)
    steps = settings.steps_for(labels, scratch=scratch)
    batch_size = settings.batch_size_for(labels)
    task = FinetuneTask(
        classifier,
        budget.targets,
        BatchAugment(settings.augment, classifier.encoder.size),
        layer_decay=1.0 if scratch else settings.layer_decay,
        ema=settings.ema,
        keep_statistics=not scratch and labels <= FEW_LABELS,
        validation=validation,
        select=settings.select,
    )
    loop = TrainSettings(
        **{
            **settings.train.model_dump(),
            "lr": lr,
            "steps": steps,
            "batch_size": batch_size,
            "seed": mix(seed, "steps"),
        }
    )
    batches = steps if run is None else max(1, -(-steps // EVENTS))
    if validation is not None:
        batches = min(steps, settings.validate_every or settings.steps_per_pass(labels))
    stream = LabelledStream(budget.images, batch_size, mix(seed, "order"), batches * loop.accumulate)
    keep_state = run is not None and not isinstance(run, FoldRun)
    result = fit(task, stream, loop, run=run, tracker=tracker, resume=resume, checkpoints=keep_state)
    task.take_kept()
    return Trained(result.steps, result.stopped, task.best_epoch)


def cross_validate(
    make_encoder: EncoderFactory,
    budget: Budget,
    settings: FinetuneSettings,
    seed: int,
    classes: list[str],
    task: str,
    scratch: bool,
    run: RunFolder | None = None,
) -> CrossValidation:
    """Choose learning rate and ``keep`` by the least pooled out-of-fold log-loss, as far as the settings ask for it."""
    middle = settings.train.lr or FinetuneTask.default_lr
    given = settings.keep_for(len(budget.targets), scratch=scratch)
    tune = settings.tune and len(budget.targets) >= FEWEST_TO_TUNE
    rates = [middle * factor for factor in RATES] if tune else [middle]
    shares = (given,) if scratch or settings.keep is not None else SHARES
    wanted = settings.folds or (FOLDS if tune else 0)
    if not wanted:
        return CrossValidation(middle, given)
    folds = assign_folds(budget.targets, budget.groups, seed=mix(seed, "folds"), most=wanted, classes=len(classes))
    held: dict[tuple[float, float], NDArray[np.float32]] = {
        (rate, share): np.full((len(budget.targets), len(classes)), np.nan, np.float32)
        for rate in rates
        for share in shares
    }
    for fold in range(folds.count):
        inside, outside = np.flatnonzero(folds.ids != fold), np.flatnonzero(folds.ids == fold)
        if not len(outside) or not len(inside) or one_sided(budget.targets[inside]):
            continue
        part, held_out = budget.part(inside), PartOf(budget.images, outside)
        for rate in rates:
            told = FoldRun(run, f"{fold + 1}/{folds.count}") if run else None
            classifier = start(make_encoder, part, settings, seed, classes, task, scratch)
            beginning = clone(classifier)
            train(classifier, part, settings, seed, rate, scratch, told)
            end = clone(classifier)
            for share in shares:
                classifier.load_state_dict(end)
                interpolate(classifier, beginning, share)
                held[rate, share][outside] = predict_probabilities(
                    classifier, held_out, choose_accelerator(settings.train)
                )
            if run is not None and run.stop_requested():
                return CrossValidation(middle, given)
    scored = np.isfinite(next(iter(held.values()))).all(axis=1)
    if not scored.any():
        return CrossValidation(middle, given)
    losses = {key: log_loss(found[scored], budget.targets[scored]) for key, found in held.items()}
    lr, keep = min(losses, key=lambda key: losses[key])
    by_name = {f"{rate:.3g}/{share:g}": loss for (rate, share), loss in losses.items()}
    return CrossValidation(lr, keep, by_name, held[lr, keep])


def predict_probabilities(classifier: Classifier, images: Images, device: str = "cpu") -> NDArray[np.float32]:
    """Probabilities of a set of images, ``(N, classes)`` float32; the classifier is on the CPU afterwards."""
    if not len(images):
        return np.zeros((0, len(classifier.classes)), np.float32)
    logits = batched(classifier.to(device), images, PREDICTED_AT_ONCE)
    classifier.cpu()
    return classifier.probabilities(logits).numpy()


def clone(classifier: Classifier) -> dict[str, Tensor]:
    """A copy of the weights."""
    return {name: value.detach().clone() for name, value in classifier.state_dict().items()}


@torch.no_grad()
def interpolate(classifier: Classifier, beginning: dict[str, Tensor], keep: float) -> None:
    """Move the weights to ``beginning + keep * (weights - beginning)``, in place."""
    for name, value in classifier.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.lerp(beginning[name], value, keep))
