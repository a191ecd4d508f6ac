import numpy as np

from tests.dicom.making import item, picture
from workbench.dicom import open_image, read_frame
from workbench.dicom.functional_groups import FrameAttributes
from workbench.dicom.parsing import parse

PIXELS = np.stack([np.full((2, 4), value, np.uint16) for value in (100, 200, 300)])
GROUP = "PixelValueTransformationSequence"


def rescale(slope: str, intercept: str) -> list:
    return [item(RescaleSlope=slope, RescaleIntercept=intercept, RescaleType="HU")]


def test_the_frames_own_group_comes_before_the_shared_one_and_that_before_the_root():
    content = picture(
        PIXELS,
        "ECT",
        RescaleSlope="5",
        RescaleIntercept="0",
        SharedFunctionalGroupsSequence=[item(**{GROUP: rescale("1", "-1000")})],
        PerFrameFunctionalGroupsSequence=[item(**{GROUP: rescale("2", "-1024")}), item(), item(**{GROUP: [item()]})],
    )
    found = FrameAttributes(parse(content).root)
    slopes = [found.find(GROUP, "RescaleSlope", frame).number("RescaleSlope") for frame in range(4)]
    assert slopes == [2.0, 1.0, 1.0, 1.0]
    values = [open_image(content).frame(frame).values[0, 0] for frame in range(3)]
    assert values == [200 - 1024, 200 - 1000, 300 - 1000]


def test_the_root_is_the_last_resort():
    content = picture(PIXELS[0], "CT", RescaleSlope="5", RescaleIntercept="1")
    assert read_frame(content).values[0, 0] == 501


def test_spacing_and_window_of_each_frame():
    content = picture(
        PIXELS,
        "ECT",
        SharedFunctionalGroupsSequence=[
            item(
                PixelMeasuresSequence=[item(PixelSpacing=["0.5", "0.25"])],
                FrameVOILUTSequence=[item(WindowCenter="40", WindowWidth="400")],
            )
        ],
        PerFrameFunctionalGroupsSequence=[
            item(),
            item(FrameVOILUTSequence=[item(WindowCenter="-600", WindowWidth="1500")]),
            item(PixelMeasuresSequence=[item(PixelSpacing=["1", "2"])]),
        ],
    )
    frames = [open_image(content).frame(frame) for frame in range(3)]
    assert [frame.window for frame in frames] == [(40, 400), (-600, 1500), (40, 400)]
    assert [frame.spacing_mm for frame in frames] == [(0.5, 0.25), (0.5, 0.25), (1, 2)]
    assert {frame.spacing_plane for frame in frames} == {"patient"}


def test_an_enhanced_ct_of_a_maker(shared_data):
    frame = read_frame(shared_data / "pydicom-data" / "eCT_Supplemental.dcm", frame=1)
    assert frame.units == "HU" and frame.spacing_mm == (0.388672, 0.388672)
    assert frame.values.min() == -1024 and frame.values.shape == (512, 512)


def test_one_damaged_frame_costs_itself_only():
    content = picture(
        PIXELS,
        "ECT",
        PerFrameFunctionalGroupsSequence=[item(**{GROUP: rescale(str(slope), "0")}) for slope in (2, 3, 4)],
    )
    mark = b"\x28\x00\x53\x10DS\x02\x00"  # (0028,1053) RescaleSlope of two bytes
    place = content.index(mark + b"3 ")
    broken = content[: place + 4] + b"??" + content[place + 6 :]
    found = FrameAttributes(parse(broken).root)
    assert [found.group(GROUP, "RescaleSlope", frame) is None for frame in range(3)] == [False, True, False]
    assert found.own(1).item(GROUP) is None
