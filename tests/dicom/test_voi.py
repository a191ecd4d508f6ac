import numpy as np
import pytest
from highdicom.pixels import apply_voi_window
from hypothesis import given
from hypothesis import strategies as st

from tests.dicom.making import item, picture, set_words
from workbench.dicom import as_displayed, read_frame
from workbench.dicom.voi import Window

VALUES = np.linspace(-2000, 3000, 501)
PIXELS = np.arange(16, dtype=np.uint16).reshape(4, 4)


@given(
    st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
    st.floats(-1500, 2500).map(lambda x: round(x, 2)),
    st.floats(1.5, 4000).map(lambda x: round(x, 2)),
)
def test_windows_equal_highdicoms(function, centre, width):
    ours = Window(centre, width, function).apply(VALUES)
    theirs = apply_voi_window(
        VALUES, centre, width, voi_lut_function=function, output_range=(0.0, 1.0), dtype=np.float64
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_the_linear_function_by_hand():
    # PS3.3 C.11.2.1.2: c = 2048, w = 4096 maps 0..4095 to the whole range.
    shown = Window(2048, 4096).apply(np.array([0, 2047.5, 4095, 5000]))
    np.testing.assert_allclose(shown, [0, 0.5, 1, 1], atol=1e-7)
    np.testing.assert_array_equal(Window(10, 1).apply(np.array([9, 9.5, 9.6])), [0, 0, 1])


def test_a_width_below_one_is_taken_exactly():
    shown = Window(1.0, 0.5).apply(np.array([0.75, 1.0, 1.25]))
    np.testing.assert_allclose(shown, [0, 0.5, 1])


def test_a_sigmoid_far_away_does_not_overflow():
    np.testing.assert_array_equal(Window(0, 1, "SIGMOID").apply(np.array([-1e6, 1e6])), [0, 1])


def voi(**attributes):
    return read_frame(picture(PIXELS, "DX", **attributes)).voi


def test_several_windows_are_paired_and_named():
    found = voi(
        WindowCenter=["40", "-600", "7"],
        WindowWidth=["400", "1500"],
        WindowCenterWidthExplanation=["soft", "lung"],
        VOILUTFunction="",
    )
    assert found.windows == (
        Window(40, 400, "LINEAR", "soft"),
        Window(-600, 1500, "LINEAR", "lung"),
        Window(7, 400, "LINEAR", ""),
    )


@pytest.mark.parametrize(
    ("given_", "read"), [("SIGMOID", "SIGMOID"), ("LINEAR_EXACT", "LINEAR_EXACT"), ("ODD", "LINEAR")]
)
def test_the_function_is_read(given_, read):
    assert voi(WindowCenter="1", WindowWidth="2", VOILUTFunction=given_).windows[0].function == read


def test_windows_that_are_none():
    assert voi(WindowCenter="1", WindowWidth="0").windows == ()
    assert voi(WindowCenter="1").windows == ()
    assert voi(WindowCenter="", WindowWidth="").presets == ()


def test_a_table_comes_before_windows_and_a_frame_may_have_its_own():
    table = item(LUTDescriptor=[2, 0, 8], LUTExplanation="tone")
    set_words(table, "LUTData", "OW", np.array([0, 255], "<u2").tobytes())
    found = voi(WindowCenter="1", WindowWidth="2", VOILUTSequence=[table])
    assert found.presets[0].explanation == "tone" and found.presets[1] == Window(1, 2)
    frames = np.stack([PIXELS[:, :2], PIXELS[:, 2:]])
    content = picture(
        frames,
        "ECT",
        PerFrameFunctionalGroupsSequence=[item(), item(FrameVOILUTSequence=[item(VOILUTSequence=[table])])],
    )
    assert read_frame(content, 0).voi.presets == ()
    assert read_frame(content, 1).voi.tables[0].explanation == "tone"
    np.testing.assert_array_equal(as_displayed(read_frame(content, 1)), np.ones((4, 2)))
