"""A review queue: the cases of one model that an expert reads; made once, never changed.

``cases.parquet`` in the run folder holds the cases and what the model said about them; a record in the chain holds the
file's digest, so that nobody can change afterwards what the model had said.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import InputError, OperationFailed
from workbench.review.case_choice import AUDIT_SHARE, choose_cases
from workbench.review.record_chain import Record, append, records
from workbench.review.reviewed_model import ReviewedModel
from workbench.runs.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

CASES = "cases.parquet"
CANNOT_TELL, BAD_PICTURE = "cannot tell", "bad picture"
ABSENT, PRESENT = "absent", "present"
COLUMNS = ("place", "scan_id", "patient_key", "stratum", "priority", "reserved", "label", "answer", "probability")


@dataclass(frozen=True)
class Queue:
    """A review queue.

    Attributes:
        name: Its run id.
        model: SHA-256 of the model's weights.
        run: The run that made the model.
        cohort: Whose scans they are.
        labels: Version of the labels that the cases were compared with, or empty.
        finding: Of a model with several findings, the one that is asked about; else empty.
        options: The answers that the model can give.
        blind: Whether a reader answers before the model's answer is shown.
        cases: One row per case, with the columns of ``COLUMNS``.
    """

    name: str
    model: str
    run: str
    cohort: str
    labels: str
    finding: str
    options: list[str]
    blind: bool
    cases: pd.DataFrame

    @property
    def answers(self) -> list[str]:
        """What a reader may answer."""
        return [*self.options, CANNOT_TELL, BAD_PICTURE]

    @property
    def question(self) -> str:
        """What is asked about each case, in words."""
        return f"{self.finding}: absent or present?" if self.finding else f"Which of: {', '.join(self.options)}?"

    def case(self, scan_id: str) -> dict[str, Any]:
        """One case.

        Raises:
            InputError: It is not in the queue.
        """
        rows = self.cases[self.cases["scan_id"] == scan_id]
        if rows.empty:
            raise InputError(f"The scan {scan_id[:24]} is not in the queue '{self.name}'.")
        return {str(name): value for name, value in rows.iloc[0].to_dict().items()}


def make_queue(
    workspace: Workspace,
    folder: Path,
    model: ReviewedModel,
    scores: pd.DataFrame,
    *,
    who: str,
    cohort: str,
    labels: str = "",
    finding: str = "",
    count: int = 30,
    audit_share: float = AUDIT_SHARE,
    blind: bool = True,
    seed: int = 0,
) -> Queue:
    """Choose cases and open a queue for them.

    Args:
        workspace: Its chain gets a record of the queue.
        folder: The run folder that gets ``cases.parquet``.
        model: The classifier.
        scores: One row per scan: ``scan_id, patient_key, reserved, label`` (name of the known class, else empty) and
            one column per class with its probability.
        who: Who opens it.
        cohort: Whose scans they are.
        labels: Version of the labels behind ``label``.
        finding: Of a model with several findings, the one to ask about.
        count, audit_share, seed: See ``choose_cases``.
        blind: Whether readers answer before they see the model's answer.

    Raises:
        InputError: No finding is named where there are several, or there is nothing to review.
    """
    import pandas as pd

    options = _options(model, finding)
    if finding:
        present = scores[finding].to_numpy(dtype=np.float64)
        probabilities = np.stack([1 - present, present], axis=1)
    else:
        probabilities = scores[options].to_numpy(dtype=np.float64)
    place_of = {option: number for number, option in enumerate(options)}
    known = np.array([place_of.get(str(label), -1) for label in scores["label"]], dtype=np.int64)
    choice = choose_cases(probabilities, scores["patient_key"], count, labels=known, audit_share=audit_share, seed=seed)
    chosen = scores.iloc[choice.rows].reset_index(drop=True)
    p = probabilities[choice.rows]
    cases = pd.DataFrame(
        {
            "place": np.arange(1, len(chosen) + 1),
            "scan_id": chosen["scan_id"].astype(str),
            "patient_key": chosen["patient_key"].astype(str),
            "stratum": choice.strata,
            "priority": choice.priorities,
            "reserved": chosen["reserved"].astype(bool),
            "label": [options[k] if k >= 0 else "" for k in known[choice.rows]],
            "answer": [options[k] for k in p.argmax(axis=1)],
            "probability": p.max(axis=1),
            **{f"p:{option}": p[:, number] for number, option in enumerate(options)},
        }
    )
    cases.to_parquet(folder / CASES, index=False)
    content = {
        "queue": folder.name, "cases": len(cases), "digest": file_digest(folder / CASES), "run": model.run_id,
        "cohort": cohort, "labels": labels, "finding": finding, "options": options, "blind": blind, "seed": seed,
        "strata": {name: choice.strata.count(name) for name in sorted(set(choice.strata))},
    }  # fmt: skip
    append(workspace, "queue", model.digest, content, who=who)
    return Queue(folder.name, model.digest, model.run_id, cohort, labels, finding, options, blind, cases)


def queues(workspace: Workspace, model: str = "") -> list[Record]:
    """The records of the queues, oldest first: of all models, or of one by the digest of its weights."""
    return records(workspace, kind="queue", subject=model)


def open_queue(workspace: Workspace, name: str) -> Queue:
    """A queue by its name.

    Raises:
        InputError: There is none.
        OperationFailed: Its cases are gone, or are not those that it was opened with.
    """
    import pandas as pd

    found = [record for record in queues(workspace) if record.content.get("queue") == name]
    if not found:
        known = [str(record.content["queue"]) for record in queues(workspace)][-5:]
        raise InputError(
            f"There is no review queue '{name}'.",
            todo=f"Known: {', '.join(known)}." if known else "Open one with 'workbench review model=RUN'.",
        )
    told = found[-1].content
    file = workspace.runs_dir / "review" / name / CASES
    if not file.is_file() or file_digest(file) != told["digest"]:
        raise OperationFailed(
            "The cases of this review queue are gone, or were changed after it was opened.",
            where=file,
            todo="Bring the file back from a backup, or open another queue.",
        )
    return Queue(
        name, found[-1].subject, told["run"], told["cohort"], told["labels"], told["finding"], told["options"],
        bool(told["blind"]), pd.read_parquet(file),
    )  # fmt: skip


def file_digest(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _options(model: ReviewedModel, finding: str) -> list[str]:
    if model.task != "multilabel":
        if finding:
            raise InputError("This model has one question; no finding is to be named.", where=f"finding={finding}")
        return model.classes
    if finding not in model.classes:
        raise InputError(
            f"There is no finding '{finding}'." if finding else "This model tells several findings apart.",
            where="finding",
            todo=f"Ask about one of them: finding=NAME, of {', '.join(model.classes)}.",
        )
    return [ABSENT, PRESENT]
