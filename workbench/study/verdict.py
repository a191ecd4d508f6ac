"""The verdict: what the comparison of an arm with its reference allows to say, in words."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.evaluation.interval import FEWEST_PATIENTS
from workbench.study.contrasts import Contrast

MARGIN = 0.01
DETECTABLE = 2.8  # standard errors: power 0.8 at a two-sided 5 % (1.96 + 0.84)


@dataclass(frozen=True)
class Verdict:
    """What can be said of one arm.

    Attributes:
        short: ``helps``, ``hurts``, ``mixed``, ``no meaningful difference``, ``no benefit shown``, ``identical`` or
            ``no verdict``.
        sentence: For people.
        detectable: Smallest difference of the area that this test set would probably have shown.
        supported_margin: Smallest margin within which the two are shown to be alike.
    """

    short: str
    sentence: str
    detectable: float
    supported_margin: float


def judge(
    arm: str,
    reference: str,
    area: Contrast,
    *,
    holm_level: float,
    band: list[tuple[str, float, float]],
    fewest_test_patients: int,
    blocked: str = "",
    margin: float = MARGIN,
) -> Verdict:
    """Judge an arm by the area between the curves.

    Args:
        arm, reference: Names for the sentence.
        area: Difference of the areas under the two curves over the logarithm of the labels.
        holm_level: Coverage of the area's interval after Holm's correction over arms.
        band: ``(budget, low, high)`` of the simultaneous band of the differences.
        fewest_test_patients: In the smallest class of the test set.
        blocked: Why no verdict may be given, if so.
        margin: Difference that matters.
    """
    low, high = area.interval(holm_level)
    tight_low, tight_high = area.interval(0.90)
    detectable = DETECTABLE * area.se
    supported = max(abs(tight_low), abs(tight_high))

    def say(short: str, sentence: str) -> Verdict:
        return Verdict(short, sentence, detectable, supported)

    numbers = f"the area under the curve differs by {area.estimate:+.3f} (95 % interval {low:+.3f} to {high:+.3f})"
    if blocked:
        return say("no verdict", f"No verdict for {arm}: {blocked}")
    if fewest_test_patients < FEWEST_PATIENTS:
        return say(
            "no verdict",
            f"No verdict for {arm}: the test set has only {fewest_test_patients} patients in one class; "
            f"at least {FEWEST_PATIENTS} are needed.",
        )
    if area.se == 0:
        if area.estimate == 0:
            return say("identical", f"{arm} and {reference} gave identical results: no benefit shown.")
        return say("no verdict", f"No verdict for {arm}: the results do not vary (ceiling).")
    above = [budget for budget, lower, _ in band if lower > 0]
    below = [budget for budget, _, upper in band if upper < 0]
    if above and below:
        return say("mixed", f"{arm} helps at {', '.join(above)} labels and hurts at {', '.join(below)}; {numbers}.")
    for sign, word, verb in ((1, "helps", "ranks better than"), (-1, "hurts", "ranks worse than")):
        near, far = (low, high) if sign > 0 else (-high, -low)
        if near > margin:
            return say(word, f"{arm} {word}: it {verb} {reference} by more than {margin:g}; {numbers}.")
        if near > 0:
            size = f"by less than {margin:g}" if far < margin else "by an uncertain amount"
            return say(word, f"{arm} {word}: it {verb} {reference} {size}; {numbers}.")
    if -margin < tight_low and tight_high < margin:
        return say("no meaningful difference", f"No meaningful difference between {arm} and {reference}: {numbers}.")
    return say(
        "no benefit shown",
        f"No benefit shown for {arm} over {reference}: {numbers}; "
        f"a difference below {detectable:.3f} could not have been detected.",
    )
