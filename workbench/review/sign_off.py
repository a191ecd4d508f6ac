"""Sign-off: a person says that they have reviewed a queue, and whether they agree that the model may be used.

The signature names the hash of the exact verdicts that it is about; a verdict that is added or corrected later makes
it void, and it must be given again. It is modelled on electronic signatures in trials (name, role, time, meaning);
that it complies with any rule is not claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.config import digest_of
from workbench.errors import InputError
from workbench.review import agreement
from workbench.review.queue import Queue, open_queue
from workbench.review.reading import reads, verdicts, waiting
from workbench.review.record_chain import Record, append, records
from workbench.runs.workspace import Workspace

AGREE, DISAGREE = "reviewed and agree", "reviewed and do not agree"
MEANINGS = (AGREE, DISAGREE)


@dataclass(frozen=True)
class Standing:
    """The last word about a model.

    Attributes:
        record: The latest sign-off, or None.
        agrees: Whether it says that the model may be used, about verdicts that are still the same.
        why: If not, why, in a sentence.
    """

    record: Record | None
    agrees: bool
    why: str = ""


def sign(workspace: Workspace, queue: Queue, *, who: str, role: str, meaning: str = AGREE) -> Record:
    """Sign a queue whose cases all have a verdict.

    Args:
        workspace: Its chain.
        queue: The queue.
        who: Who signs; they must have read at least one of its cases.
        role: What they are, such as ``radiologist``.
        meaning: One of ``MEANINGS``.

    Raises:
        InputError: Cases wait, the signer has read none, no role is named, or the meaning is unknown.
    """
    if meaning not in MEANINGS:
        raise InputError(f"'{meaning}' is no meaning of a signature.", todo=f"Choose one of {'; '.join(MEANINGS)}.")
    if not role.strip():
        raise InputError(
            "A signature names the signer's role.", where="role", todo="Say role=radiologist, or the like."
        )
    left = waiting(workspace, queue)
    if left:
        raise InputError(
            f"{len(left)} of {len(queue.cases)} cases of '{queue.name}' have no verdict yet.",
            todo="Read them first; 'cannot tell' and 'bad picture' are answers, too.",
        )
    rows = verdicts(workspace, queue)
    person = " ".join(who.split())
    if person not in {record.who for record in rows}:
        readers = ", ".join(sorted({record.who for record in rows}))
        raise InputError(
            f"'{person}' has read none of these cases, and so cannot sign them.",
            where=f"queue {queue.name}, read by {readers}",
            todo="Let a reader sign, under the same name.",
        )
    content = {
        "queue": queue.name, "meaning": meaning, "role": " ".join(role.split()), "rows": len(rows),
        "rows_digest": rows_digest(rows), "run": queue.run,
        "figures": agreement.summarise(queue, reads(workspace, queue), rows),
    }  # fmt: skip
    return append(workspace, "signoff", queue.model, content, who=who)


def standing(workspace: Workspace, model: str) -> Standing:
    """The latest sign-off about a model, and whether it stands.

    Args:
        workspace: Its chain.
        model: SHA-256 of the model's weights.
    """
    found = records(workspace, kind="signoff", subject=model)
    if not found:
        return Standing(None, False, "No person has reviewed cases of this model and signed.")
    last = found[-1]
    if last.content["meaning"] != AGREE:
        return Standing(last, False, f"{last.who} has reviewed it and does not agree that it is used.")
    queue = open_queue(workspace, str(last.content["queue"]))
    if rows_digest(verdicts(workspace, queue)) != last.content["rows_digest"]:
        return Standing(last, False, f"Verdicts changed after {last.who} had signed them.")
    return Standing(last, True)


def rows_digest(rows: Sequence[Record]) -> str:
    """Digest of exactly these verdicts, by the hashes of their records."""
    return digest_of([record.hash for record in rows])


def told(record: Record) -> dict[str, Any]:
    """A sign-off for a card or a table: who, role, when, meaning, queue, and how many verdicts."""
    said = record.content
    return {
        "who": record.who, "role": said["role"], "when": record.at[:10], "meaning": said["meaning"],
        "queue": said["queue"], "verdicts": said["rows"], "hash": record.hash,
    }  # fmt: skip
