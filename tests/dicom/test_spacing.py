import numpy as np
import pytest

from tests.dicom.making import dataset, encode, item, picture, set_words
from workbench.dicom import read_frame, read_header

PIXELS = np.zeros((40, 60), np.uint16)
GREY = np.zeros((40, 60), np.uint8)


@pytest.mark.parametrize(
    ("modality", "attributes", "mm", "plane"),
    [
        ("CT", {"PixelSpacing": ["0.5", "0.25"]}, (0.5, 0.25), "patient"),
        ("MR", {"PixelSpacing": ["1", "1"], "ImagerPixelSpacing": ["2", "2"]}, (1, 1), "patient"),
        ("DX", {"PixelSpacing": ["0.1", "0.1"], "ImagerPixelSpacing": ["0.2", "0.2"]}, (0.1, 0.1), "patient"),
        ("DX", {"PixelSpacing": ["0.2", "0.2"], "ImagerPixelSpacing": ["0.2", "0.2"]}, (0.2, 0.2), "detector"),
        (
            "DX",
            {
                "PixelSpacing": ["0.2", "0.2"],
                "ImagerPixelSpacing": ["0.2", "0.2"],
                "PixelSpacingCalibrationType": "GEOMETRY",
            },
            (0.2, 0.2),
            "patient",
        ),
        (
            "MG",
            {"ImagerPixelSpacing": ["0.1", "0.1"], "EstimatedRadiographicMagnificationFactor": "2"},
            (0.05, 0.05),
            "detector",
        ),
        (
            "CR",
            {"ImagerPixelSpacing": ["0.1", "0.1"], "EstimatedRadiographicMagnificationFactor": "0"},
            (0.1, 0.1),
            "detector",
        ),
        ("CR", {"PixelSpacing": ["0.1", "0.1"]}, (0.1, 0.1), "unknown"),
        ("CR", {"NominalScannedPixelSpacing": ["0.3", "0.3"]}, (0.3, 0.3), "scanned"),
        ("OT", {"NominalScannedPixelSpacing": ["0.3", "0.3"]}, (0.3, 0.3), "scanned"),
        ("OT", {"PixelSpacing": ["0.3", "0.3"]}, (0.3, 0.3), "unknown"),
        ("US", {"PixelSpacing": ["0.3", "0.3"]}, (0.3, 0.3), "patient"),
        ("DX", {}, None, "none"),
        ("CT", {}, None, "none"),
    ],
)
def test_which_spacing_counts_and_where(modality, attributes, mm, plane):
    frame = read_frame(picture(PIXELS, modality, **attributes))
    assert (frame.spacing_mm, frame.spacing_plane) == (mm, plane)
    assert frame.flags == ()


@pytest.mark.parametrize("values", [["0", "0"], ["-1", "1"], ["0.1", "1"], ["20", "20"]])
def test_doubtful_spacing_is_flagged(values):
    header = read_header(picture(PIXELS, "CT", PixelSpacing=values))
    assert "spacing_suspect" in header.flags.split(";")


def test_spacing_that_is_no_number_is_flagged():
    plain = dataset(PIXELS, "CT")
    set_words(plain, "PixelSpacing", "LO", "nan\\nan")
    header = read_header(encode(plain))
    assert (header.spacing_row_mm, header.flags) == (None, "spacing_suspect")


def test_the_aspect_of_pixels():
    assert read_frame(picture(PIXELS, "CT", PixelSpacing=["1", "0.5"])).aspect == 2.0
    assert read_frame(picture(PIXELS, "CR", PixelAspectRatio=["4", "3"])).aspect == pytest.approx(4 / 3)
    assert read_frame(picture(PIXELS, "CR")).aspect == 1.0


def region(**attributes):
    return item(
        **(
            {
                "RegionDataType": 1,
                "RegionLocationMinX0": 0,
                "RegionLocationMinY0": 0,
                "RegionLocationMaxX1": 59,
                "RegionLocationMaxY1": 39,
                "PhysicalUnitsXDirection": 3,
                "PhysicalUnitsYDirection": 3,
                "PhysicalDeltaX": 0.01,
                "PhysicalDeltaY": -0.02,
            }
            | attributes
        )
    )


def test_ultrasound_takes_the_tissue_regions_spacing():
    content = picture(GREY, "US", SequenceOfUltrasoundRegions=[region(RegionDataType=3, PhysicalDeltaX=9.0), region()])
    frame = read_frame(content)
    assert frame.spacing_mm == pytest.approx((0.2, 0.1)) and frame.spacing_plane == "patient"


def test_stale_regions_are_ignored_and_flagged():
    content = picture(GREY, "US", SequenceOfUltrasoundRegions=[region(), region(RegionLocationMaxX1=595)])
    frame = read_frame(content)
    assert (frame.spacing_mm, frame.flags) == (None, ("us_region_invalid",))


def test_regions_that_are_not_in_centimetres_give_no_spacing():
    content = picture(GREY, "US", SequenceOfUltrasoundRegions=[region(PhysicalUnitsXDirection=4)])
    assert read_frame(content).spacing_mm is None


def test_stale_regions_in_real_files():
    from pydicom.data import get_testdata_file

    for name in ("examples_palette.dcm", "examples_ybr_color.dcm"):
        assert "us_region_invalid" in read_header(get_testdata_file(name)).flags
