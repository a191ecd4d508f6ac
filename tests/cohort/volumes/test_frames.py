import numpy as np

from tests.cohort.volumes.making import SAGITTAL, series, slices
from workbench.cohort.volumes.frames import Frames


def test_rows_become_columns():
    frames = Frames.of(("z_mm", "echo_number", "kernel", "pixel_hash"), [(1.5, 2, None, "h"), (None, None, "B", None)])
    assert frames["z_mm"][0] == 1.5 and np.isnan(frames["z_mm"][1]) and np.isnan(frames["echo_number"][1])
    assert frames["kernel"].tolist() == ["", "B"] and frames["pixel_hash"].tolist() == ["h", ""]
    assert len(frames.take(np.array([1]))) == 1


def test_vectors():
    frames = series(slices([2.0], SAGITTAL, spacing_row_mm=0.25))
    assert frames.positions.tolist() == [[-2.0, 0.0, 0.0]]
    assert frames.orientations.tolist() == [list(SAGITTAL)] and frames.spacings.tolist() == [[0.25, 0.5]]
