import numpy as np
import pytest

from workbench.finetuning.probe_start import frequencies, one_sided, prior_head, probe_head


def test_the_probe_as_a_head_separates_what_it_was_fitted_on():
    rng = np.random.default_rng(0)
    targets = np.arange(60) % 3
    features = rng.normal(size=(60, 8)).astype(np.float32) * 0.3
    features[np.arange(60), targets] += 3.0
    features += 5.0  # raw features: the head must carry the standardisation
    weights, bias = probe_head(features, targets, np.arange(60), 3, seed=1)
    assert (weights.shape, bias.shape) == ((3, 8), (3,))
    assert ((features @ weights.T + bias).argmax(1) == targets).all()


def test_a_head_that_knows_frequencies_alone():
    weights, bias = prior_head(np.array([0, 0, 0, 1]), 3, 5)
    assert weights.shape == (3, 5)
    assert not weights.any()
    assert np.exp(bias).tolist() == pytest.approx([4 / 7, 2 / 7, 1 / 7])
    assert frequencies(np.array([0, 0, 0, 1]), 3).tolist() == pytest.approx([4 / 7, 2 / 7, 1 / 7])


def test_frequencies_of_findings_leave_out_the_unknown():
    targets = np.array([[1.0, 0.0], [1.0, np.nan], [0.0, np.nan]])
    assert frequencies(targets, 2).tolist() == pytest.approx([3 / 5, 1 / 3])


def test_one_class_alone_teaches_nothing():
    assert one_sided(np.array([1, 1, 1]))
    assert not one_sided(np.array([1, 0]))
    assert one_sided(np.array([[1.0, 0.0], [1.0, np.nan]]))
    assert not one_sided(np.array([[1.0, 0.0], [0.0, np.nan]]))
