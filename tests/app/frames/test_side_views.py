from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.catalogue import Catalogue
from app.frames.side_views import COLUMNS, ROWS, side_frame, side_view, side_views
from tests.dicom.making import picture
from workbench.config import load_settings
from workbench.dicom.sides import Sides
from workbench.errors import InputError
from workbench.runs.workspace import Workspace
from workbench.verbs import VERBS

AXIAL = np.array([[0.5, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, 2.0, 0], [0, 0, 0, 1]])
SAGITTAL = np.array([[0, 0, 3.0, 0], [0.5, 0, 0, 0], [0, -0.5, 0, 0], [0, 0, 0, 1]])


def test_an_axial_stack_seen_from_the_front_has_the_head_on_top_and_the_right_on_the_left() -> None:
    view = side_view(AXIAL, ROWS)
    assert (view.name, view.spacing_mm, view.sides) == ("coronal", (2.0, 0.5), Sides("R", "L", "H", "F"))
    values = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    assert view.cut(values, 1).tolist() == [values[1, 1].tolist(), values[0, 1].tolist()]


def test_an_axial_stack_seen_from_the_side_has_the_face_on_the_left() -> None:
    view = side_view(AXIAL, COLUMNS)
    assert (view.name, view.sides) == ("sagittal", Sides("A", "P", "H", "F"))
    values = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    assert view.cut(values, 3).tolist() == [values[1, :, 3].tolist(), values[0, :, 3].tolist()]


def test_a_sagittal_stack_is_cut_into_axial_and_coronal_planes() -> None:
    across, down = side_view(SAGITTAL, ROWS), side_view(SAGITTAL, COLUMNS)
    assert (across.name, across.sides, across.spacing_mm) == ("axial", Sides("R", "L", "A", "P"), (0.5, 3.0))
    assert (down.name, down.sides, down.spacing_mm) == ("coronal", Sides("R", "L", "H", "F"), (0.5, 3.0))
    values = np.arange(2 * 3 * 4).reshape(2, 3, 4)  # slices to the left, rows to the foot, columns to the back
    assert across.cut(values, 0).tolist() == values[:, 0, :].T.tolist()
    assert down.cut(values, 0).tolist() == values[:, :, 0].T.tolist()


def test_a_stack_towards_the_feet_is_not_turned_over() -> None:
    view = side_view(np.diag([0.5, 0.5, -2.0, 1.0]), ROWS)
    values = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    assert view.cut(values, 0).tolist() == values[:, 0].tolist()
    assert view.sides == Sides("R", "L", "H", "F")


@pytest.fixture
def brain(workspace: Workspace, tmp_path: Path) -> Catalogue:
    """Six slices of 4 x 5 pixels, 2 mm apart; the value is 100 x slice + 10 x row + column."""
    for number in range(6):
        pixels = 100 * number + 10 * np.arange(4)[:, None] + np.arange(5)[None] + np.zeros((4, 5), int)
        file = tmp_path / "mr" / f"{number}.dcm"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(
            picture(
                pixels.astype(np.uint16), "MR", SOPInstanceUID=f"1.2.3.{number + 1}", PixelSpacing=[0.5, 0.5],
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0], ImagePositionPatient=[0, 0, 2.0 * number],
                SliceThickness=2, FrameOfReferenceUID="1.2.9",
            )
        )  # fmt: skip
    model, index = VERBS["index"].load()
    values = {"sources": [str(tmp_path / "mr")], "cohort": "brain", "workers": 1}
    index(load_settings(model, values=values), workspace=workspace)
    return Catalogue(workspace.cohort_dir("brain"))


def test_the_planes_of_an_indexed_stack(brain: Catalogue) -> None:
    scan = str(brain.table["scan_id"][0])
    volume = brain.geometry_of(scan).volume
    assert volume and [(view.name, count) for view, count in side_views(brain, volume)] == [
        ("axial", 6), ("coronal", 4), ("sagittal", 5),
    ]  # fmt: skip
    coded = side_frame(brain, volume, axis=ROWS, place=2)
    facts = coded.facts
    values = np.frombuffer(coded.body, "<i2").reshape(facts["rows"], facts["columns"])
    assert values.tolist() == [[100 * number + 20 + column for column in range(5)] for number in range(5, -1, -1)]
    assert (facts["spacing"], facts["plane"], facts["aspect"]) == ((2.0, 0.5), "patient", 4.0)
    assert facts["sides"] == {"left": "R", "right": "L", "top": "H", "bottom": "F"}


def test_a_plane_beyond_the_last_is_told(brain: Catalogue) -> None:
    volume = brain.geometry_of(str(brain.table["scan_id"][0])).volume
    with pytest.raises(InputError, match="not so many"):
        side_frame(brain, volume, axis=ROWS, place=4)
    with pytest.raises(InputError, match="no volume"):
        side_frame(brain, "SNOBODY", axis=ROWS, place=0)


def test_a_stack_too_large_for_memory_is_told(brain: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.frames.side_views.KEPT_BYTES", 100)
    volume = brain.geometry_of(str(brain.table["scan_id"][0])).volume
    with pytest.raises(InputError, match="too large"):
        side_frame(brain, volume, axis=ROWS, place=0)
