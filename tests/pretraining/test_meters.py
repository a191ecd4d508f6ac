from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from workbench.pretraining import meters as M


class Flat(nn.Module):
    feature_dim = 4

    def __init__(self, collapsed: bool = False) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.collapsed = collapsed

    def forward(self, images: Tensor) -> Tensor:
        return torch.ones(len(images), 4) if self.collapsed else self.scale * images.flatten(1)


def labelled(scans: int = 80) -> tuple[Tensor, np.ndarray, np.ndarray]:
    """Images of two classes that their first pixel tells apart, two of each patient."""
    targets = np.repeat(np.arange(scans // 2) % 2, 2)
    images = torch.rand(scans, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    images[:, 0, 0, 0] = torch.as_tensor(targets) + 0.1 * images[:, 0, 0, 1]
    return images, targets, np.repeat(np.arange(scans // 2), 2)


def test_separable_features_measure_one_and_noise_does_not() -> None:
    images, targets, patients = labelled()
    figures = M.Meters(Flat(), images, images, targets, patients)(1)
    assert set(figures) == set(M.Meters.FIGURES)
    assert figures["knn_auc"] == figures["probe_auc"] == 1.0
    noise = torch.rand(80, 1, 2, 2, generator=torch.Generator().manual_seed(1))
    assert 0.2 < M.Meters(Flat(), noise, noise, targets, patients)(1)["probe_auc"] < 0.8


def test_only_the_kinds_asked_for() -> None:
    images, targets, patients = labelled()
    figures = M.Meters(Flat(), images, images, targets, patients, kinds=("probe",))(1)
    assert set(figures) == {"probe_auc", "feature_std", "rank_me"}
    assert set(M.Meters(Flat(), images)(1)) == {"feature_std", "rank_me"}


def test_multilabel_targets() -> None:
    images, targets, patients = labelled()
    both = np.stack([targets, 1 - targets], axis=1).astype(np.float32)
    both[:3, 1] = np.nan
    figures = M.Meters(Flat(), images, images, both, patients)(1)
    assert figures["probe_auc"] > 0.99


def test_no_figure_where_the_testing_half_has_one_class() -> None:
    images, targets, patients = labelled(40)
    teaches = M.half_of(patients, 0)
    figures = M.Meters(Flat(), images, images, np.where(teaches, targets, 0), patients)(1)
    assert set(figures) == {"feature_std", "rank_me"}


def test_a_patient_either_teaches_or_tests() -> None:
    patients = np.repeat(np.arange(31), 3)
    teaches = M.half_of(patients, 5)
    assert teaches.sum() == 3 * 16
    assert not set(patients[teaches]) & set(patients[~teaches])
    assert (M.half_of(patients, 5) == teaches).all()
    assert (M.half_of(patients, 6) != teaches).any()


def test_collapse_is_said_once_after_warm_up_and_so_is_its_end() -> None:
    said: list[str] = []
    encoder = Flat()
    meters = M.Meters(encoder, torch.rand(50, 1, 2, 2), epochs=6, warmup=2.0, say=said.append, share=1e9)
    encoder.collapsed = True
    for epoch in (1, 2):
        meters(epoch)
    assert said == [] and "too early to judge" in meters.collapse
    for epoch in (3, 4):
        meters(epoch)
    assert said == [meters.collapse] and said[0].startswith("Features are collapsing: all images point the same way")
    encoder.collapsed = False
    for epoch in (5, 6):
        meters(epoch)
    assert said[1:] == [f"No longer collapsing. {meters.collapse}"]
    assert encoder.training


def test_they_keep_to_their_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(M.time, "monotonic", lambda: clock[0])
    meters = M.Meters(Flat(), torch.rand(8, 1, 2, 2), epochs=40)

    def measure(epoch: int) -> dict[str, float]:
        clock[0] += 1.0
        return {"rank_me": clock[0]}

    monkeypatch.setattr(meters, "_measure", measure)
    measured = []
    for epoch in range(1, 41):
        clock[0] += 5.0
        if meters(epoch):
            measured.append(epoch)
    assert measured[0] == 1
    assert measured[-1] == 40
    assert len(measured) - 1 <= 0.05 * clock[0]
    assert len(measured) >= 8
