from __future__ import annotations

import numpy as np

from tests.cohort.quality.making import evidence, one, some
from workbench.cohort.quality import geometry


def test_spacing_far_from_the_median_of_its_modality():
    given = evidence(
        modality=["DX"] * 10 + ["CT"] * 10,
        spacing_row_mm=some(20, {0: 1.1, 1: 0.03, 2: np.nan, 3: 1.0}, 0.2),
        spacing_column_mm=some(20, {2: np.nan, 12: 20.0}, 0.2),
        flags=some(20, {15: "spacing_suspect"}, ""),
    )
    found = one(geometry.spacing(given), "spacing_outlier")
    assert list(found.scans) == ["S000", "S001", "S012", "S015"]
    assert found.details[0] == "1.1 x 0.2 mm"


def test_spacing_of_unknown_meaning():
    found = one(geometry.spacing(evidence(spacing_plane=some(20, {7: "unknown"}, "patient"))), "spacing_unknown")
    assert list(found.scans) == ["S007"] and found.level == "warn"


def test_odd_sizes():
    given = evidence(rows=some(20, {0: 63, 1: 64, 2: 2561, 3: 2560}, 512), columns=some(20, {0: 63, 1: 64}, 512))
    found = one(geometry.size(given), "size_outlier")
    assert list(found.scans) == ["S000", "S002"] and found.details == ["63 x 63 pixels", "2561 x 512 pixels"]
    assert list(geometry.size(evidence())) == []
