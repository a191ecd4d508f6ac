"""The five steps of the journey, and how far this workspace has come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.cohort_view import cohorts, intake, label_versions
from app.runs_view import RunView, runs_of
from app.surroundings import queue, workspace
from app.wording import count
from workbench.errors import WorkbenchError
from workbench.review.record_chain import records

DONE, AT_WORK, WAITING, NOT_STARTED = "done", "at work", "waiting for you", "not started"
ADD, CHECK, LEARN = "screens/add_images.py", "screens/check.py", "screens/learn.py"
LABELS, TEACH = "screens/labels.py", "screens/teach.py"
STUDY, GROUPS, REVIEW, MODELS = (f"screens/{name}.py" for name in ("how_many", "groups", "review", "models"))


@dataclass(frozen=True)
class Part:
    """One page of a step that takes several.

    Attributes:
        title: What is done there.
        done: Whether it was.
        page: The page.
    """

    title: str
    done: bool
    page: str


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        title: What it is.
        state: ``done``, ``at work``, ``waiting for you`` or ``not started``.
        sentence: What there is so far, or what it is for.
        action: The words on its button.
        page: The page that does what is to be done next.
        parts: Its pages, where it takes several.
        address: What its address says, where not its first view is meant.
    """

    title: str
    state: str
    sentence: str
    action: str
    page: str
    parts: tuple[Part, ...] = ()
    address: Mapping[str, str] = field(default_factory=dict)


def steps() -> list[Step]:
    """The five steps with their states."""
    names = cohorts()
    numbers = {name: intake(name) or {} for name in names}
    labelled = [name for name in names if label_versions(name)]
    encoders, classifiers = _with("pretrain", "encoder.json"), _with("finetune", "classifier.json", "metrics.json")
    studies = _done(runs_of("study"))
    working = {job.verb for job in queue().open_jobs() if queue().state(job).active}

    def state(done: bool, ready: bool, *verbs: str) -> str:
        if working & set(verbs):
            return AT_WORK
        return DONE if done else WAITING if ready else NOT_STARTED

    pictures = sum(entry.get("totals", {}).get("scans", 0) for entry in numbers.values())
    taught = (Part("Labels", bool(labelled), LABELS), Part("Teach", bool(classifiers), TEACH))
    tested = (
        Part("How many labels?", bool(studies), STUDY),
        Part("Does it work for everyone?", _recorded("acknowledgement"), GROUPS),
        Part("Review", _recorded("signoff"), REVIEW),
        Part("Models", _approved(), MODELS),
    )
    ready_to_test = bool(classifiers or (labelled and encoders))
    to_teach, to_test = _first_open(taught), _first_open(tested)
    return [
        Step(
            "Add images",
            state(bool(names), True, "index", "demo"),
            f"{count(pictures, 'pictures')} in {count(len(names), 'collections')}."
            if names
            else "Point us at a folder of DICOM files. We read; we never change or move your files.",
            "Add images",
            ADD,
        ),
        Step(
            "Check them",
            state(bool(names) and not _open_checks(numbers.values()), bool(names)),
            _checked(numbers),
            "Check",
            CHECK,
        ),
        Step(
            "Learn from unlabelled images (pretrain)",
            state(bool(encoders), bool(names), "pretrain", "prepare"),
            f"{count(len(encoders), 'encoders')} learnt."
            if encoders
            else "Needs no labels; takes from an hour to days.",
            "Learn",
            LEARN,
        ),
        Step(
            "Teach with your labels (fine-tune)",
            state(all(part.done for part in taught), bool(names), "label", "finetune"),
            f"Labels for {', '.join(labelled)}; {count(len(classifiers), 'classifiers')} taught."
            if labelled
            else "Bring a small table (which scan or patient, and the answer), or label by click.",
            "Teach" if to_teach.page == TEACH else "Bring labels",
            to_teach.page,
            taught,
            {} if labelled else {"view": "Bring a table"},
        ),
        Step(
            "Test before you trust",
            state(all(part.done for part in tested), ready_to_test, "study", "audit", "review", "export"),
            _tested(tested, len(studies)),
            to_test.title,
            to_test.page,
            tested,
        ),
    ]


def next_step(found: Sequence[Step]) -> Step:
    """The one to do now: the first that waits, else the first at work, else the first not begun, else the last."""
    for wanted in (WAITING, AT_WORK, NOT_STARTED):
        for step in found:
            if step.state == wanted:
                return step
    return found[-1]


def _with(kind: str, *names: str) -> list[RunView]:
    """Runs that left one of these files, and so something to go on with."""
    return [run for run in runs_of(kind) if any(run.has(name) for name in names)]


def _done(runs: Sequence[RunView]) -> list[RunView]:
    return [run for run in runs if run.status.state in ("finished", "stopped")]


def _first_open(parts: Sequence[Part]) -> Part:
    return next((part for part in parts if not part.done), parts[-1])


def _open_checks(numbers: Iterable[dict[str, Any]]) -> int:
    """Findings without a decision, and collections whose contact sheet nobody signed."""
    return sum(entry.get("decisions_needed", 0) + _unsigned(entry) for entry in numbers)


def _unsigned(entry: dict[str, Any]) -> bool:
    return not (entry.get("contact_sheet") or {}).get("signed_by")


def _checked(numbers: dict[str, dict[str, Any]]) -> str:
    if not numbers:
        return "See what was used, what was kept aside, and why."
    needed = sum(entry.get("decisions_needed", 0) for entry in numbers.values())
    unsigned = [name for name, entry in numbers.items() if _unsigned(entry)]
    parts = []
    if needed:
        parts.append(f"{count(needed, 'findings')} {'wants' if needed == 1 else 'want'} a decision from you.")
    if unsigned:
        parts.append(f"Nobody has signed yet that no names are to be seen in {', '.join(unsigned)}.")
    return " ".join(parts) or "Everything is decided, and somebody has looked for names in the pictures."


def _recorded(kind: str) -> bool:
    """Whether a person has put such a record into the chain."""
    try:
        return bool(records(workspace(), kind=kind))
    except WorkbenchError:
        return False


def _approved() -> bool:
    """Whether a model was approved."""
    try:
        return any(record.content.get("alias") == "approved" for record in records(workspace(), kind="alias"))
    except WorkbenchError:
        return False


def _tested(parts: Sequence[Part], studies: int) -> str:
    done = sum(part.done for part in parts)
    if not done:
        return "How many labels it needs, whether it works for everyone, a review by a person, and your approval."
    found = {0: "No study", 1: "1 study"}.get(studies, f"{studies:,} studies")
    return f"{done} of {len(parts)} done; {found} finished."
