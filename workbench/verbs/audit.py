"""``workbench audit``: for whom a model works less well, what else it reads, and how far to trust it."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.audit.settings import AuditSettings
from workbench.config import Result
from workbench.errors import InputError
from workbench.runs.folder import RunFolder
from workbench.runs.progress import Progress, duration
from workbench.runs.tracking import Tracker
from workbench.runs.workspace import Workspace

if TYPE_CHECKING:
    from workbench.audit.source import Source

KINDS = ("study", "finetune", "predict")


class AuditResult(Result):
    """What was found."""

    run_id: str
    path: str
    seconds: float
    arm: str
    protocol: str
    budget: str
    attributes: dict[str, str]
    shortcuts: dict[str, str]
    verdict: str
    report: str

    def summary(self) -> str:
        """The verdict and where to read on."""
        return f"{self.verdict}\nReport: {self.report}\nTime: {duration(self.seconds)}"


def audit(settings: AuditSettings, *, workspace: Workspace, progress: Progress | None = None) -> AuditResult:
    """Audit one arm of a study, a fine-tuned classifier, or a prediction run on labelled, reserved scans.

    The run folder then holds ``audit.json``, ``audit.html``, ``figures/``, ``tables/`` and ``labels_to_check.csv``.

    Raises:
        InputError: No such run, arm, attribute or class; a cohort that changed since; one answer alone.
    """
    began = time.monotonic()
    folder = _folder(settings.source, workspace)
    run = RunFolder.create(workspace, "audit", settings, settings.name or None, quiet=bool(progress and progress.quiet))
    with run:
        source = _source(folder, settings, workspace, run)
        experiment, name = f"audit/{source.cohort.name}", source.cohort.name
        tags = {"cohort": name, "audited": folder.name, "arm": source.arm, "protocol": source.protocol}
        with Tracker(workspace, experiment, run.run_id, "audit", settings, tags) as tracker:
            summary = _audit(source, settings, run, tracker)
        shutil.rmtree(run.path / "cells", ignore_errors=True)
        run.log(summary["verdict"])
    return AuditResult(
        run_id=run.run_id,
        path=str(run.path),
        seconds=round(time.monotonic() - began, 1),
        arm=source.arm,
        protocol=source.protocol,
        budget=summary["budget"],
        attributes={each["name"]: each["verdict"]["short"] for each in summary["attributes"]},
        shortcuts={each["name"]: each["verdict"] for each in summary["shortcuts"]},
        verdict=summary["verdict"],
        report=str(run.path / "audit.html"),
    )


def _folder(source: str, workspace: Workspace) -> Path:
    """The run that is audited.

    Raises:
        InputError: No such run, or one of another kind.
    """
    folder = workspace.find_run(source)
    if folder.parent.name not in KINDS:
        raise InputError(
            f"A run of the kind '{folder.parent.name}' cannot be audited.",
            where=folder,
            todo="Give a study, a fine-tuning, or a prediction run on a cohort.",
        )
    return folder


def _source(folder: Path, settings: AuditSettings, workspace: Workspace, run: RunFolder) -> Source:
    from workbench.audit.run_source import read_run
    from workbench.audit.study_source import read_study

    kind = folder.parent.name
    if kind == "study":
        return read_study(folder, workspace, run, arm=settings.arm, protocol=settings.protocol, labels=settings.labels)
    if settings.arm or settings.protocol:
        raise InputError("Only a study has arms and protocols.", where="arm, protocol", todo="Leave them empty.")
    return read_run(folder, kind, workspace, labels=settings.labels)


def _audit(source: Source, settings: AuditSettings, run: RunFolder, tracker: Tracker) -> dict[str, Any]:
    import json

    from workbench.audit.figures import draw_figures
    from workbench.audit.findings import audit as find
    from workbench.audit.report import write_report
    from workbench.audit.results import summarise, write_summary
    from workbench.audit.tables import write_cases, write_tables

    tracker.dataset("audited", source.cohort.keys_of(source.test_ids).digest, "evaluation")
    found = find(source, settings, run)
    file = write_summary(run.path, summarise(found))
    summary = json.loads(file.read_text(encoding="utf-8"))
    write_tables(summary, run.path / "tables")
    write_cases(found.cases, run.path)
    captions = draw_figures(summary, run.path / "figures")
    report = write_report(summary, run.path, captions, title=f"Does it work for everyone? Audit {run.run_id}")
    _track(summary, tracker)
    for path in (report, file, run.path / "figures", run.path / "tables"):
        tracker.artifact(path)
    return summary


def _track(summary: dict[str, Any], tracker: Tracker) -> None:
    """Verdicts as tags; of every attribute the gap and the lowest AUC, of everyone the figures at each budget."""
    for each in summary["attributes"]:
        tracker.tag(f"verdict.{_word(each['name'])}", each["verdict"]["short"])
        for metric, test in each["tests"].items():
            tracker.metrics({f"gap/{each['name']}/{metric}": test["gap"], f"p/{each['name']}/{metric}": test["p_holm"]})
        if each["worst"]:
            tracker.metrics({f"worst_minus_rest/{each['name']}": each["worst"]["value"]})
    for each in summary["shortcuts"]:
        tracker.tag(f"shortcut.{_word(each['name'])}", each["verdict"])
    for point in summary["everyone"]["points"]:
        if point["arm"] == summary["arm"]:
            values = {name: point[name]["value"] for name in ("auc", "sensitivity", "specificity") if point[name]}
            tracker.metrics(values, step=round(point["n"]))
    for at in summary["calibration"]["by_budget"]:
        error = at["recalibrated"]["error"]["value"]
        tracker.metrics({"calibration_error": error} if error is not None else {}, step=round(at["n"]))


def _word(name: str) -> str:
    from workbench.verbs.study import plain

    return plain(name)
