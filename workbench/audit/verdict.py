"""What an audit allows to say, in words: a ladder per attribute, and one sentence for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.audit.groups import Difference, Disparity, Group
from workbench.audit.shortcut import Shortcut

TOO_FEW = "too few to judge"
NONE = "no disparity detected"
CASE_MIX = "disparity, explained by case mix"
REMAINS = "disparity remains"
SHORTCUT = "shortcut evidence"
LADDER = (TOO_FEW, NONE, CASE_MIX, REMAINS, SHORTCUT)
NAMES = {"auc": "AUC", "sensitivity": "sensitivity", "specificity": "specificity"}


@dataclass(frozen=True)
class AttributeVerdict:
    """What can be said of one attribute.

    Attributes:
        short: One of ``LADDER``.
        sentence: For people.
    """

    short: str
    sentence: str


def judge_attribute(found: Disparity, shortcut: Shortcut | None) -> AttributeVerdict:
    """The highest rung of the ladder that the evidence reaches."""
    name = found.attribute.name
    used = shortcut is not None and shortcut.verdict == "evidence of use"
    sentences, short = [], NONE
    if not found.tests:
        short = TOO_FEW
        sentences.append(f"By {name}: too few patients in two or more groups to judge.")
    elif not found.named:
        missed = ", ".join(f"{NAMES[metric]} {value:.2f}" for metric, value in found.detectable.items())
        apart = [NAMES[metric] for metric, p in found.p_holm.items() if p < 0.05]
        if apart:
            short = REMAINS
            sentences.append(f"By {name}: groups differ in {' and '.join(apart)}, but no single one stands out.")
        else:
            sentences.append(
                f"By {name}: no disparity detected; smaller differences from the rest could have been missed "
                f"than: {missed}."
            )
    else:
        explained = [_explained(group, d) for group, d in found.named]
        short = CASE_MIX if all(explained) else REMAINS
        told = "; ".join(
            _told(group, d) + (" (gone at the same case mix)" if gone else "")
            for (group, d), gone in zip(found.named, explained, strict=True)
        )
        sentences.append(f"By {name}: {told}.")
    if used and shortcut is not None and shortcut.association is not None:
        short = SHORTCUT
        sentences.append(
            f"The disease score depends on {name} itself: it goes with the label in the labelled set (Cramer's V "
            f"{shortcut.association.v:.2f}), and {' and '.join(_signs(shortcut))}."
        )
    return AttributeVerdict(short, " ".join(sentences))


def _explained(group: Group, difference: Difference) -> bool:
    """Whether the difference of the AUC vanishes at the same case mix."""
    if difference.metric != "auc" or group.matched is None or group.matched.matching.note:
        return False
    low, high = group.matched.contrast.interval()
    return low <= 0 <= high


def _told(group: Group, difference: Difference) -> str:
    low, high = difference.contrast.interval()
    word = "lower" if difference.contrast.estimate < 0 else "higher"
    return (
        f"{NAMES[difference.metric]} is {word} for {group.name} than for the rest by "
        f"{abs(difference.contrast.estimate):.3f} (95 % interval {_ends(low, high, difference.contrast.estimate)})"
    )


def _ends(low: float, high: float, estimate: float) -> str:
    ends = (low, high) if estimate > 0 else (-high, -low)
    return f"{ends[0]:.3f} to {ends[1]:.3f}"


def _signs(shortcut: Shortcut) -> list[str]:
    words = {
        "healthy": "among healthy cases the score differs between groups",
        "conflict": "ranking is better where label and group go together",
        "balanced": "ranking drops where they cannot go together",
    }
    kinds = dict.fromkeys(use.kind for use in shortcut.uses if use.p_holm < 0.05)
    return [words[kind] for kind in kinds]


def overall(verdicts: Sequence[tuple[str, AttributeVerdict]], rivals: Sequence[str] = ()) -> str:
    """One sentence or two for the head of the page.

    Args:
        verdicts: Attribute and what was said of it.
        rivals: Models that do not look at the disease and come near all the same.
    """
    if not verdicts:
        text = "No attribute is recorded by which to tell for whom it works: nothing can be said."
    else:
        by = {rung: [name for name, found in verdicts if found.short == rung] for rung in LADDER}
        parts = []
        if by[SHORTCUT]:
            parts.append(f"The disease score uses a shortcut: {', '.join(by[SHORTCUT])}.")
        if by[REMAINS]:
            parts.append(f"It does not work equally well by {', '.join(by[REMAINS])}.")
        if by[CASE_MIX]:
            parts.append(f"Differences by {', '.join(by[CASE_MIX])} go with another case mix.")
        if by[NONE]:
            parts.append(f"No disparity was detected by {', '.join(by[NONE])}; that is no proof that there is none.")
        if by[TOO_FEW]:
            parts.append(f"Too few patients to judge by {', '.join(by[TOO_FEW])}.")
        text = " ".join(parts)
    if rivals:
        text += f" Alarm: {' and '.join(rivals)} alone rank cases nearly as well as the model."
    return text
