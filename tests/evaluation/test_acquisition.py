"""What to label next: who is proposed, who never is, and why."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import InputError
from workbench.evaluation.acquisition import entropy, propose


def clusters(sizes: list[int], *, seed: int = 0, dim: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Well separated clouds; returns features and the cloud of each row."""
    rng = np.random.default_rng(seed)
    cloud = np.repeat(np.arange(len(sizes)), sizes)
    centres = 8 * np.eye(max(len(sizes), dim))[: len(sizes), :dim]
    return centres[cloud] + 0.3 * rng.standard_normal((len(cloud), dim)), cloud


def test_typical_covers_every_cloud_before_any_twice() -> None:
    x, cloud = clusters([200, 100, 60, 40, 20, 10])
    found = propose(x, np.arange(len(x)), np.zeros(len(x), bool), 6, strategy="typical", audit_share=0, seed=1)
    assert sorted(cloud[found.rows].tolist()) == [0, 1, 2, 3, 4, 5]
    assert found.reasons == ["typical"] * 6


def test_typical_leaves_out_clouds_with_a_label() -> None:
    x, cloud = clusters([100, 100, 100])
    labelled = np.zeros(len(x), bool)
    labelled[np.flatnonzero(cloud == 0)[:1]] = labelled[np.flatnonzero(cloud == 1)[:1]] = True
    found = propose(x, np.arange(len(x)), labelled, 1, strategy="typical", audit_share=0, seed=0)
    assert cloud[found.rows].tolist() == [2]


def test_uncertain_takes_doubtful_predictions_of_different_kinds() -> None:
    x, cloud = clusters([50, 50, 50])
    p = np.full((len(x), 2), [0.99, 0.01])
    doubtful = np.isin(cloud, [1, 2])
    p[doubtful] = [0.5, 0.5]
    found = propose(x, np.arange(len(x)), np.zeros(len(x), bool), 4, probabilities=p, strategy="uncertain", seed=0)
    by_doubt = [int(cloud[r]) for r, why in zip(found.rows, found.reasons, strict=True) if why == "uncertain"]
    assert len(by_doubt) == 3 and set(by_doubt) == {1, 2}  # spread out over both kinds
    assert found.reasons.count("random") == 1  # 20 % of 4


def test_auto_goes_by_the_number_of_labelled_patients() -> None:
    x, _ = clusters([100, 100])
    p = np.full((200, 2), 0.5)
    few, many = np.arange(200) < 49, np.arange(200) < 50
    assert propose(x, np.arange(200), few, 3, probabilities=p).strategy == "typical"
    assert propose(x, np.arange(200), many, 3, probabilities=p).strategy == "uncertain"
    assert propose(x, np.arange(200), many, 3).strategy == "typical"  # no classifier yet


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    rows=st.integers(2, 60),
    owners=st.integers(1, 20),
    count=st.integers(1, 30),
    strategy=st.sampled_from(["auto", "typical", "uncertain", "random"]),
    share=st.floats(0, 1),
    seed=st.integers(0, 5),
)
def test_one_scan_of_unlabelled_patients_each(
    rows: int, owners: int, count: int, strategy: str, share: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    patients = rng.integers(owners, size=rows)
    labelled = rng.random(rows) < 0.2
    free = np.setdiff1d(patients, patients[labelled])
    x, p = rng.standard_normal((rows, 4)), rng.dirichlet([1, 1, 1], size=rows)
    if not len(free):
        with pytest.raises(InputError, match="Every patient has a label already"):
            propose(x, patients, labelled, count, probabilities=p, strategy=strategy)  # pyright: ignore
        return
    found = propose(
        x, patients, labelled, count, probabilities=p, strategy=strategy, audit_share=share, seed=seed  # pyright: ignore
    )  # fmt: skip
    chosen = patients[found.rows]
    assert len(set(chosen)) == len(chosen) == min(count, len(free)) == len(found.reasons)
    assert set(chosen) <= set(free)
    again = propose(
        x, patients, labelled, count, probabilities=p, strategy=strategy, audit_share=share, seed=seed  # pyright: ignore
    )  # fmt: skip
    assert again.rows.tolist() == found.rows.tolist()


def test_entropy_of_classes_and_of_findings() -> None:
    assert entropy([[0.5, 0.5], [1.0, 0.0]]) == pytest.approx([np.log(2), 0.0], abs=1e-9)
    assert entropy([[0.5, 0.5, 0.5]]) == pytest.approx([3 * np.log(2)])  # three findings, each in doubt


def test_uncertainty_needs_predictions() -> None:
    with pytest.raises(InputError, match="Uncertainty needs predictions"):
        propose(np.zeros((2, 1)), [1, 2], [False, False], 1, strategy="uncertain")
