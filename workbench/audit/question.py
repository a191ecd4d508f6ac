"""The yes/no question that an audit asks of a model: which classes mean that the disease is there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import InputError

HEALTHY = re.compile(r"(?:no(?:ne|rmal|t)?|negative|healthy|controls?|benign|absent|false|0)(?:[ _-]finding)?", re.I)


@dataclass(frozen=True)
class Question:
    """One yes/no question about a case.

    Attributes:
        positive: Classes that mean yes.
        columns: Their places among the classes.
        multilabel: Whether the classes are findings, each by itself.
        said: How they were chosen, in a sentence.
    """

    positive: tuple[str, ...]
    columns: tuple[int, ...]
    multilabel: bool
    said: str

    @property
    def name(self) -> str:
        """The positive classes, for people."""
        return " or ".join(self.positive)

    def score(self, probabilities: ArrayLike) -> NDArray[np.float64]:
        """Probability of yes, ``(..., N)``, from ``(..., N, C)``."""
        return np.asarray(probabilities, dtype=np.float64)[..., list(self.columns)].sum(axis=-1)

    def truth(self, targets: ArrayLike) -> NDArray[np.int64]:
        """1, 0, or -1 where unknown, ``(N,)``, from class indices ``(N,)`` or findings ``(N, C)`` of 0, 1 and nan."""
        y = np.asarray(targets)
        if self.multilabel:
            column = y[:, self.columns[0]]
            return np.where(np.isnan(column), -1, np.nan_to_num(column)).astype(np.int64)
        return np.isin(y, self.columns).astype(np.int64)


def ask(classes: Sequence[str], task: str, counts: Mapping[str, int], positive: str = "") -> Question:
    """Choose what counts as yes.

    Two classes: the second. Ordered classes: all but the lowest. Several: all but the one whose name means healthy, or
    else all but the commonest. Several findings: the commonest.

    Args:
        classes: Names.
        task: ``binary``, ``multiclass``, ``ordinal`` or ``multilabel``.
        counts: Labelled scans of each class.
        positive: Classes to count as yes, separated by commas; empty to choose.

    Raises:
        InputError: A class is unknown, none or all are named, or several of several findings.
    """
    names = list(classes)
    multilabel = task == "multilabel"
    if positive:
        wanted = [name.strip() for name in positive.split(",") if name.strip()]
        unknown = [name for name in wanted if name not in names]
        if unknown or not wanted or len(set(wanted)) == len(names) or (multilabel and len(wanted) > 1):
            what = f"There is no class '{unknown[0]}'." if unknown else "These classes make no yes/no question."
            rest = " Choose one of several findings." if multilabel else ""
            raise InputError(what, where=f"positive={positive}", todo=f"Classes: {', '.join(names)}.{rest}")
        return _of(names, wanted, multilabel, "named in the settings")
    if multilabel:
        return _of(names, [max(names, key=lambda name: counts.get(name, 0))], True, "the commonest finding")
    if len(names) == 2:
        return _of(names, names[1:], False, "the positive class")
    if task == "ordinal":
        return _of(names, names[1:], False, f"all above '{names[0]}'")
    healthy = [name for name in names if HEALTHY.fullmatch(name.strip())]
    if len(healthy) == 1:
        return _of(names, [name for name in names if name != healthy[0]], False, f"all but '{healthy[0]}'")
    commonest = max(names, key=lambda name: counts.get(name, 0))
    return _of(names, [n for n in names if n != commonest], False, f"all but the commonest class, '{commonest}'")


def _of(names: list[str], wanted: list[str], multilabel: bool, how: str) -> Question:
    positive = tuple(name for name in names if name in wanted)
    columns = tuple(names.index(name) for name in positive)
    said = f"Yes means {' or '.join(positive)} ({how})."
    return Question(positive, columns, multilabel, said)


def positives(truth: NDArray[Any]) -> int:
    """Cases whose answer is yes."""
    return int((truth == 1).sum())
