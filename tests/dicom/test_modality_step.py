import numpy as np
import pytest

from tests.dicom.making import dataset, encode, item, picture, set_words
from workbench.dicom import read_frame

PIXELS = np.array([[0, 100], [200, 4095]], np.uint16)


def frame_of(modality, **attributes):
    return read_frame(picture(PIXELS, modality, BitsStored=12, HighBit=11, **attributes))


def test_ct_becomes_hounsfield_units():
    frame = frame_of("CT", RescaleSlope="1", RescaleIntercept="-1024", RescaleType="HU")
    assert frame.units == "HU" and frame.values.dtype == np.float32
    np.testing.assert_array_equal(frame.values, [[-1024, -924], [-824, 3071]])
    np.testing.assert_array_equal(frame.training(), [[-1024, -924], [-824, 3071]])
    assert frame.training().dtype == np.int16


@pytest.mark.parametrize(("kind", "units"), [("", "HU"), ("US", "HU"), ("mgml", "MGML")])
def test_the_rescale_type_of_a_ct(kind, units):
    assert frame_of("CT", RescaleSlope="1", RescaleIntercept="-1024", RescaleType=kind).units == units


def test_empty_rescale_is_absent():
    frame = frame_of("CT", RescaleSlope="", RescaleIntercept="")
    assert frame.units == "stored"
    np.testing.assert_array_equal(frame.values, PIXELS)
    only = frame_of("CT", RescaleSlope="", RescaleIntercept="-1000")
    assert only.units == "HU" and only.values[0, 0] == -1000
    zero = frame_of("CT", RescaleSlope="0", RescaleIntercept="-1000")
    assert zero.values[1, 1] == 3095


def test_metal_beyond_sixteen_bits_is_cut_in_training_only():
    frame = frame_of("CT", RescaleSlope="10", RescaleIntercept="0")
    assert frame.values.max() == 40950 and frame.training().max() == 32767


def test_mr_stays_as_stored_whatever_its_rescale_says():
    frame = frame_of("MR", RescaleSlope="2.5", RescaleIntercept="7")
    assert frame.units == "stored"
    np.testing.assert_array_equal(frame.training(), PIXELS)
    assert frame.training().dtype == np.uint16


@pytest.mark.parametrize(("code", "units"), [("mm2/s", "mm2/s"), ("1", "map")])
def test_a_quantitative_map_takes_its_real_world_values(code, units):
    mapping = item(
        RealWorldValueSlope=0.5, RealWorldValueIntercept=1.0, MeasurementUnitsCodeSequence=[item(CodeValue=code)]
    )
    frame = frame_of(
        "MR", ImageType=["DERIVED", "PRIMARY", "ADC"], RealWorldValueMappingSequence=[mapping], RescaleSlope="3"
    )
    assert frame.units == units
    np.testing.assert_array_equal(frame.values, PIXELS * 0.5 + 1)
    assert frame.training().dtype == np.float32


def test_a_map_without_real_world_values_takes_its_rescale():
    frame = frame_of("MR", ImageType=["DERIVED", "PRIMARY", "T1_MAP"], RescaleSlope="3", RescaleIntercept="1")
    np.testing.assert_array_equal(frame.values, PIXELS * 3 + 1)
    plain = frame_of("MR", ImageType=["DERIVED", "PRIMARY", "T1_MAP"])
    assert plain.units == "stored" and plain.values.max() == 4095


@pytest.mark.parametrize("modality", ["XA", "US", "NM", "OT"])
def test_modalities_without_such_a_step(modality):
    frame = frame_of(modality, RescaleSlope="2", RescaleIntercept="5")
    assert frame.units == "stored"
    np.testing.assert_array_equal(frame.values, PIXELS)


def test_pet_becomes_activity():
    frame = frame_of("PT", RescaleSlope="0.5", RescaleIntercept="0", Units="BQML")
    assert frame.units == "BQML" and frame.values.max() == 2047.5
    assert frame.training().dtype == np.float32
    np.testing.assert_array_equal(frame.training(), frame.values)


def test_radiographs_take_the_slope_that_they_have():
    frame = frame_of("DX", RescaleSlope="1", RescaleIntercept="5", RescaleType="US")
    assert frame.units == "stored" and frame.values.max() == 4100
    np.testing.assert_array_equal(frame.training(), PIXELS + 5)
    assert frame_of("DX", RescaleSlope="1", RescaleIntercept="0", RescaleType="OD").units == "OD"


def test_a_slope_that_leads_out_of_the_range_is_undone_for_training():
    tiny = frame_of("DX", RescaleSlope="0.001", RescaleIntercept="-1")
    np.testing.assert_allclose(tiny.values, PIXELS * 0.001 - 1, atol=1e-6)
    np.testing.assert_array_equal(tiny.training(), PIXELS)
    signed = read_frame(picture(np.array([[-2048, 0, 2047]], np.int16), "CR", BitsStored=12, HighBit=11))
    np.testing.assert_array_equal(signed.training(), [[0, 2048, 4095]])


def test_a_table_names_its_units():
    table = item(LUTDescriptor=[2, 0, 16], ModalityLUTType="OD")
    set_words(table, "LUTData", "OW", np.array([3, 5], "<u2").tobytes())
    frame = read_frame(encode(dataset(PIXELS, "DX", ModalityLUTSequence=[table])))
    assert frame.units == "OD"
    np.testing.assert_array_equal(frame.values, [[3, 5], [5, 5]])
