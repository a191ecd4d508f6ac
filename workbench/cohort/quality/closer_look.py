"""The closer look that people ask for: like pictures of different patients compared pixel by pixel, and, where features
are given, what the neighbours say. What was found is kept in the cohort's private folder."""

from __future__ import annotations

from contextlib import closing

import numpy as np

from workbench.cohort.cohort import Cohort
from workbench.cohort.ledger import Ledger
from workbench.cohort.manifest import write_parquet
from workbench.cohort.quality import near_duplicates, neighbours, shrunken
from workbench.cohort.quality.evidence import COMPARED, CONTRADICTED, Evidence, Features
from workbench.errors import OperationFailed
from workbench.runs.progress import Progress

REFERENCES = 300
"""Scans whose mean stands for what all have in common."""
AT_ONCE = 2000

__all__ = ["Features", "look"]


def look(cohort: Cohort, evidence: Evidence, features: Features | None, *, progress: Progress) -> int:
    """Compare the pairs that were not yet compared, and ask the neighbours.

    Args:
        cohort: The cohort, with its private folder.
        evidence: Its scans.
        features: Features of them by any encoder, or None.
        progress: Is told how far it is.

    Returns:
        Number of pairs compared.

    Raises:
        OperationFailed: There are too many pairs, and no features that would narrow them down.
    """
    if features is not None:
        rows = neighbours.look(evidence, features)
        columns = [("scan_id", "text"), ("column", "text"), ("neighbours", "text")]
        write_parquet(cohort.private / CONTRADICTED, columns, rows)
    pairs = near_duplicates.candidates(evidence, features)
    if pairs is None:
        raise OperationFailed(
            "There are too many like pictures to compare them all.",
            where=f"cohort {cohort.name}",
            todo="Give features of an encoder (features=FILE), which narrow the pairs down.",
        )
    before = evidence.compared
    known = {} if before is None else {(a, b): value for a, b, value in before.itertuples(index=False, name=None)}
    waiting = [pair for pair in near_duplicates.named(evidence, pairs) if pair not in known]
    done = _compare(cohort, evidence, waiting, progress)
    known.update(done)
    columns = [("first", "text"), ("second", "text"), ("likeness", "float")]
    write_parquet(cohort.private / COMPARED, columns, [(a, b, value) for (a, b), value in sorted(known.items())])
    if any(value >= near_duplicates.LIKENESS for value in done.values()):
        _ask_for_an_index(cohort)
    return len(done)


def _ask_for_an_index(cohort: Cohort) -> None:
    """Let the next index work the groups out anew, though no file has changed."""
    file = cohort.private / "ledger.sqlite"
    if file.is_file():
        with closing(Ledger(file)) as ledger:
            ledger.remember("dirty", 1)


def _compare(
    cohort: Cohort, evidence: Evidence, pairs: list[tuple[str, str]], progress: Progress
) -> dict[tuple[str, str], float]:
    if not pairs:
        return {}
    shown = [scan for scan, usable in zip(evidence.scans["scan_id"], evidence.shown, strict=True) if usable]
    chosen = np.random.default_rng(0).permutation(len(shown))[:REFERENCES]
    references = shrunken.small_values(cohort, [shown[place] for place in chosen], near_duplicates.SIDE)
    if not references:
        return {}
    mean = near_duplicates.mean_of(list(references.values()))
    found: dict[tuple[str, str], float] = {}
    for start in range(0, len(pairs), AT_ONCE):
        part = pairs[start : start + AT_ONCE]
        values = shrunken.small_values(cohort, [scan for pair in part for scan in pair], near_duplicates.SIDE)
        residuals = {scan: near_duplicates.residual(value, mean) for scan, value in values.items()}
        for first, second in part:
            if first in residuals and second in residuals:
                found[(first, second)] = near_duplicates.likeness(residuals[first], residuals[second])
        progress.progress(start + len(part), len(pairs), "pairs")
    return found
