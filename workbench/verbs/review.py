"""``workbench review``: opens a queue of a model's cases, takes answers, gives them out, makes new labels of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from workbench.cohort.decisions import account
from workbench.config import Result, Settings
from workbench.errors import InputError
from workbench.runs.folder import RunFolder
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace


class ReviewSettings(Settings):
    """Which queue, or for which model to open one."""

    queue: str = Field(default="", description="Name of a queue that was opened.")
    model: str = Field(default="", description="Open a queue for this fine-tuning: its run id or folder.")
    scans: Literal["test", "development", "unlabelled", "all"] = Field(
        default="test", description="Of which scans: test are the labelled ones of reserved patients."
    )
    cohort: str = Field(default="", description="Whose scans; the model's own cohort when empty.")
    labels: str = Field(default="", description="Version of the labels to compare with; the model's own when empty.")
    finding: str = Field(default="", description="Of a model with several findings, the one to ask about.")
    count: int = Field(default=30, ge=1, description="Cases, one of a patient.")
    audit_share: float = Field(default=0.2, ge=0, le=1, description="Share of cases by chance; one at least.")
    blind: bool = Field(default=True, description="Readers answer before they see the model's answer.")
    seed: int = Field(default=0, description="Of the choice of cases.")
    name: str = Field(default="", description="Name of the queue; the date and time when empty.")
    who: str = Field(default="", description="Who opens it or answers; the account's name when empty.")
    blank: Path | None = Field(default=None, description="Write a CSV to fill in, without the model's answers.")
    answers: Path | None = Field(default=None, description="Take the answers of a filled-in CSV.")
    out: Path | None = Field(default=None, description="Write the verdicts as CSV, and all records as JSON beside it.")
    new_labels: bool = Field(default=False, description="Publish labels corrected by the verdicts as a new version.")
    version: str = Field(default="", description="Name of the new labels; v1, v2, ... when empty.")


class ReviewResult(Result):
    """The queue and how far it is."""

    queue: str = ""
    model: str = ""
    question: str = ""
    cases: int = 0
    done: int = 0
    strata: dict[str, int] = {}
    waiting: list[str] = []
    told: list[str] = []
    queues: list[dict[str, Any]] = []
    labels: str = ""
    label_counts: dict[str, int] = {}

    def summary(self) -> str:
        """The list of queues, or one queue: what is asked, how far it is, what was done now."""
        if not self.queue:
            if not self.queues:
                return "No review queue was opened yet. Open one: workbench review model=RUN"
            rows = [f"  {q['queue']}: {q['cases']} cases of {q['run']}, {q['done']} done" for q in self.queues]
            return "\n".join(["Review queues:", *rows])
        strata = ", ".join(f"{number} {name}" for name, number in self.strata.items())
        lines = [f"Queue '{self.queue}' of model '{self.model}': {self.cases} cases ({strata}).", self.question]
        lines += self.told
        if self.waiting:
            lines.append(f"Next: {self.waiting[0]}. Read them in the app, or with blank=FILE.csv and answers=FILE.csv.")
        return "\n".join(lines)


def review(settings: ReviewSettings, *, workspace: Workspace, progress: Progress | None = None) -> ReviewResult:
    """Open a queue, or list queues, or work on one.

    Raises:
        InputError: No such queue, model, cohort or answer.
        OperationFailed: A file cannot be read or written.
    """
    from workbench.review.queue import open_queue, queues
    from workbench.review.reading import waiting

    if settings.model and settings.queue:
        raise InputError("Name a queue, or a model to open one for.", where="queue, model", todo="Leave out one.")
    if settings.model:
        return _open(settings, workspace, progress or Progress(quiet=True))
    if settings.queue:
        return _work(settings, workspace, open_queue(workspace, settings.queue))
    rows = []
    for record in queues(workspace):
        try:
            left = len(waiting(workspace, open_queue(workspace, str(record.content["queue"]))))
        except Exception as error:
            rows.append({**record.content, "done": f"cannot be opened: {error}"})
            continue
        rows.append({**record.content, "done": record.content["cases"] - left})
    return ReviewResult(queues=rows)


def _open(settings: ReviewSettings, workspace: Workspace, progress: Progress) -> ReviewResult:
    from workbench.cohort.cohort import Cohort
    from workbench.cohort.labels import versions
    from workbench.review.queue import make_queue
    from workbench.review.reviewed_model import CLASSIFIER, find_model
    from workbench.review.scored_scans import read_predictions, with_facts

    model = find_model(settings.model, workspace, CLASSIFIER)
    name = settings.cohort or model.cohort
    cohort = Cohort.open(workspace.cohort_dir(name))
    own = str(model.facts.get("labels", "")) if name == model.cohort else ""
    version = settings.labels or own
    labels = cohort.labels(version or None) if versions(cohort.folder) else None
    if model.task == "multilabel" and settings.finding not in model.classes:
        raise InputError(
            "This model tells several findings apart.",
            where="finding",
            todo=f"Ask about one of them: finding=NAME, of {', '.join(model.classes)}.",
        )
    run = RunFolder.create(workspace, "review", settings, settings.name or None, quiet=progress.quiet)
    with run:
        file = model.folder / "predictions.parquet"
        if settings.scans != "test" or name != model.cohort or not file.is_file():
            file = _predict(model, name, workspace, run)
        table = with_facts(
            read_predictions(file, model.classes), cohort, labels, which=settings.scans, finding=settings.finding
        )
        queue = make_queue(
            workspace,
            run.path,
            model,
            table,
            who=settings.who or account(),
            cohort=name,
            labels=labels.version if labels else "",
            finding=settings.finding,
            count=settings.count,
            audit_share=settings.audit_share,
            blind=settings.blind,
            seed=settings.seed,
        )
    return _told(workspace, queue, [f"Opened from {len(table):,} scans."])


def _predict(model: Any, cohort: str, workspace: Workspace, run: RunFolder) -> Path:
    """Score the cohort with the model, in a run of its own."""
    from workbench.verbs.predict import PredictSettings, predict

    run.log(f"Scoring the scans of '{cohort}'.")
    done = predict(PredictSettings(model=str(model.folder), cohort=cohort), workspace=workspace, progress=run)
    return Path(done.predictions)


def _work(settings: ReviewSettings, workspace: Workspace, queue: Any) -> ReviewResult:
    from workbench.cohort.cohort import Cohort
    from workbench.review.corrected_labels import correct_labels
    from workbench.review.verdict_table import blank_table, export_table, import_table

    told: list[str] = []
    if settings.blank:
        told.append(f"To fill in: {blank_table(queue, settings.blank.expanduser())}")
    if settings.answers:
        who = settings.who or account()
        done, left = import_table(workspace, queue, settings.answers.expanduser(), who=who)
        told.append(f"{done} answers of {who} recorded, {left} rows were empty.")
    if settings.out:
        number = export_table(workspace, queue, settings.out.expanduser())
        told.append(f"{number} verdicts written: {settings.out}")
    made = None
    if settings.new_labels:
        cohort = Cohort.open(workspace.cohort_dir(queue.cohort))
        made = correct_labels(workspace, cohort, queue, version=settings.version)
        counts = ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in made.counts.items())
        told.append(f"Labels {made.labels.version} of '{cohort.name}': {counts}.")
        told.append(f"Test set before {_counts(made.test_before)}, after {_counts(made.test_after)}.")
        if made.counts.get("kept_test"):
            told.append("Labels of test patients change by blind first answers about cases by chance only.")
    result = _told(workspace, queue, told)
    if made:
        result.labels, result.label_counts = made.labels.version, made.counts
    return result


def _told(workspace: Workspace, queue: Any, told: list[str]) -> ReviewResult:
    from workbench.review import agreement
    from workbench.review.reading import reads, verdicts, waiting

    found = agreement.summarise(queue, reads(workspace, queue), verdicts(workspace, queue))
    return ReviewResult(
        queue=queue.name,
        model=queue.run,
        question=queue.question,
        cases=len(queue.cases),
        done=found["done"],
        strata={name: entry["cases"] for name, entry in found["strata"].items()},
        waiting=waiting(workspace, queue),
        told=[*told, *agreement.in_words(found)],
    )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}: {number:,}" for name, number in counts.items())
