import pydicom.datadict as datadict
import pytest

from workbench.dicom.tags import TAGS, name


@pytest.mark.parametrize("keyword", sorted(TAGS))
def test_the_table_is_the_standards(keyword):
    number, vr = TAGS[keyword]
    assert datadict.keyword_for_tag(number) == keyword
    assert vr in datadict.dictionary_VR(number).split(" or ")


def test_attributes_are_named_as_people_write_them():
    assert name("Rows") == "(0028,0010) Rows"
