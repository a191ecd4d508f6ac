"""What a reader must know of labels saved, said once for all arms that it holds for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.study.labels_saved import ENOUGH_TEST_PATIENTS

FALLS, DIFFERS, FEW = "falls", "differs", "few"


@dataclass(frozen=True)
class Caution:
    """Why labels saved are missing or to be taken with care.

    Attributes:
        kind: ``falls``: a curve falls with more labels; ``differs``: no single factor describes the curve; ``few``: the
            test set is small.
        value: The p-value of ``differs``, the number of test patients of ``few``.
    """

    kind: str
    value: float = float("nan")

    def __str__(self) -> str:
        return _sentence(self.kind, [("", self.value)])


def in_sentences(comparisons: Sequence[Mapping[str, Any]]) -> list[str]:
    """The cautions of some comparisons of ``summary.json``, one sentence for each kind with the arms it holds for."""
    found: dict[str, list[tuple[str, float]]] = {}
    others = []
    for entry in comparisons:
        if "cautions" not in entry:  # written by an earlier version
            others += entry["warnings"]
        for caution in entry.get("cautions", ()):
            value = caution["value"]
            found.setdefault(caution["kind"], []).append((entry["arm"], float("nan") if value is None else value))
    return list(dict.fromkeys([*(_sentence(kind, arms) for kind, arms in found.items()), *others]))


def _sentence(kind: str, arms: Sequence[tuple[str, float]]) -> str:
    names = [arm for arm, _ in arms if arm]
    if kind == FALLS:
        where = f" of {listed(names)} or of the reference" if names else ""
        return f"A curve{where} falls with more labels by more than chance explains; labels saved are not computed."
    if kind == FEW:
        return (
            f"With {arms[0][1]:.0f} test patients the labels saved are barely informative; {ENOUGH_TEST_PATIENTS} or "
            "more are needed."
        )
    if not names:
        return f"Labels saved differ between budgets ({_p(arms[0][1])}): no single factor is given."
    told = listed([f"{arm} ({_p(p)})" for arm, p in arms])
    return f"Labels saved by {told} differ between budgets: no single factor is given."


def listed(names: Sequence[str]) -> str:
    """``A``, ``A and B``, or ``A, B and C``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
