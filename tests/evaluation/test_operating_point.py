import numpy as np

from workbench.evaluation.operating_point import balanced_threshold, threshold_at_sensitivity, threshold_at_specificity


def test_the_rank_by_hand():
    scores, labels = np.r_[np.arange(1, 20) / 20, 0.99], np.r_[np.zeros(19), 1]
    # 19 negatives: ceil(20 * .9) = 18th smallest
    assert threshold_at_specificity(scores, labels, 0.9).value == 0.9
    assert threshold_at_specificity(scores, labels, 0.95).value == 0.95
    short = threshold_at_specificity(scores[:8], labels[:8], 0.9)
    assert np.isnan(short.value) and short.note == "needs >= 9 negatives, has 8"
    assert threshold_at_specificity(scores[:9], labels[:9], 0.9).value == 0.45
    assert "needs >= 19 negatives, has 18" in threshold_at_specificity(scores[:18], labels[:18], 0.95).note


def test_sensitivity_mirrors_specificity():
    scores, labels = np.arange(1, 20) / 20, np.ones(19)
    line = threshold_at_sensitivity(scores, labels, 0.9).value  # floor(20 * .1) = 2nd smallest, itself above
    assert (scores > line).sum() == 18
    assert threshold_at_sensitivity(scores[:8], labels[:8], 0.9).note == "needs >= 9 positives, has 8"


def test_transferred_specificity_is_kept_on_new_scans():
    rng = np.random.default_rng(0)
    kept = [
        (rng.normal(size=200) <= threshold_at_specificity(rng.normal(size=30), np.zeros(30)).value).mean()
        for _ in range(300)
    ]
    assert abs(np.mean(kept) - 28 / 31) <= 0.01  # standard error 0.003


def test_balanced_line():
    assert balanced_threshold([0.1, 0.2, 0.6, 0.9], [0, 0, 1, 1]).value == 0.4
    assert balanced_threshold([0.1, 0.7, 0.6, 0.9, np.nan], [0, 0, 1, 1, 1]).value in (0.35, 0.8)
    assert np.isnan(balanced_threshold([np.nan, 0.2], [1, 0]).value)
