"""What is known of one group of patients, and of all groups of one attribute."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.audit.attributes import Attribute
from workbench.audit.case_mix import Matching
from workbench.audit.heterogeneity import Heterogeneity
from workbench.audit.reliability import Reliability
from workbench.audit.scores import Point, Sizes
from workbench.study.contrasts import Contrast


@dataclass(frozen=True)
class Value:
    """A number with its 95 % interval; nan where none is given."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """A group against the rest.

    Attributes:
        metric: ``auc``, ``sensitivity`` or ``specificity``.
        contrast: Group minus rest.
        p_holm: After Holm's correction over the groups of the attribute.
        named: The attribute differs as a whole, and this group differs from the rest.
        check: Newcombe's interval of the plain shares, of a sensitivity or specificity.
    """

    metric: str
    contrast: Contrast
    p_holm: float = 1.0
    named: bool = False
    check: tuple[float, float] | None = None


@dataclass(frozen=True)
class Matched:
    """The difference of the AUC at the same case mix; nan where the note says why."""

    contrast: Contrast
    matching: Matching


@dataclass(frozen=True)
class CurvePoint:
    """One group at one budget."""

    arm: str
    protocol: str
    budget: str
    n: float
    auc: Value
    sensitivity: Value | None = None
    specificity: Value | None = None


@dataclass(frozen=True)
class Group:
    """What is known of one group.

    Attributes:
        name: For people.
        sizes: Cases and patients.
        comparable: False for what is not recorded or mixed: such cases make no group of people.
        points: At every budget, the audited arm's first.
        differences: Against the rest, at the primary budget; of what may be judged.
        matched: The difference of the AUC at the same case mix.
        shrunken: The AUC for ranking.
        observed_expected: Positive cases over those expected.
        calibration: From 200 cases on.
        help: How much more the arm gains here over its reference than elsewhere, over all budgets; with its p (Holm).
    """

    name: str
    sizes: Sizes
    comparable: bool
    points: list[CurvePoint] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    matched: Matched | None = None
    shrunken: float = float("nan")
    observed_expected: Value | None = None
    calibration: Reliability | None = None
    help: Contrast | None = None
    help_p: float = 1.0

    def at(self, point: Point) -> CurvePoint | None:
        """The group at one arm and budget."""
        wanted = (point.arm, point.protocol, point.budget)
        return next((p for p in self.points if (p.arm, p.protocol, p.budget) == wanted), None)


@dataclass(frozen=True)
class Disparity:
    """What an attribute shows.

    Attributes:
        attribute: Which.
        groups: Its groups, those not recorded last.
        tests: Global test of each metric that can be judged in at least two groups.
        p_holm: Their p-values after Holm's correction over all attributes and metrics.
        detectable: By metric, the smallest difference to the rest that was likely to be seen.
    """

    attribute: Attribute
    groups: list[Group]
    tests: dict[str, Heterogeneity]
    p_holm: dict[str, float] = field(default_factory=dict)
    detectable: dict[str, float] = field(default_factory=dict)

    @property
    def named(self) -> list[tuple[Group, Difference]]:
        """Groups that differ from the rest, with how."""
        return [(group, d) for group in self.groups for d in group.differences if d.named]
