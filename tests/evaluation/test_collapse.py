import numpy as np
import pytest

from workbench.evaluation.collapse import feature_std, judge, look, rank_me


def test_exact_values():
    assert rank_me(np.eye(4)) == pytest.approx(4.0, abs=1e-4)
    assert rank_me(np.ones((5, 3))) == pytest.approx(1.0, abs=1e-4)
    assert rank_me(np.zeros((5, 3))) == 1.0
    assert rank_me(np.diag([3.0, 1.0])) == pytest.approx(np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25))), abs=1e-5)
    # two opposite directions: sd 1/sqrt(2) each, times sqrt(2)
    assert feature_std([[1.0, 1.0], [-1.0, -1.0]]) == pytest.approx(1.0)
    assert feature_std(np.ones((4, 7))) == pytest.approx(0.0)


def simulated(rank: float, mean: float, *, rows: int = 512, width: int = 192, seed: int = 0) -> np.ndarray:
    """Features whose directions fade geometrically so that about ``rank`` are used, around a common direction."""
    rng = np.random.default_rng(seed)
    fading = np.exp(-np.arange(width) / max(rank / np.e, 0.1))
    offset = np.zeros(width)
    offset[0] = mean
    return offset + rng.normal(size=(rows, width)) * fading


def test_words():
    rng = np.random.default_rng(0)
    spread = look(rng.normal(size=(300, 32)))
    assert spread.sentence.startswith("Features are spread") and spread.dimensions == 32
    one_way = look(np.ones((300, 32)) + 1e-4 * rng.normal(size=(300, 32)))
    assert one_way.sentence == "Features use about 1 of 32 directions (standard deviation 0.00 of 1)."
    cone = look(np.r_[10.0, np.zeros(31)] + 0.1 * rng.normal(size=(300, 32)))
    assert "differ little" in cone.sentence
    assert not any(each.collapsed for each in (spread, one_way, cone))
    assert look(np.full((3, 2), np.nan)).collapsed
    assert look(rng.normal(size=(5000, 8))).dimensions == 8


def test_an_encoder_that_begins_with_few_directions_and_gains_many_is_no_alarm():
    """As MAE goes: few at the start, fewer while the learning rate rises, then many."""
    start = look(simulated(10, 1))
    during, after = look(simulated(2, 3)), [look(simulated(rank, 1)) for rank in (6, 14, 26)]
    assert during.rank_me < 2 and start.rank_me > 9
    early = judge(during, start, early=True)
    assert not early.collapsed and "too early to judge" in early.sentence and "collaps" not in early.sentence
    assert [judge(each, start) for each in after] == after
    from_one = look(simulated(0.2, 12))
    rising = judge(look(simulated(8, 6)), from_one)
    assert from_one.rank_me < 1.5 and not rising.collapsed
    assert rising.sentence == "Features begin to spread: about 3 of 192 directions are used, 1 before training."


def test_many_directions_that_become_few_are_a_collapse():
    start = look(simulated(40, 0.5))
    ranks = [look(simulated(rank, mean)) for rank, mean in ((30, 1), (20, 2), (2.5, 0), (0.2, 60))]
    found = [judge(each, start) for each in ranks]
    assert [each.collapsed for each in found] == [False, False, True, True]
    assert found[2].sentence.startswith("Features are collapsing: about 3 of 192 directions are used, 39 before")
    assert found[3].sentence.startswith("Features are collapsing: all images point the same way; about 1 of 192 ")


def test_few_directions_that_stay_few_are_told_once_the_warm_up_is_over():
    start = look(simulated(0.2, 12))
    assert not judge(look(simulated(0.2, 12, seed=1)), start, early=True).collapsed
    found = judge(look(simulated(0.2, 12, seed=1)), start)
    assert found.collapsed
    assert found.sentence.startswith("Features have not spread and may be collapsing: about 1 of 192 directions are")


def test_features_that_are_not_finite_are_told_at_once():
    start = look(simulated(40, 0.5))
    assert judge(look(np.full((3, 2), np.nan)), start, early=True).collapsed
