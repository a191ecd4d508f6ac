"""Every page in every state: how to bring it about, and at which address it is shown."""

from __future__ import annotations

import getpass
import time
from dataclasses import dataclass

from tests.app.fabricated import index_scans, make_audit, make_classifier, make_pretraining, make_run, make_study
from tests.app.reviewing import make_review
from workbench.cohort.cohort import Cohort
from workbench.review.labelling import say, start_labelling
from workbench.review.reading import first_read, verdict
from workbench.runs.jobs import JobQueue
from workbench.runs.workspace import Workspace

PAGES = (
    "home", "images", "check", "look", "learn", "labels", "teach", "study", "groups", "review", "models", "jobs",
)  # fmt: skip


@dataclass(frozen=True)
class State:
    """A page in a state.

    Attributes:
        name: For the file of its picture.
        address: Behind the app's address.
        shows: Words that must be on it.
    """

    name: str
    address: str
    shows: str


EMPTY = [
    State(f"{page}-empty", "" if page == "home" else page, shows)
    for page, shows in zip(
        PAGES,
        (
            "Try sample data", "Start reading", "No images yet", "No images yet", "No learning yet", "No images yet",
            "No images yet", "No images yet", "Nothing to audit yet", "No model yet", "No models yet", "No job",
        ),
        strict=True,
    )
]  # fmt: skip

FURNISHED = [
    State("home", "", "Test before you trust"),
    State("images-bring-in", "images?view=Bring+in", "Waiting for its turn"),
    State("images-figures", "images?view=What+came+in", "pictures"),
    State("check", "check", "Names in the picture?"),
    State("look-grid", "look", "pictures"),
    State("look-filtered", "look?only_view_position=AP&show=48", "pictures"),
    State("learn-start", "learn", "Start learning"),
    State("learn-done", "learn?view=Earlier+runs&run=overnight", "overnight"),
    State("learn-stopped", "learn?view=Earlier+runs&run=halfway", "Saved after pass 5."),
    State("learn-failed", "learn?view=Earlier+runs&run=broken", "The disk is full"),
    State("learn-lost", "learn?view=Earlier+runs&run=silent", "No sign of life"),
    State("labels-click", "labels", "Is there a lesion?"),
    State("labels-new-question", "labels?question=(a+new+question)", "A new question"),
    State("labels-table", "labels?view=Bring+a+table", "Table of labels"),
    State("labels-next", "labels?view=What+to+label+next", "Propose patients"),
    State("teach-labels", "teach?view=1.+Labels", "Bring a new table"),
    State("teach", "teach?view=2.+Teach", "Start teaching"),
    State("teach-results", "teach?view=3.+Results&run=second", "Classifier"),
    State("study-answer", "study", "SimCLR helps"),
    State("study-ask", "study?view=Ask+the+question", "Start the study"),
    State("groups-sex", "groups", "It does not work equally well by sex"),
    State("groups-scanner", "groups?by=Scanner", "none detected"),
    State("groups-start", "groups?view=Start+an+audit", "Start the audit"),
    State("review-blind", "review", "read by you"),
    State("review-figures", "review?view=Figures+and+signature", "Signature"),
    State("review-open", "review?view=Open+a+queue", "Open queue"),
    State("models-gate", "models", "missing"),
    State("models-card", "models?view=Card", "What only you can say"),
    State("models-release", "models?view=Release", "In the registry"),
    State("jobs", "jobs", "Waiting"),
]


def furnish(workspace: Workspace) -> None:
    """Fill an empty workspace with something for every page; real scans, figures made by hand."""
    index_scans(workspace, patients=40)
    make_pretraining(workspace, "overnight", epochs=12, planned=12)
    make_pretraining(workspace, "halfway", epochs=5, planned=20, state="stopped", message="Saved after pass 5.")
    full = "The disk is full. What to do: free 3 GB, then resume."
    make_pretraining(workspace, "broken", epochs=3, planned=20, state="failed", message=full)
    long_ago = time.time() - 900
    make_pretraining(
        workspace, "silent", epochs=3, planned=20, state="running", heartbeat=long_ago, started=long_ago - 60,
        ended=None, step=60, total=400, unit="scans", pid=2**22 - 3,
    )  # fmt: skip
    make_classifier(workspace, "second")
    queue = make_review(workspace, 4)
    make_study(workspace)
    make_audit(workspace)
    make_run(workspace, "study", "unfinished", {"cohort": "chest"}, state="failed", message="No such encoder.")
    me = getpass.getuser()
    first = str(queue.cases["scan_id"].iloc[0])
    first_read(workspace, queue, first, "clear", who=me)
    verdict(workspace, queue, first, "clear", who=me)
    labelling = start_labelling(
        workspace, Cohort.open(workspace.cohort_dir("chest")), "chest-lesion", "Is there a lesion?", ["no", "yes"],
        who=me, test_patients=5, patients=5,
    )  # fmt: skip
    say(workspace, labelling, labelling.cases[0]["scan_id"], "no", reader=me, sequence="1", seconds=8.0)
    JobQueue(workspace).submit("index", {"cohort": "chest", "sources": ["scans"]}, nonce="1")
