"""Did an encoder see the test patients, unlabelled, while it was pretrained?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.cohort.cohort import Cohort
from workbench.cohort.leaks import Overlap, PoolKeys, overlap
from workbench.errors import InputError


def pool_overlap(cohort: Cohort, facts: Mapping[str, Any], test: Any) -> Overlap:
    """What the pool of an encoder shares with test scans.

    Args:
        cohort: Whose test scans; the list of the pool is looked for with it and with the workspace's other cohorts.
        facts: Contents of ``encoder.json``; empty for an encoder that saw nothing.
        test: ``(N,)`` scan ids.
    """
    if not facts:
        return Overlap("none")
    digest = str(facts.get("pool_digest", ""))
    lists = sorted(cohort.folder.parent.glob(f"*/private/pools/{digest}.parquet")) if digest.isalnum() else []
    return overlap(PoolKeys.read(lists[0]), cohort.keys_of(test)) if lists else Overlap("unknown")


def refuse_overlap(found: Overlap, *, transductive: bool, setting: str = "transductive", where: str = "encoder") -> str:
    """What to tell of an overlap, in a sentence; empty where there is none.

    Args:
        found: As :func:`pool_overlap` gives it.
        transductive: Go on although the pool holds test patients.
        setting: What the user writes to go on.
        where: Which encoder.

    Raises:
        InputError: The pool holds test patients.
    """
    if found.state == "none":
        return ""
    if found.state == "unknown":
        return "Whether the encoder was pretrained on test patients is not known: the list of its pool is not here."
    if not transductive:
        raise InputError(
            f"The encoder was pretrained on test patients of this cohort. {found.sentence}",
            where=where,
            todo=f"Use an encoder of this cohort's own pool, or say {setting}=true and never compare it with others.",
        )
    return f"Transductive: the encoder was pretrained on test patients. {found.sentence}"
