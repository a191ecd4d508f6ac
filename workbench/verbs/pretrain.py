"""``workbench pretrain``: trains an encoder on a cohort's pool, without labels."""

from __future__ import annotations

import sys
from pathlib import Path

from workbench.config import load_settings
from workbench.errors import InputError
from workbench.pretraining.settings import PretrainSettings
from workbench.pretraining.trained import Trained
from workbench.runs.folder import RunFolder
from workbench.runs.progress import Progress, duration
from workbench.runs.status import write_json
from workbench.runs.tracking import Tracker
from workbench.runs.workspace import Workspace


class PretrainResult(Trained):
    """What came out, and where."""

    run_id: str
    path: str

    def summary(self) -> str:
        """Sentences: how long, how good, where."""
        state = "Stopped" if self.stopped else "Finished"
        lines = [
            f"{state} after {self.epochs} epochs ({self.steps:,} steps, {duration(self.seconds)}, "
            f"{self.images_per_s:,.0f} scans/s in {self.precision} on {self.device}, loss {self.loss:.3f}).",
        ]
        known = {"knn_auc": "kNN AUC", "probe_auc": "probe AUC"}
        figures = [f"{known[name]} {value:.3f}" for name, value in self.meters.items() if name in known]
        lines += [f"On labelled development patients: {', '.join(figures)}."] if figures else []
        lines += [self.collapse] if self.collapse else []
        lines.append(f"Encoder: {self.path}")
        if self.stopped:
            lines.append(f"Continue with: workbench pretrain resume={self.run_id}")
        return "\n".join(lines)


def pretrain(settings: PretrainSettings, *, workspace: Workspace, progress: Progress | None = None) -> PretrainResult:
    """Train an encoder on the unlabelled pool of a cohort, or go on with a run that was interrupted.

    The run folder then holds ``encoder.safetensors`` and ``encoder.json``, the settings, the figures of each epoch
    and contact sheets; MLflow has the figures and the encoder. The list of the pool's scans stays with the cohort.

    Raises:
        InputError: No such cohort, run, encoder or device; settings that do not fit each other or the resumed run.
        OperationFailed: The loss is no longer finite, or something cannot be written.
    """
    from workbench.training.devices import is_main_process

    resume = bool(settings.resume)
    if not is_main_process():
        _help_along(settings, workspace)
    if resume:
        run = RunFolder.open(workspace.find_run(settings.resume, "pretrain"))
        settings = settings_to_resume(run, settings)
        if (run.path / "result.json").exists():
            return PretrainResult.model_validate_json((run.path / "result.json").read_text(encoding="utf-8"))
    elif not settings.cohort:
        raise InputError("No cohort is named.", where="cohort", todo="Say cohort=NAME, or resume=RUN.")
    else:
        _check_cohort(settings, workspace)
        run = RunFolder.create(workspace, "pretrain", settings, settings.name or None)
    run.quiet = bool(progress and progress.quiet)
    tags = {"method": settings.method, "encoder": settings.encoder, "cohort": settings.cohort}
    if resume:
        tags["resumed"] = "true"
    tracker = Tracker(workspace, f"pretrain/{settings.cohort}", run.run_id, "pretrain", settings, tags, folder=run.path)
    from workbench.pretraining.train_encoder import train_encoder

    with run, tracker:
        trained = train_encoder(settings, workspace, run, tracker, resume=resume)
        result = PretrainResult(run_id=run.run_id, path=str(run.path), **trained.model_dump())
        run.conclude(result.summary().splitlines()[0])
    if not result.stopped:
        write_json(run.path / "result.json", result.model_dump(mode="json"))
    return result


def settings_to_resume(run: RunFolder, asked: PretrainSettings) -> PretrainSettings:
    """The settings of the run to continue.

    Raises:
        InputError: The run is still running, or a setting was given that differs from the run's own.
    """
    run.refuse_running()
    own = load_settings(PretrainSettings, file=run.path / "settings.yaml")
    ours, theirs = asked.plain(), own.plain()
    free = {"resume", "name"}
    explicit = asked.model_fields_set - free
    different = [name for name in sorted(explicit) if name in ours and ours[name] != theirs[name]]
    if set(different) - {"encoder", "augment"} or (different and "method" in explicit):
        raise InputError(
            f"The run '{run.run_id}' goes on with its own settings, but {', '.join(different)} was given differently.",
            where=run.path / "settings.yaml",
            todo="Leave that out to resume, or start a new run with init_from.",
        )
    return own


def _check_cohort(settings: PretrainSettings, workspace: Workspace) -> None:
    from workbench.cohort.cohort import Cohort
    from workbench.training.devices import choose_accelerator

    Cohort.open(workspace.cohort_dir(settings.cohort))
    choose_accelerator(settings.train)


def _help_along(settings: PretrainSettings, workspace: Workspace) -> None:
    """A further process of a run on several devices: train along, write nothing, and end."""
    from workbench.pretraining.train_encoder import train_encoder

    path: Path | None = None
    if settings.resume:
        run = RunFolder.open(workspace.find_run(settings.resume, "pretrain"))
        settings, path = load_settings(PretrainSettings, file=run.path / "settings.yaml"), run.path
    train_encoder(settings, workspace, None, None, resume=path is not None, folder=path)
    sys.exit(0)
