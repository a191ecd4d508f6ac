import numpy as np
import pytest
from pydicom.data import get_testdata_file

from tests.dicom.making import BIG, IMPLICIT, dataset, encode, item, picture, set_words
from workbench.dicom.attributes import Attributes
from workbench.dicom.parsing import parse
from workbench.dicom.tags import TAGS

PIXELS = np.zeros((2, 2), np.int16)


def root(syntax: str = "1.2.840.10008.1.2.1", **attributes) -> Attributes:
    return parse(picture(PIXELS, syntax=syntax, **attributes)).root


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", IMPLICIT, BIG])
def test_values_in_every_byte_order(syntax):
    found = root(
        syntax,
        WindowCenter=["40.5", "-600"],
        ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
        SequenceOfUltrasoundRegions=[item(PhysicalDeltaX=0.25, RegionLocationMaxX1=70000)],
    )
    assert found.integer("Rows") == 2
    assert found.numbers("WindowCenter") == [40.5, -600.0]
    assert found.number("WindowCenter") == 40.5
    assert found.texts("ImageType") == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert found.code("ImageType") == "ORIGINAL"
    region = found.item("SequenceOfUltrasoundRegions")
    assert region is not None
    assert (region.number("PhysicalDeltaX"), region.integer("RegionLocationMaxX1")) == (0.25, 70000)


def test_absent_empty_and_unreadable_count_as_absent():
    found = root(WindowWidth="")
    assert "WindowWidth" not in found and found.number("WindowWidth") is None
    assert "WindowCenter" not in found and found.text("Manufacturer") == "" and found.code("BodyPartExamined") == ""
    assert found.items("VOILUTSequence") == [] and found.item("VOILUTSequence") is None
    plain = dataset(PIXELS)
    set_words(plain, "RescaleSlope", "LO", "n/a")
    set_words(plain, "WindowCenter", "LO", "1,5\\x\\nan\\inf\\7")
    odd = parse(encode(plain)).root
    assert odd.number("RescaleSlope") is None
    assert odd.numbers("WindowCenter") == [1.5, 7.0]


def test_a_sequence_that_is_none_gives_no_items():
    plain = dataset(PIXELS)
    set_words(plain, "VOILUTSequence", "LO", "text")
    assert parse(encode(plain)).root.items("VOILUTSequence") == []


@pytest.mark.parametrize(
    ("charset", "raw"),
    [
        ("ISO_IR 192", "Jürgen".encode()),
        ("ISO_IR 100", "Jürgen".encode("latin-1")),
        ("", "Jürgen".encode("latin-1")),
        ("", "Jürgen".encode()),
        ("ISO_IR 999", "Jürgen".encode("latin-1")),
    ],
)
def test_text_in_any_character_set(charset, raw):
    plain = dataset(PIXELS, InstitutionName="xxxxxxx"[: len(raw)])
    if charset:
        plain.SpecificCharacterSet = charset
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = encode(plain).replace(b"xxxxxxx"[: len(raw)], raw)
        assert parse(content).root.text("InstitutionName") == "Jürgen"


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "examples_rgb_color.dcm"]
)
def test_values_agree_with_pydicom(name):
    import pydicom

    path = get_testdata_file(name)
    theirs = pydicom.dcmread(path)
    with open(path, "rb") as stream:  # noqa: PTH123
        ours = parse(stream.read()).root
    compared = 0
    for keyword, (_, vr) in TAGS.items():
        value = theirs.get(keyword)
        if value is None or value == "" or vr in ("SQ", "OW", "OF", "OD", "OV"):
            continue
        if vr in ("DS", "IS", "US", "UL", "FD"):
            wanted = [float(part) for part in (value if hasattr(value, "__len__") else [value])]
            assert ours.numbers(keyword) == wanted, keyword
        else:
            wanted = (
                [str(part) for part in value]
                if isinstance(value, list | tuple) or vr == "CS" and not isinstance(value, str)
                else [str(value)]
            )
            assert ours.texts(keyword) == wanted, keyword
        compared += 1
    assert compared > 15
