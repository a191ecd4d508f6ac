import numpy as np
import pytest

from tests.dicom.making import item, picture
from workbench.dicom import open_image
from workbench.dicom.slice_facts import SliceFacts, slice_facts

FRAMES = np.zeros((3, 4, 6), np.int16)
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"


def facts(content: bytes, frame: int = 0) -> SliceFacts:
    found = slice_facts(open_image(content), frame)
    assert found is not None
    return found


def test_a_plain_slice():
    found = facts(
        picture(
            FRAMES[0],
            "MR",
            ImagePositionPatient=["-10", "20.5", "3"],
            ImageOrientationPatient=["1", "0", "0", "0", "1", "0"],
            PixelSpacing=["0.5", "0.75"],
            SliceThickness="2",
            ImageType=["ORIGINAL", "PRIMARY", "M"],
            SeriesDescription="3-plane LOC of Planted Doe",
            EchoTime="12.5",
            EchoNumbers="2",
            DiffusionBValue=1000.0,
            DiffusionGradientOrientation=[0.0, -1e-9, 1.0],
            TemporalPositionIdentifier="4",
            TriggerTime="33",
            InversionTime="900",
            RepetitionTime="2000",
            FlipAngle="9",
            AcquisitionNumber="7",
            AcquisitionTime="101530.25",
            RescaleSlope="2",
            RescaleIntercept="-1",
        )
    )
    assert found == SliceFacts(
        position=(-10.0, 20.5, 3.0),
        orientation=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        spacing_mm=(0.5, 0.75),
        thickness_mm=2.0,
        image_type="ORIGINAL\\PRIMARY\\M",
        tokens="scout",
        echo_time_ms=12.5,
        echo_number=2,
        b_value=1000.0,
        b_direction="0.000/0.000/1.000",
        temporal_position=4,
        trigger_time_ms=33.0,
        inversion_time_ms=900.0,
        repetition_time_ms=2000.0,
        flip_angle_deg=9.0,
        acquisition=7,
        acquisition_s=10 * 3600 + 15 * 60 + 30.25,
        slope=2.0,
        intercept=-1.0,
    )


def test_a_reconstructed_ct_slice():
    found = facts(picture(FRAMES[0], "CT", ConvolutionKernel=["B30f", "3"], ReconstructionDiameter="350", KVP="80"))
    assert (found.kernel, found.diameter_mm, found.kvp) == ("B30f/3", 350.0, 80.0)
    assert found.position is None and found.orientation is None and found.spacing_mm is None


def test_frames_of_an_enhanced_object_have_facts_of_their_own():
    content = picture(
        FRAMES,
        "MR",
        SOPClassUID=ENHANCED_MR,
        ImagePositionPatient=["9", "9", "9"],
        AcquisitionTime="0900",
        SharedFunctionalGroupsSequence=[
            item(
                PlaneOrientationSequence=[item(ImageOrientationPatient=["0", "1", "0", "0", "0", "-1"])],
                PixelMeasuresSequence=[item(PixelSpacing=["2", "3"], SliceThickness="4")],
                MRImageFrameTypeSequence=[item(FrameType=["ORIGINAL", "PRIMARY"], ComplexImageComponent="PHASE")],
                MRTimingAndRelatedParametersSequence=[item(RepetitionTime="500", FlipAngle="30")],
                MRModifierSequence=[item(InversionTimes=[150.0, 300.0])],
            )
        ],
        PerFrameFunctionalGroupsSequence=[
            item(
                PlanePositionSequence=[item(ImagePositionPatient=[str(place), "0", "0"])],
                FrameContentSequence=[
                    item(
                        StackID="B",
                        TemporalPositionIndex=place + 1,
                        FrameAcquisitionNumber=2,
                        FrameAcquisitionDateTime=f"20200101{place:02d}0130.5",
                    )
                ],
                MREchoSequence=[item(EffectiveEchoTime=20.0 + place)],
                CardiacSynchronizationSequence=[item(NominalCardiacTriggerDelayTime=100.0 * place)],
                MRDiffusionSequence=[
                    item(
                        DiffusionBValue=500.0,
                        DiffusionGradientDirectionSequence=[item(DiffusionGradientOrientation=[1.0, 0.0, 0.0])],
                    )
                ],
                PixelValueTransformationSequence=[item(RescaleSlope=str(place + 1), RescaleIntercept="5")],
            )
            for place in range(3)
        ],
    )
    assert facts(content, 2) == SliceFacts(
        position=(2.0, 0.0, 0.0),
        orientation=(0.0, 1.0, 0.0, 0.0, 0.0, -1.0),
        spacing_mm=(2.0, 3.0),
        thickness_mm=4.0,
        image_type="ORIGINAL\\PRIMARY\\PHASE",
        stack="B",
        echo_time_ms=22.0,
        b_value=500.0,
        b_direction="1.000/0.000/0.000",
        temporal_position=3,
        trigger_time_ms=200.0,
        inversion_time_ms=150.0,
        repetition_time_ms=500.0,
        flip_angle_deg=30.0,
        acquisition=2,
        acquisition_s=2 * 3600 + 90.5,
        slope=3.0,
        intercept=5.0,
    )


def test_one_position_does_not_place_many_frames():
    content = picture(FRAMES, "MR", ImagePositionPatient=["1", "2", "3"], ImageOrientationPatient=["1", "0", "0"] * 2)
    assert facts(content, 1).position is None


@pytest.mark.parametrize("step", [4.0, -4.0])
def test_nuclear_slices_lie_along_the_normal(step):
    detector = item(ImagePositionPatient=["10", "20", "30"], ImageOrientationPatient=["1", "0", "0", "0", "1", "0"])
    content = picture(
        FRAMES.astype(np.uint16),
        "NM",
        ImageType=["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"],
        DetectorInformationSequence=[detector],
        SpacingBetweenSlices=str(step),
        SliceVector=[3, 2, 1],
    )
    assert [facts(content, frame).position for frame in range(3)] == [
        (10.0, 20.0, 30.0 + 2 * step),
        (10.0, 20.0, 30.0 + step),
        (10.0, 20.0, 30.0),
    ]


def test_projections_are_no_slices():
    assert slice_facts(open_image(picture(FRAMES[0].astype(np.uint16), "DX"))) is None


@pytest.mark.parametrize(
    ("orientation", "position"), [(["1", "0", "0"], ["0", "0", "x"]), (["1"], ["1", "2"]), ([""], ["1e999", "0", "0"])]
)
def test_damaged_numbers_place_nothing(orientation, position):
    from tests.dicom.making import dataset, encode, set_words

    found = dataset(FRAMES[0], "CT")
    set_words(found, "ImageOrientationPatient", "LO", orientation)
    set_words(found, "ImagePositionPatient", "LO", position)
    assert facts(encode(found))[:2] == (None, None)
