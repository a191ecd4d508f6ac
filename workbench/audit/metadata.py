"""Models that do not look at the disease: header fields alone, and the corners of the image alone.

Where one of them ranks cases nearly as well as the audited model does, what the model learned is in doubt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.audit.material import Material
from workbench.audit.scores import Point
from workbench.audit.strata import auc_stratum, joint
from workbench.evaluation.probe import fit_probes
from workbench.evaluation.units import Units
from workbench.study.contrasts import Contrast, curve_interval

if TYPE_CHECKING:
    import pandas as pd

    from workbench.store.store import Store

WORDS = ("sex", "manufacturer", "model", "scanner", "site", "view_position", "laterality", "modality")
NUMBERS = ("age_years", "rows", "columns", "bits_stored")
EQUIPMENT = frozenset(("manufacturer", "model", "scanner", "site"))
MOST_VALUES = 40
NEAR = 0.02
CORNER = 8
"""The corners are squares of one eighth of the image's side."""

Features = tuple[NDArray[np.float32], NDArray[np.float32]]


def header_features(
    manifest: pd.DataFrame, development: NDArray[Any], test: NDArray[Any], *, without: str = ""
) -> Features | None:
    """Header fields as numbers: words one-hot, numbers with a column for where they are absent.

    Args:
        manifest: Of the cohort.
        development, test: Scan ids.
        without: Attribute to leave out; with a piece of equipment all of it is left out.

    Returns:
        ``(N, D)`` of both, or None where no field varies.
    """
    import pandas as pd

    table = manifest.set_index("scan_id")
    column = {"age": "age_years", "view": "view_position"}.get(without, without)
    out = EQUIPMENT if column in EQUIPMENT else {column}
    parts = []
    for name in WORDS:
        if name in table and name not in out:
            values = table[name].where(table[name].notna(), "").astype(str)
            common = values.reindex(development).value_counts().index[:MOST_VALUES]
            parts += [(values == value).astype(float) for value in common] if len(common) > 1 else []
    for name in NUMBERS:
        if name in table and name not in out:
            values = pd.to_numeric(table[name], errors="coerce")
            known = values.reindex(development).dropna()
            if known.nunique() > 1:
                parts += [values.fillna(float(known.mean())), values.isna().astype(float)]
    if not parts:
        return None
    made = pd.concat(parts, axis=1).astype(np.float32)
    return made.reindex(development).to_numpy(), made.reindex(test).to_numpy()


def corner_features(store: Store, development: NDArray[Any], test: NDArray[Any]) -> Features:
    """The four corners of the images as encoders see them, ``(N, D)`` of both."""
    from workbench.store.datasets import UnitImages

    side = max(store.size // CORNER, 2)

    def corners(scans: NDArray[Any]) -> NDArray[np.float32]:
        images = UnitImages(store, store.rows_of(scans))
        found = []
        for start in range(0, len(images), 256):
            batch = images.batch(np.arange(start, min(start + 256, len(images)))).numpy()
            cut = [
                batch[..., rows, :][..., columns]
                for rows in (slice(side), slice(-side, None))
                for columns in (slice(side), slice(-side, None))
            ]  # noqa: E501
            found.append(np.concatenate([piece.reshape(len(batch), -1) for piece in cut], axis=1))
        return np.concatenate(found) if found else np.zeros((0, 0), np.float32)

    return corners(development), corners(test)


@dataclass(frozen=True)
class Rival:
    """A model that should not be able to compete.

    Attributes:
        name: What it sees.
        auc: With its interval.
        low, high: 95 %.
        behind: The audited model's AUC minus this one.
        alarm: It comes within 0.02 of the audited model, and is better than chance.
    """

    name: str
    auc: float
    low: float
    high: float
    behind: Contrast
    alarm: bool


def rival(
    name: str,
    features: Features,
    material: Material,
    truth: NDArray[np.int64],
    patients: NDArray[Any],
    units: Units,
    kept: NDArray[np.bool_],
) -> Rival | None:
    """A probe on all labelled development scans, against the audited model on the same test cases.

    Args:
        name: For people.
        features: Of development and test scans.
        material: The audited model.
        truth, patients: Of the development scans; -1 where unknown.
        units: What the test scans are pooled to.
        kept: ``(units,)`` those that the material holds.
    """
    x, x_test = features
    rows = np.flatnonzero(truth >= 0)
    if len(np.unique(truth[rows])) < 2:
        return None
    fits = fit_probes(x, np.maximum(truth, 0), [rows], x_test, patients, classes=2, seed=material.seed)
    score = units.scores(fits.probabilities[0].astype(np.float64))[kept]
    people = float(len(np.unique(patients[rows])))
    point = Point(name, "probe", "all", float(len(rows)), people, np.zeros(1, np.int64), score[None])
    subjects = material.subjects
    everyone = np.ones(len(subjects.truth), bool)
    points = [*material.with_stand_in(), point]
    scores = [(p, p.probabilities[..., 1] if p is point else material.score(p)) for p in points]
    stratum = auc_stratum(name, everyone, scores, subjects.truth, subjects.patients, subjects.patient_count)
    together = joint([stratum], material.pool_patients)
    last = np.eye(len(points))
    own, behind = together.contrast(last[-1]), together.contrast(last[-2] - last[-1])
    sizes = subjects.sizes()
    fewest = (min(sizes.positive, sizes.negative), sizes.patients)
    low, high = curve_interval(own.estimate, own.se, own.df, fewest)
    return Rival(name, own.estimate, low, high, behind, behind.estimate <= NEAR and low > 0.5)
