"""``workbench finetune``: trains a classifier on labels, and tests it once on the reserved patients."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from workbench.config import Result, load_settings
from workbench.errors import InputError
from workbench.finetuning.settings import FinetuneSettings as LabelSettings
from workbench.runs.folder import RunFolder
from workbench.runs.progress import Progress
from workbench.runs.status import write_json
from workbench.runs.tracking import Tracker
from workbench.runs.workspace import Workspace

if TYPE_CHECKING:
    from workbench.finetuning.classify import Labelled, Outcome

DEFAULT_SIZE = 64


class FinetuneSettings(LabelSettings):
    """Which scans, which labels of them, which encoder; and how to train."""

    cohort: str = Field(default="", description="Name of the cohort.")
    encoder: str = Field(
        default="scratch:resnet18",
        description="A pretraining's run id, a folder with encoder.json, scratch:ARCHITECTURE, or ARCHITECTURE@FILE.",
    )
    method: Literal["finetune", "probe", "knn"] = Field(
        default="finetune", description="End to end, a linear probe on frozen features, or nearest neighbours."
    )
    labels: str = Field(default="", description="Version of the labels; the latest when empty.")
    budget: int = Field(default=0, ge=0, description="How many labels may be used; 0: all.")
    budget_unit: Literal["patients", "scans"] = Field(default="patients", description="What the budget counts.")
    draw: int = Field(default=0, ge=0, description="Which random choice of the labelled patients.")
    scans_per_patient: int = Field(default=0, ge=0, description="Most labelled scans of one patient; 0: all.")
    unit: Literal["scan", "exam", "patient"] = Field(
        default="scan", description="What is scored: the scores of its scans are pooled by their mean."
    )
    size: int = Field(default=0, ge=0, description="Side of the images, pixels; 0 takes the encoder's own.")
    validation: str = Field(
        default="",
        description="Validation scans, COLUMN:VALUE of the labels' further columns, such as split:val; their patients "
        "are not trained on.",
    )
    folds: int = Field(
        default=3, ge=0, le=10, description="Trainings on parts of the budget that set the operating point; 0: none."
    )
    pictures: int = Field(default=8, ge=0, le=64, description="Test scans of which saliency is drawn.")
    log_pictures: bool = Field(default=False, description="Give the pictures to MLflow, too.")
    transductive: bool = Field(default=False, description="Go on although the encoder saw test patients, unlabelled.")
    seed: int = Field(default=0, description="Seeds the draw, the training and random weights.")
    name: str = Field(default="", description="Name of the run; the date and time when empty.")
    resume: str = Field(default="", description="Run to continue, with its own settings.")


class FinetuneResult(Result):
    """How good it is, and where it lies."""

    run_id: str
    path: str
    method: str
    encoder: str
    labels: str
    classes: list[str]
    n_patients: int
    n_scans: int
    test_patients: int
    test_scans: int
    metrics: dict[str, dict[str, Any]]
    told: dict[str, Any]
    stopped: bool = False

    def summary(self) -> str:
        """The metrics in sentences."""
        if self.stopped:
            return f"Stopped. Continue with: workbench finetune resume={self.run_id}"
        lines = [
            f"{self.method} of {self.encoder} on {self.n_scans:,} labelled scans of {self.n_patients:,} patients, "
            f"tested on {self.test_scans:,} scans of {self.test_patients:,} reserved patients:"
        ]
        for name, found in self.metrics.items():
            lines.append(f"  {name.replace('_', ' '):<18} {_shown(found)}")
        lines.append(f"Classifier and predictions: {self.path}")
        return "\n".join(lines)


def finetune(settings: FinetuneSettings, *, workspace: Workspace, progress: Progress | None = None) -> FinetuneResult:
    """Train on a budget of the development set's labels and score the reserved test patients once.

    The run folder then holds ``classifier.safetensors`` with ``classifier.json``, ``predictions.parquet``,
    ``out_of_fold.parquet`` (scores of the labelled scans by trainings without them), ``metrics.json`` (each metric with
    a 95 % interval clustered by patient) and ``saliency.png``.

    Raises:
        InputError: No such cohort, labels, encoder or budget; one class alone; an encoder that saw test patients.
        OperationFailed: The loss is no longer finite, or something cannot be written.
    """
    resume = bool(settings.resume)
    if resume:
        run = RunFolder.open(workspace.find_run(settings.resume, "finetune"))
        if (run.path / "result.json").exists():
            return FinetuneResult.model_validate_json((run.path / "result.json").read_text(encoding="utf-8"))
        run.refuse_running()
        settings = load_settings(FinetuneSettings, file=run.path / "settings.yaml")
    elif not settings.cohort:
        raise InputError("No cohort is named.", where="cohort", todo="Say cohort=NAME, or resume=RUN.")
    else:
        _check(settings, workspace)
        run = RunFolder.create(workspace, "finetune", settings, settings.name or None)
    run.quiet = bool(progress and progress.quiet)
    tags = {"method": settings.method, "encoder": settings.encoder, "cohort": settings.cohort}
    tracker = Tracker(workspace, f"finetune/{settings.cohort}", run.run_id, "finetune", settings, tags, folder=run.path)
    with run, tracker:
        result = _finetune(settings, workspace, run, tracker, resume)
        if not result.stopped:
            run.conclude(f"AUC {_shown(result.metrics['auc'])} on {result.test_patients:,} reserved patients.")
    if not result.stopped:
        write_json(run.path / "result.json", result.model_dump(mode="json"))
    return result


def _check(settings: FinetuneSettings, workspace: Workspace) -> None:
    """Refuse what cannot work before a run folder is made."""
    from workbench.cohort.cohort import Cohort
    from workbench.finetuning.validation_set import check_validation
    from workbench.training.devices import choose_accelerator

    labels = Cohort.open(workspace.cohort_dir(settings.cohort)).labels(settings.labels or None)
    check_validation(settings.validation, labels, settings, settings.method)
    choose_accelerator(settings.train)


def _finetune(
    settings: FinetuneSettings, workspace: Workspace, run: RunFolder, tracker: Tracker, resume: bool
) -> FinetuneResult:
    from workbench.cohort.cohort import Cohort
    from workbench.cohort.pool_check import pool_overlap, refuse_overlap
    from workbench.finetuning.classify import classify
    from workbench.finetuning.record import as_json, judge, patients_of, prediction_table, unit_keys, write_table
    from workbench.finetuning.validation import Validation
    from workbench.finetuning.validation_set import set_aside
    from workbench.models.encoder_source import find_encoder
    from workbench.store.building import build_store
    from workbench.store.datasets import UnitImages

    cohort = Cohort.open(workspace.cohort_dir(settings.cohort))
    labels = cohort.labels(settings.labels or None)
    size = settings.size or encoder_size(settings.encoder, workspace)
    store = build_store(cohort, size, workspace=workspace, progress=run)
    source = find_encoder(settings.encoder, workspace, in_channels=store.channels, size=size, seed=settings.seed)
    if source.said:
        run.log(source.said)
    development, test = (_in_store(scans, store, run) for scans in (cohort.development(labels), cohort.test(labels)))
    if not len(test):
        raise InputError(
            "No reserved patient has a label, so nothing can be tested.",
            where=cohort.folder,
            todo="Label scans of reserved patients, too, or reserve others with 'workbench split'.",
        )
    said = refuse_overlap(pool_overlap(cohort, source.facts, test), transductive=settings.transductive)
    if said:
        run.log(said)
    validation = None
    if settings.validation:
        there = patients_of(cohort.manifest, development)
        development, kept_out, further = set_aside(settings.validation, labels, development, there)
        if further:
            run.log(f"{further:,} further scans of the validation patients are not used.")
        images = UnitImages(store, store.rows_of(kept_out))
        patients = patients_of(cohort.manifest, kept_out)
        validation = Validation.of(images, labels.targets(kept_out), patients, len(labels.classes))
        tracker.dataset("validation", cohort.keys_of(kept_out).digest, "validation")
        run.log(f"{len(kept_out):,} validation scans of {len(set(patients)):,} patients, which are not trained on.")
    labelled = _labelled(settings, cohort, labels, development, store)
    chosen = development[labelled.rows]
    tracker.dataset("budget", cohort.keys_of(chosen).digest)
    tracker.dataset("test", cohort.keys_of(test).digest, "testing")
    tracker.dataset("store", store.digest)
    run.log(f"{len(chosen):,} labelled scans of {len(set(labelled.patients[labelled.rows])):,} patients.")
    images = UnitImages(store, store.rows_of(test))
    outcome = classify(
        settings.method,
        source,
        labelled,
        images,
        settings,
        settings.seed,
        run=run,
        tracker=tracker,
        resume=resume,
        validation=validation,
    )
    patients, targets = patients_of(cohort.manifest, test), labels.targets(test)
    facts = {
        "cohort": cohort.name,
        "cohort_version": cohort.version,
        "labels": labels.version,
        "method": settings.method,
        "run_id": run.run_id,
        "source": Path(settings.encoder).name,
        "source_facts": source.facts,
        "budget_scans": len(chosen),
        "settings_digest": settings.digest(),
        "store_digest": store.digest,
        "store_settings": store.settings.plain(),
        "unit": settings.unit,
        "pool": said,
        **outcome.told,
    }
    metrics: dict[str, Any] = {}
    if not outcome.stopped:
        held_out = outcome.out_of_fold
        out_of_fold = None
        if held_out is not None:
            keys = unit_keys(cohort.manifest, chosen, settings.unit)
            out_of_fold = (held_out, labelled.targets[labelled.rows], keys)
        units = unit_keys(cohort.manifest, test, settings.unit)
        scores = outcome.probabilities
        found = judge(scores, targets, patients, units, out_of_fold=out_of_fold, seed=settings.seed)
        metrics = as_json(found)
        write_table(run.path / "predictions.parquet", prediction_table(test, patients, scores, labels.classes, targets))
        if held_out is not None:  # an audit sets its thresholds on these
            owners, truth = patients_of(cohort.manifest, chosen), labelled.targets[labelled.rows]
            kept = prediction_table(chosen, owners, held_out, labels.classes, truth)
            write_table(run.path / "out_of_fold.parquet", kept)
        write_json(run.path / "metrics.json", metrics)
        tracker.metrics({name: interval.value for name, interval in found.items()})
        _write_classifier(settings, run, tracker, outcome, facts, images, targets)
    return FinetuneResult(
        run_id=run.run_id,
        path=str(run.path),
        method=settings.method,
        encoder=settings.encoder,
        labels=labels.version,
        classes=labels.classes,
        n_patients=len(set(labelled.patients[labelled.rows])),
        n_scans=len(chosen),
        test_patients=len(set(patients)),
        test_scans=len(test),
        metrics=metrics,
        told=outcome.told,
        stopped=outcome.stopped,
    )


def encoder_size(encoder: str, workspace: Workspace) -> int:
    """Side of the images that an encoder was made for, pixels; 64 for one that is made anew."""
    from workbench.models import checkpoint
    from workbench.models.encoder_source import RANDOM, locate
    from workbench.models.recipes import NAMES

    if encoder.startswith(RANDOM) or encoder.partition("@")[0] in NAMES:
        return DEFAULT_SIZE
    return int(checkpoint.read_facts(locate(encoder, workspace))["size"])


def _in_store(scans: Any, store: Any, run: RunFolder) -> Any:
    there = store.has(scans)
    if not there.all():
        run.log(f"{int((~there).sum()):,} labelled scans could not be decoded and are left out; see store.json.")
    return scans[there]


def _labelled(settings: FinetuneSettings, cohort: Any, labels: Any, development: Any, store: Any) -> Labelled:
    """The development set with the budget's rows."""
    from workbench.finetuning.classify import Labelled
    from workbench.finetuning.probe_start import one_sided
    from workbench.finetuning.record import patients_of
    from workbench.store.datasets import UnitImages
    from workbench.study.draws import ALL, Budget, Development, draw, patient_order

    targets, patients = labels.targets(development), patients_of(cohort.manifest, development)
    if not len(development) or one_sided(targets):
        raise InputError(
            "The labels of the development set hold one class alone; nothing can be learned from them.",
            where=f"labels {labels.version}: {labels.counts(development)}",
            todo="Label scans of at least two classes.",
        )
    pool = Development(patients, targets, labels.classes)
    order = patient_order(pool, seed=settings.seed, task=labels.version, draw=settings.draw)
    budget = Budget(settings.budget or ALL, settings.budget_unit)
    drawn = draw(pool, budget, order, cap=settings.scans_per_patient, seed=settings.seed)
    images = UnitImages(store, store.rows_of(development))
    return Labelled(images, targets, patients, drawn.rows, labels.classes, labels.task)


def _write_classifier(
    settings: FinetuneSettings,
    run: RunFolder,
    tracker: Tracker,
    outcome: Outcome,
    facts: dict[str, Any],
    images: Any,
    targets: Any,
) -> None:
    """The classifier's files, and the pictures; kNN has neither."""
    import numpy as np

    from workbench.evaluation.saliency import saliency, write_pictures
    from workbench.models.classifier import save_classifier
    from workbench.training.resume import checkpoint_file

    checkpoint_file(run.path).unlink(missing_ok=True)
    if outcome.classifier is None:
        run.log("Nearest neighbours have no weights: there are predictions and metrics, but no classifier.")
        return
    classifier = outcome.classifier
    save_classifier(run.path, classifier, facts)
    count = min(settings.pictures, len(images))
    if not count:
        return
    scores = outcome.probabilities
    answers = scores.argmax(axis=1)
    # Half of them where the answer is surest, half where it is least sure, over the whole test set.
    order = np.argsort(-scores[np.arange(len(scores)), answers], kind="stable")
    shown = np.concatenate([order[: count - count // 2], order[len(order) - count // 2 :]])
    chosen = images.batch(shown)
    captions = []
    for row in shown:
        name = classifier.classes[answers[row]]
        right = targets[row, answers[row]] == 1 if targets.ndim == 2 else targets[row] == answers[row]
        captions.append(f"{name}: {scores[row, answers[row]]:.2f} ({'right' if right else 'wrong'})")
    maps = saliency(classifier, chosen, [int(answers[row]) for row in shown])
    file = write_pictures(Path(run.path) / "saliency.png", chosen, maps, captions)
    if settings.log_pictures:
        tracker.artifact(file)


def _shown(found: dict[str, Any]) -> str:
    if found["value"] is None:
        return f"none{'; ' + found['note'] if found['note'] else ''}"
    interval = "" if found["low"] is None else f" ({found['low']:.3f} to {found['high']:.3f})"
    return f"{found['value']:.3f}{interval}{'; ' + found['note'] if found['note'] else ''}"
