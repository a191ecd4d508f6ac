from __future__ import annotations

import numpy as np
import pytest

from tests.dicom.making import dataset, encode
from workbench.dicom import open_image
from workbench.dicom.cine import frame_rate


@pytest.mark.parametrize(
    ("stated", "rate"),
    [
        ({"RecommendedDisplayFrameRate": 12, "CineRate": 30, "FrameTime": 20}, 12.0),
        ({"CineRate": 30, "FrameTime": 20}, 30.0),
        ({"FrameTime": 40}, 25.0),
        ({"FrameTimeVector": [0, 50, 150]}, 10.0),
        ({"CineRate": 0, "FrameTime": 40}, 25.0),
        ({"CineRate": 100000}, None),
        ({"FrameTime": -3}, None),
        ({}, None),
    ],
)
def test_the_recommended_speed_counts_first_and_nonsense_not_at_all(stated: dict, rate: float | None) -> None:
    image = open_image(encode(dataset(np.zeros((3, 4, 4), np.uint16), modality="XA", **stated)))
    assert frame_rate(image.parsed.root) == rate
