"""``workbench predict``: scores a cohort's scans, or any DICOM files, with a classifier."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from workbench.config import Result, Settings
from workbench.errors import InputError, OperationFailed
from workbench.runs.folder import RunFolder
from workbench.runs.progress import Progress, duration
from workbench.runs.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

AT_ONCE = 64
KEYS = {"scan": "scan_id", "exam": "study_key", "patient": "patient_key"}


class PredictSettings(Settings):
    """Which classifier, which scans, and where the answers go."""

    model: str = Field(description="A fine-tuning's run id, or a folder with classifier.json.")
    sources: list[Path] = Field(default=[], description="DICOM files, or folders with such.")
    cohort: str = Field(default="", description="Name of a cohort, in place of files.")
    only: Literal["all", "reserved"] = Field(
        default="all", description="Of a cohort: all usable scans, or those of the reserved test patients."
    )
    unit: Literal["scan", "exam", "patient"] = Field(
        default="scan", description="What is answered: the scores of its scans are pooled by their mean."
    )
    out: str = Field(
        default="",
        description="File, .csv or .parquet; predictions.parquet in a run folder of its own when empty. A file of your "
        "own also names the DICOM files (unit=scan): keep it as you keep them.",
    )
    batch_size: int = Field(default=AT_ONCE, ge=1, description="Scans per step.")
    workers: int = Field(default=0, ge=0, description="Processes that decode files; 0 for one per core.")
    name: str = Field(default="", description="Name of the run; the date and time when empty.")


class PredictResult(Result):
    """What was scored."""

    run_id: str
    predictions: str
    unit: str
    units: int
    scans: int
    files_seen: int
    files_refused: int
    reasons: dict[str, int]
    answers: dict[str, int]
    seconds: float

    def summary(self) -> str:
        """How many were scored, the answers, what was refused, and where it lies."""
        counts = ", ".join(f"{name}: {count:,}" for name, count in self.answers.items())
        lines = [f"{self.scans:,} scans scored in {duration(self.seconds)}; most probable per {self.unit}: {counts}."]
        if self.files_seen:
            used = self.files_seen - self.files_refused
            lines.append(f"{self.files_seen:,} files seen = {used:,} used + {self.files_refused:,} refused.")
        lines += [f"  {count:,} {code}" for code, count in self.reasons.items()]
        return "\n".join([*lines, f"Predictions: {self.predictions}"])


def predict(settings: PredictSettings, *, workspace: Workspace, progress: Progress | None = None) -> PredictResult:
    """Score scans; one row per scan, exam or patient with the probability of every class.

    Raises:
        InputError: No such classifier, cohort or file; or not a single file holds a picture.
    """
    from workbench.models.classifier import load_classifier, read_facts

    if bool(settings.sources) == bool(settings.cohort):
        raise InputError(
            "Say what to score: either files or a cohort."
            if not settings.cohort
            else "Give files or a cohort, not both.",
            where="sources, cohort",
            todo="workbench predict MODEL FILES... or workbench predict MODEL --cohort NAME",
        )
    if settings.out and Path(settings.out).suffix not in (".csv", ".parquet"):
        raise InputError("Predictions are kept as .csv or .parquet.", where=settings.out)
    folder = locate_classifier(settings.model, workspace)
    classifier, facts = load_classifier(folder), read_facts(folder)
    run = RunFolder.create(workspace, "predict", settings_without_paths(settings), settings.name or None)
    run.quiet = bool(progress and progress.quiet)
    with run:
        result = _predict(settings, workspace, run, classifier, facts)
        run.conclude(result.summary().splitlines()[0])
        return result


def settings_without_paths(settings: PredictSettings) -> PredictSettings:
    """The settings as a run folder may hold them: paths can name patients."""
    hidden = [Path("...") for _ in settings.sources]
    return settings.model_copy(update={"sources": hidden, "out": "..." if settings.out else ""})


def locate_classifier(model: str, workspace: Workspace) -> Path:
    """The folder of the classifier that a path or run id names.

    Raises:
        InputError: There is none, or the run has written none.
    """
    from workbench.models import classifier

    folder = classifier.FILES.at(model, workspace)
    if folder is not None:
        return folder
    run = workspace.find_run(model, "finetune")
    if not (run / classifier.FACTS).is_file():
        raise InputError(
            f"The run '{run.name}' holds no classifier.",
            where=run,
            todo="Let it finish; a kNN run has no weights, so use method=probe or method=finetune.",
        )
    return run


def _predict(
    settings: PredictSettings, workspace: Workspace, run: RunFolder, classifier: Any, facts: dict[str, Any]
) -> PredictResult:
    from workbench.finetuning.record import write_table

    began = time.monotonic()
    reasons: Counter[str] = Counter()
    if settings.cohort:
        table, scores, seen = _of_cohort(settings, workspace, run, classifier, facts)
    else:
        table, scores, seen = _of_files(settings, run, classifier, facts, reasons)
    answers = _pooled(table, scores, settings, classifier)
    out = Path(settings.out).expanduser() if settings.out else run.path / "predictions.parquet"
    if not settings.out and "file" in answers:
        answers = answers.drop(columns=["file"])
    try:
        write_table(out, answers)
    except OSError as error:
        raise OperationFailed(f"The predictions cannot be written: {error.strerror}.", where=out) from error
    counts = answers["answer"].value_counts() if "answer" in answers else (answers[classifier.classes] > 0.5).sum()
    return PredictResult(
        run_id=run.run_id,
        predictions=str(out),
        unit=settings.unit,
        units=len(answers),
        scans=len(table),
        files_seen=seen,
        files_refused=reasons.total(),
        reasons=dict(reasons.most_common()),
        answers={name: int(counts.get(name, 0)) for name in classifier.classes},
        seconds=round(time.monotonic() - began, 3),
    )


def _of_cohort(
    settings: PredictSettings, workspace: Workspace, run: RunFolder, classifier: Any, facts: dict[str, Any]
) -> tuple[pd.DataFrame, Any, int]:
    from workbench.cohort.cohort import Cohort
    from workbench.models.classifier import batched
    from workbench.store.building import build_store
    from workbench.store.datasets import UnitImages

    cohort = Cohort.open(workspace.cohort_dir(settings.cohort))
    store = build_store(cohort, settings=_store_settings(classifier, facts), workspace=workspace, progress=run)
    table = cohort.manifest.loc[cohort.usable(), ["scan_id", "study_key", "patient_key"]]
    table = table.assign(reserved=cohort.split().is_test(table["scan_id"].tolist()))
    if settings.only == "reserved":
        table = table[table["reserved"]]
    there = store.has(table["scan_id"].tolist())
    if not there.all():
        run.log(f"{int((~there).sum()):,} scans could not be decoded and have no prediction; see store.json.")
    table = table[there].reset_index(drop=True)
    if not len(table):
        raise InputError("There is no scan to score.", where=cohort.folder)
    images = UnitImages(store, store.rows_of(table["scan_id"].tolist()))
    logits = batched(classifier, images, settings.batch_size, progress=run)
    return table, classifier.probabilities(logits).numpy(), 0


def _of_files(
    settings: PredictSettings, run: RunFolder, classifier: Any, facts: dict[str, Any], reasons: Counter[str]
) -> tuple[pd.DataFrame, Any, int]:
    import numpy as np
    import pandas as pd
    import torch

    from workbench.finetuning.scan_files import ReadScan, dicom_files, read_files

    files = dicom_files(settings.sources)
    rows: list[tuple[str, str, str, str, int]] = []
    scores = []
    refused: list[tuple[str, str]] = []

    def flush(waiting: list[ReadScan]) -> None:
        with torch.inference_mode():
            images = torch.from_numpy(np.stack([scan.image for scan in waiting]))
            scores.append(classifier.probabilities(classifier(images)).numpy())
        rows.extend((s.scan_id, s.study_key, s.patient_key, s.path, s.frame) for s in waiting)
        waiting.clear()

    waiting: list[ReadScan] = []
    for number, read in enumerate(read_files(files, _store_settings(classifier, facts), workers=settings.workers), 1):
        if read.code:
            reasons[read.code] += 1
            refused.append((read.code, read.detail))
        for scan in read.scans:
            waiting.append(scan)
            if len(waiting) >= settings.batch_size:
                flush(waiting)
        run.progress(number, len(files), "files")
    if waiting:
        flush(waiting)
    if not rows:
        told = "; ".join(sorted({f"{code} ({detail})" if detail else code for code, detail in refused})[:5])
        raise InputError(
            f"Not one of the {len(files):,} files holds a picture that can be scored."
            + (f" Reasons: {told}." if told else ""),
            where=", ".join(str(source) for source in settings.sources[:3]),
            todo="Give DICOM images; 'workbench doctor' lists the decoders.",
        )
    table = pd.DataFrame(rows, columns=["scan_id", "study_key", "patient_key", "file", "frame"])
    order = table.sort_values(["file", "frame"], kind="stable").index.to_numpy()
    return table.loc[order].reset_index(drop=True), np.concatenate(scores)[order], len(files)


def _pooled(table: pd.DataFrame, scores: Any, settings: PredictSettings, classifier: Any) -> pd.DataFrame:
    """One row per unit: its key, its patient, the number of scans, the most probable class, all probabilities."""
    import numpy as np
    import pandas as pd

    from workbench.evaluation.units import Units

    key = KEYS[settings.unit]
    if settings.unit == "scan":
        answers, pooled = table.copy(), scores
    else:
        units = Units.of(table[key].to_numpy(dtype=object))
        pooled = units.scores(scores)
        first = pd.Series(range(len(table))).groupby(units.member).first().to_numpy()
        kept = [key] if key == "patient_key" else [key, "patient_key"]
        kept += ["reserved"] if "reserved" in table else []
        answers = table.iloc[first][kept].reset_index(drop=True)
        answers["scans"] = np.bincount(units.member)
    if classifier.task != "multilabel":
        answers["answer"] = np.asarray(classifier.classes, dtype=object)[np.asarray(pooled).argmax(axis=1)]
    for column, name in enumerate(classifier.classes):
        answers[name] = np.asarray(pooled, dtype=np.float32)[:, column]
    return answers


def _store_settings(classifier: Any, facts: dict[str, Any]) -> Any:
    """How the classifier's training scans were fitted; the same for what it is asked about."""
    from workbench.store.settings import StoreSettings

    given = facts.get("store_settings")
    if given:
        return StoreSettings.model_validate(given)
    return StoreSettings(size=classifier.encoder.size, channels=classifier.encoder.in_channels)
