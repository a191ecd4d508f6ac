"""Audits of scores whose truth is known, without files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.audit.attributes import Attribute
from workbench.audit.labelled import Labelled
from workbench.audit.material import Material
from workbench.audit.question import Question
from workbench.audit.scores import Inside, Point, Subjects
from workbench.evaluation.probe import fit_probes, to_probabilities

YES = Question(("yes",), (1,), False, "")


def expit(z: NDArray[Any]) -> NDArray[Any]:
    return 1 / (1 + np.exp(-z))


def pair(score: NDArray[Any]) -> NDArray[Any]:
    """Probabilities of no and yes."""
    return np.stack([1 - score, score], axis=-1)


def attribute_of(values: Any, name: str = "sex") -> Attribute:
    words = np.asarray(values).astype(str)
    return Attribute(name, "header", words, tuple(sorted(set(words))))


def make_material(
    seed: int,
    groups: dict[str, tuple[int, int]],
    *,
    gap: float = 1.5,
    moved: dict[str, float] | None = None,
    draws: int = 10,
    budgets: tuple[int, ...] = (50,),
    images: int = 1,
    pool: int = 2000,
    inside: bool = True,
    reference: bool = False,
    replicates: int = 300,
) -> tuple[Material, Attribute]:
    """One arm on patients of several groups, with binormal scores.

    Args:
        seed: Of everything.
        groups: Positive and negative patients of each group.
        gap: Distance between the means of positive and negative scores.
        moved: By how much the positive scores of a group lie lower.
        draws: Per budget; each moves all scores and the gap a little.
        budgets: Labelled patients.
        images: Per patient, alike.
        pool: Patients in the development set.
        inside: Whether out-of-fold scores of the labelled patients are there.
        reference: Whether a second arm, as good, is its reference.
        replicates: Of the bootstrap.
    """
    random = np.random.default_rng(seed)
    name = np.repeat(list(groups), [sum(count) for count in groups.values()])
    truth = np.concatenate([np.repeat([1, 0], count) for count in groups.values()])
    lower = np.array([(moved or {}).get(word, 0.0) for word in name])
    owner = np.repeat(np.arange(len(truth)), images)
    base = random.standard_normal(len(truth)) + (gap - lower) * truth
    points: dict[str, list[Point]] = {}
    for arm in ("model", "reference")[: 1 + reference]:
        own = 0.6 * random.standard_normal(len(truth))
        for budget in budgets:
            z = base + own + (0.1 + 0.05 * random.standard_normal((draws, 1))) * truth
            z = z[:, owner] + 0.3 * random.standard_normal((draws, len(owner)))
            labelled = []
            for _ in range(draws if inside else 0):
                y = (np.arange(budget) % 2).astype(int)
                score = 1.2 * random.standard_normal(budget) + gap * y
                labelled.append(Inside(pair(expit(score - gap / 2)), y, np.arange(budget)))
            scores = pair(expit(z - gap / 2))
            points.setdefault(arm, []).append(
                Point(arm, "probe", str(budget), budget, budget, np.arange(draws), scores, labelled)
            )
    subjects = Subjects(np.arange(len(owner)), truth[owner], truth[owner], owner, pd.DataFrame({"sex": name[owner]}))
    material = Material(
        subjects, YES, points["model"], points["model"][-1], points.get("reference", []), pool, replicates=replicates
    )
    return material, attribute_of(name[owner])


def planted_site(
    seed: int, *, together: float, patients: int = 400, draws: int = 6, budget: int = 150, offset: float = 1.5
) -> tuple[Material, Attribute, Labelled]:
    """A model that can see the site: real probes on features that hold disease and site.

    Args:
        seed: Of everything.
        together: Share of positive patients who come from site B, and of negative ones who come from A; 0.5 for
            no relation between site and disease.
        patients: In the development set, and in the test set.
        draws, budget: Labelled patients of each probe.
        offset: How far the site moves features.
    """
    random = np.random.default_rng(seed)
    truth = (random.random(2 * patients) < 0.5).astype(np.int64)
    at_b = np.where(random.random(2 * patients) < together, truth, 1 - truth)
    x = random.standard_normal((2 * patients, 12))
    x[:, :2] += 0.8 * truth[:, None]
    x[:, 2:4] += offset * at_b[:, None]
    site, people = np.where(at_b == 1, "B", "A"), np.array([f"P{n}" for n in range(2 * patients)])
    dev, test = slice(0, patients), slice(patients, None)
    rows = [np.sort(random.choice(patients, budget, replace=False)) for _ in range(draws)]
    fits = fit_probes(x[dev], truth[dev], rows, x[test], people[dev], classes=2)
    inside = [
        Inside(to_probabilities(logits, "binary").astype(float), truth[dev][r], people[dev][r])
        for logits, r in zip(fits.oof_logits, rows, strict=True)
    ]
    probabilities = fits.probabilities.astype(np.float64)
    point = Point("model", "probe", str(budget), budget, budget, np.arange(draws), probabilities, inside)
    subjects = Subjects(people[test], truth[test], truth[test], np.arange(patients), pd.DataFrame({"site": site[test]}))
    material = Material(subjects, YES, [point], point, [], patients, replicates=200, seed=seed)
    features = {"model": (x[dev].astype(np.float32), x[test].astype(np.float32))}
    labelled = Labelled(features, truth[dev], people[dev], truth[test], people[test], {"site": (site[dev], site[test])})
    return material, attribute_of(site[test], "site"), labelled
