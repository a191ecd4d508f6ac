"""``workbench propose``: what to label next, and whether choosing helps."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from workbench.config import Result, Settings
from workbench.errors import InputError
from workbench.runs.folder import RunFolder
from workbench.runs.progress import Progress
from workbench.runs.status import write_json
from workbench.runs.workspace import Workspace


class ProposeSettings(Settings):
    """For whom, by which features, how many."""

    cohort: str = Field(description="Name of the cohort.")
    encoder: str = Field(
        default="pixels", description="What sees alike what is alike: a pretraining's run id, or 'pixels'."
    )
    count: int = Field(default=50, ge=1, description="Patients to label next.")
    strategy: Literal["auto", "typical", "uncertain", "random"] = Field(
        default="auto",
        description="typical: cover the kinds of pictures there are (TypiClust); uncertain: where the classifier "
        "doubts, spread out; auto: typical up to 50 labelled patients, then uncertain; random: chance.",
    )
    audit_share: float = Field(
        default=0.2, ge=0, le=1, description="Share chosen by chance, a yardstick for the rest and for monitoring."
    )
    labels: str = Field(default="", description="Version of the labels; the latest by default.")
    size: int = Field(default=64, ge=16, description="Side at which the encoder sees the images, pixels.")
    trial: bool = Field(
        default=False, description="Replay labelling on the labels at hand instead: does choosing beat chance?"
    )
    trial_budgets: list[int] = Field(default=[10, 25, 50, 100], description="Labelled patients along the replay.")
    trial_repeats: int = Field(default=20, ge=2, description="Replays.")
    seed: int = Field(default=0, description="Of everything random.")
    name: str = Field(default="", description="Name of the run; the date and time when empty.")


class ProposeResult(Result):
    """What to label, or what the replay showed."""

    run_id: str
    file: str
    patients: int
    strategy: str
    by_chance: int
    verdict: str = ""
    curve: list[dict[str, Any]] = []

    def summary(self) -> str:
        """The verdict of a replay, or how many patients and where their list lies."""
        if self.verdict:
            lines = [
                f"{point['strategy']:10s} {point['patients']:>5} patients: AUC {point['auc']:.3f}"
                for point in self.curve
            ]
            return "\n".join([self.verdict, *lines, f"Table: {self.file}"])
        return (
            f"{self.patients} patients to label next, {self.by_chance} of them by chance, the rest {self.strategy}.\n"
            f"List: {self.file}"
        )


def propose(settings: ProposeSettings, *, workspace: Workspace, progress: Progress | None = None) -> ProposeResult:
    """Choose patients to label next, or replay such choices on the labels at hand.

    Writes ``proposal.csv`` (``scan_id, patient_key, reason``; reserved test patients are never in it) or
    ``trial.csv`` (``strategy, patients, auc, spread``) into the run folder.

    Raises:
        InputError: No such cohort or encoder, every patient is labelled, or too few labels for a replay.
    """
    run = RunFolder.create(
        workspace, "propose", settings, settings.name or None, quiet=bool(progress and progress.quiet)
    )
    with run:
        result = _trial(settings, workspace, run) if settings.trial else _propose(settings, workspace, run)
        write_json(run.path / "result.json", result.model_dump(mode="json"))
        return result


def _propose(settings: ProposeSettings, workspace: Workspace, run: RunFolder) -> ProposeResult:
    import numpy as np

    from workbench.cohort.cohort import Cohort
    from workbench.cohort.labels import versions
    from workbench.evaluation.acquisition import propose as choose
    from workbench.evaluation.probe import fit_probe
    from workbench.evaluation.standardise import Standardiser

    cohort = Cohort.open(workspace.cohort_dir(settings.cohort))
    pool = np.asarray(cohort.pool())
    features, there = _features(settings, cohort, pool, workspace, run)
    pool = pool[there]
    rows = cohort.manifest.set_index("scan_id")
    patients = rows["group"].reindex(pool).to_numpy().astype(str)
    labelled, probabilities = np.zeros(len(pool), bool), None
    if settings.labels or versions(cohort.folder):
        labels = cohort.labels(settings.labels or None)
        labelled = np.isin(pool, np.asarray(cohort.development(labels)))
        targets = labels.targets(pool[labelled])
        enough = targets.ndim == 2 or len(np.unique(targets)) > 1
        if labelled.any() and enough and settings.strategy in ("auto", "uncertain"):
            probe = fit_probe(
                features[labelled],
                targets,
                patients[labelled],
                classes=len(labels.classes),
                standardiser=Standardiser.fit(features),
                seed=settings.seed,
            )
            probabilities = probe.predict_proba(features)
    found = choose(
        Standardiser.fit(features)(features),
        patients,
        labelled,
        settings.count,
        probabilities=probabilities,
        strategy=settings.strategy,
        audit_share=settings.audit_share,
        seed=settings.seed,
    )
    keys = rows["patient_key"].reindex(pool).to_numpy().astype(str)
    file = run.path / "proposal.csv"
    lines = [[pool[row], keys[row], reason] for row, reason in zip(found.rows, found.reasons, strict=True)]
    _write(file, ["scan_id", "patient_key", "reason"], lines)
    return ProposeResult(
        run_id=run.run_id,
        file=str(file),
        patients=len(found.rows),
        strategy=found.strategy,
        by_chance=found.reasons.count("random"),
    )


def _trial(settings: ProposeSettings, workspace: Workspace, run: RunFolder) -> ProposeResult:
    import numpy as np

    from workbench.study.acquisition_trial import run_trial
    from workbench.study.data import read_data
    from workbench.study.settings import ArmSettings, StudySettings

    study = StudySettings(
        cohort=settings.cohort,
        arms={"features": ArmSettings(encoder=settings.encoder)},
        reference="features",
        protocols=["probe"],
        size=settings.size,
        labels=settings.labels,
        seed=settings.seed,
    )
    data = read_data(study, workspace, run)
    ids = np.concatenate([data.dev_ids, data.test_ids])
    features, there = _features(settings, data.cohort, ids, workspace, run)
    if not there.all():
        raise InputError("Some labelled scans are not in the store.", todo="Run 'workbench prepare' and see why.")
    cut = len(data.dev_ids)
    strategies = ("typical", "uncertain") if settings.strategy in ("auto", "random") else (settings.strategy,)
    found = run_trial(
        features[:cut],
        features[cut:],
        data,
        settings.trial_budgets,
        strategies=strategies,
        repeats=settings.trial_repeats,
        audit_share=settings.audit_share,
        seed=settings.seed,
        told=lambda done, total: run.progress(done, total, "replays"),
    )
    curve = [
        {"strategy": cell.arm, "patients": int(cell.n), "auc": cell.theta, "spread": cell.spread}
        for cell in found.curves.cells
    ]
    file = run.path / "trial.csv"
    _write(file, ["strategy", "patients", "auc", "spread"], [list(point.values()) for point in curve])
    run.log(found.verdict)
    return ProposeResult(
        run_id=run.run_id,
        file=str(file),
        patients=found.budgets[-1],
        strategy=", ".join(strategies),
        by_chance=0,
        verdict=found.verdict,
        curve=curve,
    )


def _features(settings: ProposeSettings, cohort: Any, scans: Any, workspace: Workspace, run: RunFolder) -> Any:
    """``(N, D)`` features of the scans that the store has, and which of the scans those are."""
    from workbench.evaluation.kept_features import kept_features
    from workbench.evaluation.pixels import PIXELS, pixel_features
    from workbench.models.encoder_source import find_encoder
    from workbench.store.building import build_store

    store = build_store(cohort, settings.size, workspace=workspace, progress=run)
    there = store.has(scans)
    if settings.encoder == PIXELS:
        encoder: Any = pixel_features()
    else:
        size, seed = settings.size, settings.seed
        encoder = find_encoder(settings.encoder, workspace, in_channels=store.channels, size=size, seed=seed).make()
    return kept_features(encoder, store, scans[there], progress=run), there


def _write(file: Path, head: list[str], rows: list[list[Any]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(head)
        writer.writerows(rows)
