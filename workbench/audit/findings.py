"""The audit itself: from scores to everything that is said about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.audit.attributes import Attribute, AttributeTable, attribute_table
from workbench.audit.benefit import Benefit, benefit
from workbench.audit.cases import Case, doubtful_labels
from workbench.audit.disparity import disparities, everyone
from workbench.audit.groups import Disparity, Group
from workbench.audit.labelled import Labelled
from workbench.audit.material import Material
from workbench.audit.metadata import Rival, corner_features, header_features, rival
from workbench.audit.operating_table import Operating, operating_points
from workbench.audit.question import Question, ask
from workbench.audit.referral import GroupCoverage, Referral, coverage_by_group, referral
from workbench.audit.reliability import Reliability, diagram, reliability, shared_weights, temperatures
from workbench.audit.representation import Representation, representation
from workbench.audit.scores import Inside, Point, Subjects
from workbench.audit.settings import AuditSettings
from workbench.audit.shortcut import Shortcut, shortcuts
from workbench.audit.source import Source
from workbench.audit.verdict import AttributeVerdict, judge_attribute, overall
from workbench.errors import InputError
from workbench.runs.folder import RunFolder


@dataclass(frozen=True)
class CalibrationAt:
    """Calibration at one budget, as the model gave probabilities and after its temperature."""

    budget: str
    n: float
    temperature: float
    raw: Reliability
    recalibrated: Reliability


@dataclass(frozen=True)
class Findings:
    """All that an audit found; ``results`` writes it down."""

    source: Source
    settings: AuditSettings
    material: Material
    everyone: Group
    disparities: list[Disparity]
    verdicts: list[AttributeVerdict]
    shortcuts: list[Shortcut]
    rivals: list[Rival]
    representation: list[Representation]
    skipped: dict[str, str]
    calibration: list[CalibrationAt]
    diagram: Any
    histogram: list[float]
    operating: Operating
    benefit: Benefit
    referral: list[Referral]
    coverage: list[GroupCoverage]
    cases: list[Case]
    verdict: str
    warnings: list[str]


def audit(source: Source, settings: AuditSettings, run: RunFolder) -> Findings:
    """Audit one arm of a source.

    Args:
        source: Scores, truth and where they come from.
        settings: What is asked.
        run: Told of progress.

    Raises:
        InputError: An attribute, class or budget is unknown, or the test set answers one way only.
    """
    steps = ("groups", "shortcuts", "representation", "calibration", "decisions", "labels to check")

    def tell(number: int) -> None:
        run.progress(number, len(steps), "steps", now=steps[min(number, len(steps) - 1)])

    question = ask(source.labels.classes, source.labels.task, source.labels.counts(source.dev_ids), settings.positive)
    table = attribute_table(
        source.cohort, source.labels, source.dev_ids, source.test_ids, wanted=settings.attributes, cross=settings.cross
    )
    material, attributes, kept = _material(source, settings, question, table)
    tell(0)
    found = disparities(material, attributes)
    whole = everyone(material)
    tell(1)
    labelled = _labelled(source, question, table)
    manifest = source.cohort.manifest
    others = {a.name: header_features(manifest, source.dev_ids, source.test_ids, without=a.name) for a in attributes}
    seen = shortcuts(
        material,
        attributes,
        labelled,
        metadata={name: features for name, features in others.items() if features is not None},
        balanced=settings.balanced,
    )
    rivals = _rivals(source, material, question, kept)
    tell(2)
    represented = representation(
        table,
        [attribute.name for attribute in attributes],
        dict(zip(manifest["scan_id"], manifest["patient_key"], strict=True)),
        pool=source.pool,
        labelled=source.dev_ids,
        test=source.test_ids,
    )
    tell(3)
    weights = shared_weights(material.subjects, None, material.replicates, material.seed)
    calibration = [_calibration(material, point) for point in material.points]
    picture = diagram(material.probability(material.primary), material.subjects.truth, weights, seed=material.seed)
    tell(4)
    sets = [referral(material, point, source.labels.classes, settings.alpha) for point in material.points]
    verdicts = [judge_attribute(each, s) for each, s in zip(found, seen, strict=True)]
    alarms = [other.name for other in rivals if other.alarm]
    operating = operating_points(material, weights, prevalence=settings.prevalence)
    benefits = benefit(material, act_from=settings.act_from, act_to=settings.act_to, prevalence=settings.prevalence)
    coverage = coverage_by_group(material, attributes, settings.alpha)
    tell(5)
    cases = _cases(source, settings)
    tell(6)
    return Findings(
        source,
        settings,
        material,
        whole,
        found,
        verdicts,
        seen,
        rivals,
        represented,
        table.skipped,
        calibration,
        picture,
        _histogram(material.probability(material.primary)),
        operating,
        benefits,
        [each for each in sets if each is not None],
        coverage,
        cases,
        overall([(each.attribute.name, said) for each, said in zip(found, verdicts, strict=True)], alarms),
        _warnings(source, material),
    )


def _material(
    source: Source, settings: AuditSettings, question: Question, table: AttributeTable
) -> tuple[Material, list[Attribute], NDArray[np.bool_]]:
    """Test cases whose answer is known, and the scores of these."""
    import pandas as pd

    truth = question.truth(source.unit_targets)
    kept = truth >= 0
    if len(np.unique(truth[kept])) < 2:
        raise InputError(
            f"All test cases have the same answer to the question: {question.name}.",
            where=f"labels {source.labels.version}",
            todo="Ask another question with positive=CLASS.",
        )

    def of(point: Point) -> Point:
        return Point(
            point.arm,
            point.protocol,
            point.budget,
            point.n,
            point.patients,
            point.draws,
            point.probabilities[:, kept],
            [Inside(i.probabilities, i.targets, i.patients) for i in point.inside],
        )

    attributes = []
    for name in table.table.columns:
        whole = table.attribute(str(name), source.test_ids, source.units)
        attributes.append(Attribute(whole.name, whole.source, whole.values[kept], whole.order))
    attributes = [a for a in attributes if sum(Attribute.comparable(g) for g in a.groups()) > 1]
    subjects = Subjects(
        source.units.keys[kept],
        source.unit_targets[kept],
        truth[kept],
        np.unique(source.unit_patients[kept], return_inverse=True)[1].astype(np.int64),
        pd.DataFrame({a.name: a.values for a in attributes}, index=range(int(kept.sum()))),
    )
    points = [of(point) for point in source.points]
    primary = next((p for p in points if p.budget == settings.budget), None) if settings.budget else points[-1]
    if primary is None:
        raise InputError(
            f"There is no budget '{settings.budget}' for '{source.arm}'.",
            where="budget",
            todo=f"Choose one of {', '.join(point.budget for point in points)}.",
        )
    material = Material(
        subjects,
        question,
        points,
        primary,
        [of(point) for point in source.reference_points],
        source.pool_patients,
        settings.specificity,
        settings.replicates,
        settings.seed,
    )
    return material, attributes, kept


def _labelled(source: Source, question: Question, table: AttributeTable) -> Labelled | None:
    """Development and test scans with the features of every source that has any."""
    if not source.features:
        return None
    patients = source.cohort.manifest.set_index("scan_id")["patient_key"]
    return Labelled(
        {name: make() for name, make in source.features.items()},
        question.truth(source.dev_targets),
        np.asarray(source.dev_patients).astype(str),
        question.truth(source.test_targets),
        patients.reindex(source.test_ids).to_numpy().astype(str),
        {
            str(name): (table.of_scans(str(name), source.dev_ids), table.of_scans(str(name), source.test_ids))
            for name in table.table.columns
        },
    )


def _rivals(source: Source, material: Material, question: Question, kept: NDArray[np.bool_]) -> list[Rival]:
    truth = question.truth(source.dev_targets)
    made = {"header fields": header_features(source.cohort.manifest, source.dev_ids, source.test_ids)}
    if source.store is not None:
        made["the corners of the image"] = corner_features(source.store, source.dev_ids, source.test_ids)
    found = [
        rival(name, features, material, truth, np.asarray(source.dev_patients), source.units, kept)
        for name, features in made.items()
        if features is not None
    ]
    return [each for each in found if each is not None]


def _calibration(material: Material, point: Point) -> CalibrationAt:
    both = [
        reliability(
            point,
            p,
            material.subjects.truth,
            material.subjects.patients,
            pool_patients=material.pool_patients,
            seed=material.seed,
        )
        for p in (material.score(point), material.probability(point))
    ]
    factor = float(np.exp(np.log(temperatures(point, material.question)).mean()))
    return CalibrationAt(point.budget, point.n, factor, both[0], both[1])


def _histogram(p: NDArray[np.float64]) -> list[float]:
    """Cases in twenty bins of the probability, a mean over draws."""
    counts = [np.histogram(row, bins=20, range=(0, 1))[0] for row in p]
    return [float(count) for count in np.mean(counts, axis=0)]


def _cases(source: Source, settings: AuditSettings) -> list[Case]:
    if not settings.review or not source.features:
        return []
    train, _ = next(iter(source.features.values()))()
    return doubtful_labels(
        train,
        source.dev_targets,
        np.asarray(source.dev_patients),
        source.dev_ids,
        source.labels.classes,
        count=settings.review,
        seed=settings.seed,
    )


def _warnings(source: Source, material: Material) -> list[str]:
    said = [*source.warnings]
    sizes = material.subjects.sizes()
    if min(sizes.positive, sizes.negative) < 30:
        said.append(f"Only {min(sizes.positive, sizes.negative)} test patients on one side: intervals are wide.")
    if not material.primary.inside:
        said.append(
            "No out-of-fold scores were kept: each half of the test patients takes its threshold from the other half, "
            "probabilities are as the model gave them, and there are no prediction sets."
        )
    if source.kind == "study" and source.protocol == "finetune" and source.features:
        said.append("What can be read is asked of the encoder's features before fine-tuning.")
    if len(material.primary.draws) == 1:
        lent = (
            " are widened by the spread of the budget below" if len(material.points) > 1 else " are over patients alone"
        )
        said.append(
            f"At {material.primary.budget} labels there is one model: intervals of AUC, sensitivity and specificity "
            f"{lent}; "
            "calibration and net benefit are those of this one model."
        )
    return list(dict.fromkeys(said))
