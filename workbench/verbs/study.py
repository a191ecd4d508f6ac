"""``workbench study``: how many labels are needed, and did pretraining save any."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from workbench.config import Result
from workbench.errors import InputError, OperationFailed
from workbench.runs.folder import RunFolder, settings_digest
from workbench.runs.progress import Progress, duration
from workbench.runs.tracking import Tracker
from workbench.runs.workspace import Workspace
from workbench.study.settings import StudySettings


class StudyResult(Result):
    """The answer."""

    run_id: str
    path: str
    seconds: float
    stopped: bool
    cells: int
    verdict: str
    labels_saved: dict[str, dict[str, Any] | None]
    report: str

    def summary(self) -> str:
        """The verdict, the labels saved and where to read on."""
        if self.stopped:
            return f"Stopped; what was done is kept. Continue with the same command and name={self.run_id}."
        saved = [f"Labels saved by {arm}: {ratio['text']}" for arm, ratio in self.labels_saved.items() if ratio]
        return "\n".join([self.verdict, *saved, f"Report: {self.report}", f"Time: {duration(self.seconds)}"])


def study(settings: StudySettings, *, workspace: Workspace, progress: Progress | None = None) -> StudyResult:
    """Run the grid of arms, protocols, budgets and draws, and say what it shows.

    The run folder then holds ``results.parquet``, ``predictions.parquet``, ``summary.json``, ``report.html`` and
    ``figures/``. The same name and settings continue a study that was stopped or killed.

    Raises:
        InputError: No such cohort, labels or encoder; a budget that cannot be drawn; an encoder that saw test scans.
    """
    began = time.monotonic()
    run = _run_folder(settings, workspace)
    run.quiet = bool(progress and progress.quiet)
    tags = {"cohort": settings.cohort}
    tracker = Tracker(workspace, f"study/{settings.cohort}", run.run_id, "study", settings, tags, folder=run.path)
    with run, tracker:
        from workbench.study.cell_progress import Stopped

        try:
            summary, cells = _run(settings, workspace, run, tracker)
        except Stopped:
            run.log("Stopped; what was done is kept.")
            run.conclude("Stopped; what was done is kept.")
            return _result(run, began, {}, 0, stopped=True)
        run.log(summary["verdict"])
        run.conclude(summary["verdict"])
        return _result(run, began, summary, cells, stopped=False)


def _run_folder(settings: StudySettings, workspace: Workspace) -> RunFolder:
    """A new run, or the one of that name and those settings to go on with.

    Raises:
        InputError: The name is taken by other settings, or the run is running.
    """
    folder = workspace.runs_dir / "study" / settings.name
    if not settings.name or not (folder / "status.json").exists():
        return RunFolder.create(workspace, "study", settings, settings.name or None)
    if settings_digest(folder) != settings.digest():
        raise InputError(
            f"There is a study '{settings.name}' with other settings.",
            where=folder / "settings.yaml",
            todo="Choose another name, or give the same settings to continue it.",
        )
    run = RunFolder.open(folder)
    run.refuse_running()
    return run


def _run(settings: StudySettings, workspace: Workspace, run: RunFolder, tracker: Tracker) -> tuple[dict[str, Any], int]:
    from workbench.study.arms import resolve_arms
    from workbench.study.data import read_data
    from workbench.study.figures import draw_figures
    from workbench.study.grid import Grid
    from workbench.study.report import write_report
    from workbench.study.results import Collected, summarise, write_summary

    data = read_data(settings, workspace, run)
    channels = data.store.channels if data.store else 1
    arms = resolve_arms(settings, data.cohort, data.test_ids, workspace, channels=channels)
    warnings = []
    if data.left_out:
        warnings.append(f"{data.left_out:,} labelled scans could not be decoded and were left out.")
    unknown = int(data.cohort.manifest["patient_unknown"].sum())
    if unknown:
        warnings.append(
            f"{unknown:,} scans have no patient identifier: that patients are kept apart is not verifiable."
        )
    run.log(
        f"{data.development.count:,} development patients with {len(data.dev_ids):,} scans; "
        f"{len(set(data.test_patients)):,} test patients with {len(data.test_ids):,} scans."
    )
    tracker.dataset("labelled", data.digest, "evaluation")
    tracker.tag("split", data.cohort.split().digest)
    collected = Collected(settings, data)
    grid = Grid(settings, data, run)
    for cell in grid.results(arms):
        collected.add(cell)
    if not collected.cells:
        raise OperationFailed(
            "No cell of the study could be run.",
            where="; ".join(grid.not_run[:3]),
            todo="See the log; the same command tries again.",
        )
    collected.write(run.path)
    summary = summarise(settings, data, arms, collected, warnings=warnings, not_run=grid.not_run)
    write_summary(run.path, summary)
    summary = json.loads((run.path / "summary.json").read_text(encoding="utf-8"))
    draw_figures(summary, run.path / "figures")
    report = write_report(summary, run.path, title=f"How many labels? Study {run.run_id}")
    _track(summary, settings, workspace, run, tracker)
    tracker.artifact(report)
    tracker.artifact(run.path / "figures")
    tracker.artifact(run.path / "summary.json")
    return summary, collected.cells


def _track(
    summary: dict[str, Any], settings: StudySettings, workspace: Workspace, run: RunFolder, tracker: Tracker
) -> None:
    """The verdict to the study's MLflow run; each curve to a run below it, with the labels as its steps."""
    for comparison in summary["comparisons"]:
        if comparison["primary"]:
            word = plain(comparison["arm"])
            tracker.tag(f"verdict.{word}", comparison["verdict"]["short"])
            tracker.metrics({f"area/{word}": comparison["area"]["difference"]})
    for arm, protocol in dict.fromkeys((point["arm"], point["protocol"]) for point in summary["curve"]):
        tags = {"arm": arm, "protocol": protocol, "cohort": settings.cohort}
        name = f"{run.run_id}/{arm}/{protocol}"
        with Tracker(workspace, tracker.experiment, name, "curve", settings, tags, parent=tracker.run_id) as child:
            for point in summary["curve"]:
                if (point["arm"], point["protocol"]) == (arm, protocol):
                    figures = {"auc": point["value"], "auc_low": point["low"], "auc_high": point["high"]}
                    child.metrics(figures, step=round(point["n"]))


def plain(name: str) -> str:
    """A name as MLflow takes it: letters, digits and ``_ - .``."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_") or "arm"


def _result(run: RunFolder, began: float, summary: dict[str, Any], cells: int, *, stopped: bool) -> StudyResult:
    return StudyResult(
        run_id=run.run_id,
        path=str(run.path),
        seconds=round(time.monotonic() - began, 1),
        stopped=stopped,
        cells=cells,
        verdict=summary.get("verdict", ""),
        labels_saved=summary.get("labels_saved", {}),
        report="" if stopped else str(run.path / "report.html"),
    )
