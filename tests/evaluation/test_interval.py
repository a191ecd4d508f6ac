import numpy as np
import pytest

from workbench.evaluation.interval import Interval, note_on_size, wilson


def test_words():
    assert note_on_size(9) == "no interval: only 9 test patients in one class, at least 10 are needed"
    assert note_on_size(29) == "wide: only 29 test patients in one class"
    assert note_on_size(30) == ""
    assert str(Interval(0.81234, 0.7, 0.9, 10, 5)) == "0.812 (0.700 to 0.900)"
    assert str(Interval(0.81234, np.nan, np.nan, 10, 5)) == "0.812 (no interval)"


def test_wilson():
    assert np.array(wilson(0.5, 10)) == pytest.approx([0.2366, 0.7634], abs=1e-4)
    assert wilson(1.0, 20)[1] == 1.0 and wilson(1.0, 20)[0] == pytest.approx(0.8389, abs=1e-4)
    assert np.shape(wilson(np.array([0.1, 0.2]), np.array([10, 20]))) == (2, 2)
