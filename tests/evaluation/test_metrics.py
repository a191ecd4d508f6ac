import numpy as np
import pytest
from sklearn import metrics as sk

from workbench.errors import InputError
from workbench.evaluation.metrics import average_precision, evaluate, measure, rates, thresholds_from
from workbench.evaluation.operating_point import Threshold


@pytest.fixture
def scores():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    return np.clip(rng.normal(0.4 + 0.25 * y, 0.2), 0.01, 0.99).round(2), y


def test_average_precision(scores):
    s, y = scores
    assert average_precision([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0])[0] == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(s, y)[0] == pytest.approx(sk.average_precision_score(y, s), abs=1e-12)
    w = np.random.default_rng(1).integers(0, 4, (3, 200)).astype(float)
    mine = average_precision(s, y, w)
    for row in range(3):
        assert mine[row] == pytest.approx(sk.average_precision_score(y, s, sample_weight=w[row]), abs=1e-12)
    assert np.isnan(average_precision([0.1], [0])[0])


def test_binary_agrees_with_sklearn(scores):
    s, y = scores
    p = np.stack([1 - s, s], axis=1)
    lines = {"balanced": [Threshold(0.5), Threshold(0.52)], "operating": [Threshold(np.nan), Threshold(0.61)]}
    found = evaluate(p, y, np.arange(200), thresholds=lines, replicates=200)
    assert found["auc"].value == pytest.approx(sk.roc_auc_score(y, s))
    assert found["average_precision"].value == pytest.approx(sk.average_precision_score(y, s))
    assert found["accuracy"].value == pytest.approx(sk.accuracy_score(y, s > 0.5))
    assert found["balanced_accuracy"].value == pytest.approx(sk.balanced_accuracy_score(y, s > 0.52))
    assert found["sensitivity"].value == pytest.approx(sk.recall_score(y, s > 0.61))
    assert found["specificity"].value == pytest.approx(sk.recall_score(1 - y, s <= 0.61))
    assert found["brier"].value == pytest.approx(sk.brier_score_loss(y, s))
    assert found["log_loss"].value == pytest.approx(sk.log_loss(y, s))
    for one in found.values():
        assert one.low < one.value < one.high and one.n == 200 and one.n_patients == 200 and not one.note
    quick = measure(p, y, np.arange(200), lines)
    few = measure(p, y, np.arange(200), lines, only=("auc", "brier"))
    assert few == {name: quick[name] for name in ("auc", "brier")}
    assert measure(p, y, np.arange(200), only=("log_loss",)) == {"log_loss": quick["log_loss"]}
    assert quick == {name: pytest.approx(one.value) for name, one in found.items()}


def test_three_classes_agree_with_sklearn():
    rng = np.random.default_rng(2)
    y = rng.integers(0, 3, 150)
    p = rng.dirichlet([1, 1, 1], 150) * 0.7 + 0.3 * np.eye(3)[y]
    found = evaluate(p, y, np.arange(150) // 2 * 10 + y, replicates=100)
    onehot = np.eye(3)[y]
    assert found["auc"].value == pytest.approx(sk.roc_auc_score(y, p, multi_class="ovr"))
    assert found["average_precision"].value == pytest.approx(sk.average_precision_score(onehot, p, average="macro"))
    assert found["accuracy"].value == pytest.approx(sk.accuracy_score(y, p.argmax(axis=1)))
    assert found["balanced_accuracy"].value == pytest.approx(sk.balanced_accuracy_score(y, p.argmax(axis=1)))
    assert found["log_loss"].value == pytest.approx(sk.log_loss(y, p))
    assert found["brier"].value == pytest.approx(((p - onehot) ** 2).sum(axis=1).mean())
    assert np.isnan(found["sensitivity"].value) and found["sensitivity"].note == "needs out-of-fold scores"


def test_labels_with_unknowns():
    rng = np.random.default_rng(3)
    y = (rng.random((120, 2)) < 0.4).astype(float)
    p = np.clip(0.3 * y + 0.6 * rng.random((120, 2)), 0.01, 0.99)
    y[:10, 0] = np.nan
    lines = thresholds_from(p, y)
    found = evaluate(p, y, np.arange(120), thresholds=lines, replicates=100)
    areas = [sk.roc_auc_score(y[10:, 0], p[10:, 0]), sk.roc_auc_score(y[:, 1], p[:, 1])]
    assert found["auc"].value == pytest.approx(np.mean(areas))
    first = rates(p[10:, 0], y[10:, 0], lines["operating"][0].value)
    second = rates(p[:, 1], y[:, 1], lines["operating"][1].value)
    assert found["sensitivity"].value == pytest.approx((first[0][0] + second[0][0]) / 2)
    assert found["specificity"].value == pytest.approx((first[1][0] + second[1][0]) / 2)
    assert 0.85 < found["specificity"].value < 0.95
    assert found["brier"].value == pytest.approx(np.nanmean((p - y) ** 2, axis=1).mean())
    each = [sk.accuracy_score(y[10:, 0], p[10:, 0] > 0.5), sk.accuracy_score(y[:, 1], p[:, 1] > 0.5)]
    assert found["accuracy"].value == pytest.approx(np.mean(each))


def test_thresholds_come_from_the_budget_and_are_transferred():
    rng = np.random.default_rng(4)
    y = np.arange(60) % 2
    oof = rng.normal(y, 1.0)
    p = np.stack([-oof, oof], axis=1)
    lines = thresholds_from(p, y)
    assert lines["operating"][1].value == np.sort(oof[y == 0])[27]  # ceil(31 * .9) = 28th
    test = np.clip(rng.normal(0.3 + 0.3 * y, 0.2), 0, 1)
    few = evaluate(np.stack([1 - test, test], axis=1), y, np.arange(60), thresholds=thresholds_from(p[:12], y[:12]))
    assert np.isnan(few["sensitivity"].value) and few["sensitivity"].note == "needs >= 9 negatives, has 6"


def test_intervals_are_clustered_by_patient(scores):
    s, y = scores
    p = np.stack([1 - s, s], axis=1)
    one = evaluate(p, y, np.arange(200), seed=1)
    copies = evaluate(np.repeat(p, 4, axis=0), np.repeat(y, 4), np.repeat(np.arange(200), 4), seed=1)
    for name in ("auc", "average_precision", "brier", "log_loss", "balanced_accuracy"):
        assert copies[name].value == pytest.approx(one[name].value)
        assert copies[name].high - copies[name].low == pytest.approx(one[name].high - one[name].low, rel=0.02)
        assert copies[name].n == 800 and copies[name].n_patients == 200


def test_bootstrap_interval_covers():
    rng = np.random.default_rng(5)
    y = np.repeat([0, 1], 40)
    covered = 0
    for k in range(120):
        p = rng.beta(2, 2, 80)
        truth = 0.5 * (0.05 + 0.25) + 0.5 * (
            0.05 + 0.25
        )  # E p^2 = var + mean^2 = .3 for y = 0, E (1-p)^2 = .3 for y = 1
        found = evaluate(np.stack([1 - p, p], axis=1), y, np.arange(80), replicates=300, seed=k)["brier"]
        covered += found.low <= truth <= found.high
    assert 0.87 <= covered / 120 <= 0.99


def test_all_found_is_not_certainty():
    y = np.repeat([0, 1], 20)
    p = np.stack([1 - y, y], axis=1) * 0.8 + 0.1
    lines = {"balanced": [Threshold(0.5)] * 2, "operating": [Threshold(0.5)] * 2}
    found = evaluate(p, y, np.arange(40), thresholds=lines)["sensitivity"]
    assert found.value == 1.0 and found.low == pytest.approx(0.8389, abs=1e-4) and found.high == 1.0
    few = evaluate(p[15:25], y[15:25], np.arange(10), thresholds=lines)["brier"]
    assert np.isnan(few.low) and "only 5 test patients" in few.note


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="do not fit"):
        evaluate(np.zeros((3, 2)), [0, 1], [0, 1])
    with pytest.raises(InputError, match="empty"):
        evaluate(np.zeros((0, 2)), np.zeros(0, int), [])
    with pytest.raises(InputError, match="finite"):
        measure([[np.nan, 1.0]], [0], [0])
