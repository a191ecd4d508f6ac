"""Did the encoder see the test patients, unlabelled, while it was pretrained?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from workbench.cohort.cohort import Cohort
from workbench.cohort.leaks import Overlap, PoolKeys, overlap
from workbench.errors import InputError


def pool_overlap(cohort: Cohort, facts: Mapping[str, Any], test: NDArray[Any]) -> Overlap:
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


def refuse_overlap(found: Overlap, *, transductive: bool) -> str:
    """What to tell of an overlap, in a sentence; empty where there is none.

    Args:
        found: As :func:`pool_overlap` gives it.
        transductive: Go on although the pool holds test patients.

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
            where="encoder",
            todo="Use an encoder of this cohort's own pool, or say transductive=true and never compare it with others.",
        )
    return f"Transductive: the encoder was pretrained on test patients. {found.sentence}"
