"""The five steps of the journey, and how far this workspace has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.cohort_view import cohorts, intake, label_versions
from app.runs_view import RunView, runs_of
from app.surroundings import queue
from app.wording import count

DONE, AT_WORK, WAITING, NOT_STARTED = "done", "at work", "waiting for you", "not started"
VERBS_OF_STEP = {1: ("index", "demo"), 3: ("pretrain",), 4: ("label", "finetune"), 5: ("study",)}


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        title: What it is.
        state: ``done``, ``at work``, ``waiting for you`` or ``not started``.
        sentence: What there is so far, or what it is for.
        action: The words on its button.
        page: The page that does it.
    """

    title: str
    state: str
    sentence: str
    action: str
    page: str


def steps() -> list[Step]:
    """The five steps with their states."""
    names = cohorts()
    numbers = {name: intake(name) or {} for name in names}
    pictures = sum(entry.get("totals", {}).get("scans", 0) for entry in numbers.values())
    needed = sum(entry.get("decisions_needed", 0) for entry in numbers.values())
    labelled = [name for name in names if label_versions(name)]
    encoders, classifiers, studies = (_done(runs_of(kind)) for kind in ("pretrain", "finetune", "study"))
    working = {job.verb for job in queue().open_jobs() if queue().state(job).active}

    def state(number: int, done: bool, ready: bool) -> str:
        if working & set(VERBS_OF_STEP.get(number, ())):
            return AT_WORK
        return DONE if done else WAITING if ready else NOT_STARTED

    checked = (
        f"{count(needed, 'findings')} {'wants' if needed == 1 else 'want'} a look from you."
        if needed
        else "Every file that was seen is accounted for. Look at some pictures yourself."
        if names
        else "See what was used, what was kept aside, and why."
    )
    return [
        Step(
            "Add images",
            state(1, bool(names), True),
            f"{count(pictures, 'pictures')} in {count(len(names), 'collections')}."
            if names
            else "Point us at a folder of DICOM files. We read; we never change or move your files.",
            "Add images",
            "screens/add_images.py",
        ),
        Step(
            "Check them",
            WAITING if needed else state(2, bool(names), False),
            checked,
            "Look at them",
            "screens/add_images.py",
        ),
        Step(
            "Learn from unlabelled images (pretrain)",
            state(3, bool(encoders), bool(names)),
            f"{count(len(encoders), 'encoders')} learnt."
            if encoders
            else "Needs no labels; takes from an hour to days.",
            "Learn",
            "screens/learn.py",
        ),
        Step(
            "Teach with your labels (fine-tune)",
            state(4, bool(classifiers or (labelled and studies)), bool(names)),
            f"Labels for {', '.join(labelled)}; {count(len(classifiers), 'classifiers')} taught."
            if labelled
            else "Bring a small table: which scan or patient, and the answer.",
            "Teach",
            "screens/teach.py",
        ),
        Step(
            "Test before you trust (study)",
            state(5, bool(studies), bool(labelled)),
            _finished(len(studies)) if studies else "How many labels are needed, with intervals.",
            "How many labels?",
            "screens/how_many.py",
        ),
    ]


def next_step(found: Sequence[Step]) -> Step:
    """The one to do now: the first that waits or has not begun, and the last when all are done or at work."""
    open_steps = [step for step in found if step.state in (WAITING, NOT_STARTED)]
    return open_steps[0] if open_steps else found[-1]


def _done(runs: Sequence[RunView]) -> list[RunView]:
    return [run for run in runs if run.status.state in ("finished", "stopped")]


def _finished(studies: int) -> str:
    return "1 study finished." if studies == 1 else f"{studies:,} studies finished."
