import numpy as np
import pytest

from tests.dicom.making import BIG, IMPLICIT, dataset, encode, item, picture, set_words
from workbench.dicom import read_frame
from workbench.dicom.lookup_table import LookupTable, read_table
from workbench.dicom.parsing import parse


def table_item(descriptor: list[int], data, *, vr: str = "US", data_vr: str = "OW"):
    found = item()
    set_words(found, "LUTDescriptor", vr, descriptor)
    set_words(found, "LUTData", data_vr, data)
    return found


def words(values, order: str = "<") -> bytes:
    return np.asarray(values, f"{order}u2").tobytes()


def read(found, lowest=0.0, highest=65535.0, syntax="1.2.840.10008.1.2.1"):
    content = picture(np.zeros((2, 2), np.uint16), "DX", VOILUTSequence=[found], syntax=syntax)
    holder = parse(content).root.item("VOILUTSequence")
    assert holder is not None
    return read_table(holder, lowest=lowest, highest=highest)


def test_a_modality_table_of_twelve_bits():
    pixels = np.array([[0, 1, 2], [3, 4, 9]], np.uint16)
    table = table_item([5, 0, 12], words([0, 100, 1000, 4000, 4095]))
    frame = read_frame(picture(pixels, "DX", ModalityLUTSequence=[table]))
    np.testing.assert_array_equal(frame.values, [[0, 100, 1000], [4000, 4095, 4095]])


def test_a_modality_table_of_65536_entries_for_signed_pixels():
    pixels = np.array([[-32768, 0, 100, 32767]], np.int16)
    table = table_item([0, -32768, 16], words(np.arange(65536)), vr="SS")
    frame = read_frame(picture(pixels, "DX", ModalityLUTSequence=[table]))
    np.testing.assert_array_equal(frame.values, [[0, 32768, 32868, 65535]])
    assert frame.training().dtype == np.uint16


@pytest.mark.parametrize("vr", ["US", "SS"])
def test_a_negative_first_value_however_it_is_written(vr):
    first = -1024 if vr == "SS" else 64512
    table = read(table_item([4, first, 8], words([1, 2, 3, 255]), vr=vr), lowest=-1024, highest=3071)
    assert table is not None and table.first == -1024


def test_a_negative_first_value_in_an_implicit_file():
    table = read(table_item([4, 64512, 8], words([1, 2, 3, 255])), lowest=-1024, highest=64511, syntax=IMPLICIT)
    assert table is not None and table.first == -1024


def test_a_large_first_value_stays_large_where_nothing_is_negative():
    table = read(table_item([2, 40000, 8], words([0, 255])), lowest=0, highest=65535)
    assert table is not None and table.first == 40000
    explicit = read(table_item([2, 40000, 8], words([0, 255])), lowest=-1, highest=65535)
    assert explicit is not None and explicit.first == 40000


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", BIG])
def test_the_files_byte_order_holds_for_the_data(syntax):
    order = ">" if syntax == BIG else "<"
    table = read(table_item([3, 0, 16], words([1, 256, 65535], order)), syntax=syntax)
    assert table is not None
    np.testing.assert_array_equal(table.table, [1, 256, 65535])


@pytest.mark.parametrize(
    ("count", "syntax"), [(4, "1.2.840.10008.1.2.1"), (3, "1.2.840.10008.1.2.1"), (4, BIG), (3, BIG)]
)
def test_bytes_packed_two_to_a_word(count, syntax):
    values = np.arange(count, dtype=np.uint8) + 10
    packed = values.tobytes() + b"\0" * (count % 2)
    if syntax == BIG:
        packed = np.frombuffer(packed, "<u2").astype(">u2").tobytes()
    table = read(table_item([count, 0, 8], packed), syntax=syntax)
    assert table is not None and table.bits == 8
    np.testing.assert_array_equal(table.table, values)


def test_one_byte_to_a_word():
    table = read(table_item([3, 0, 8], words([0, 128, 255])))
    assert table is not None
    np.testing.assert_array_equal(table.table, [0, 128, 255])
    upper = read(table_item([3, 0, 8], words([0, 128 << 8, 255 << 8])))
    assert upper is not None
    np.testing.assert_array_equal(upper.table, [0, 128, 255])


@pytest.mark.parametrize(
    ("declared", "top", "bits"),
    [(16, 4095, 12), (16, 65535, 16), (12, 4095, 12), (8, 200, 8), (8, 4095, 12), (16, 40000, 16), (0, 255, 8)],
)
def test_the_depth_is_the_datas_own_where_it_is_far_less_than_declared(declared, top, bits):
    table = read(table_item([2, 0, declared], words([0, top])))
    assert table is not None and (table.bits, table.top) == (bits, 2**bits - 1)


def test_what_cannot_be_a_table_is_none():
    assert read(table_item([2, 0], words([0, 1]))) is None
    assert read(item(LUTExplanation="empty")) is None


def test_looking_up_rounds_and_stays_inside():
    table = LookupTable(10, np.array([5, 6, 7], np.uint16), 8)
    np.testing.assert_array_equal(table.apply(np.array([0.0, 10.4, 10.6, 99.0])), [5, 5, 6, 7])
    np.testing.assert_array_equal(table.apply(np.array([-5, 11], np.int16)), [5, 6])


def test_a_modality_table_that_cannot_be_read_is_refused():
    from workbench.dicom import FileRefused

    plain = dataset(np.zeros((2, 2), np.uint16), "DX", ModalityLUTSequence=[table_item([2, 0], words([0, 1]))])
    with pytest.raises(FileRefused, match="ModalityLUTSequence"):
        read_frame(encode(plain))
    none = dataset(np.ones((2, 2), np.uint16), "DX", ModalityLUTSequence=[item(LUTExplanation="none")])
    assert read_frame(encode(none)).values.max() == 1
