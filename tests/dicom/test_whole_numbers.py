import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workbench.dicom.whole_numbers import whole_numbers


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([-32768, 32767], np.int16),
        ([0, 4095], np.int16),
        ([0, 32768], np.uint16),
        ([0, 65535], np.uint16),
        ([-0.0, 1], np.int16),
        ([-1, 32768], None),
        ([0, 65536], None),
        ([-32769, 0], None),
        ([0, 0.5], None),
        ([0.5, 1], None),
        ([0, np.nan], None),
        ([0, np.inf], None),
        ([], None),
    ],
)
def test_the_first_type_that_holds_all(values, kind):
    found = whole_numbers(np.array(values, np.float32))
    if kind is None:
        assert found is None
    else:
        assert found is not None and found.dtype == kind
        assert found.tolist() == [int(value) for value in values]


@given(arrays(np.float32, 6, elements=st.floats(width=32) | st.integers(-40000, 70000).map(float)))
def test_nothing_is_lost(values):
    found = whole_numbers(values)
    fits = bool((values == np.rint(values)).all()) and (
        (values.min() >= -32768 and values.max() <= 32767) or (values.min() >= 0 and values.max() <= 65535)
    )
    assert (found is not None) == fits
    if found is not None:
        np.testing.assert_array_equal(found, values)
