from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.store.conftest import cohort_of, flat, write_dicom
from workbench.evaluation import features as feature_files
from workbench.evaluation.features import extract
from workbench.evaluation.kept_features import encoder_digest, kept_features, weights_digest
from workbench.models.encoders import build_encoder
from workbench.runs.engine import TaskResult
from workbench.runs.workspace import Workspace
from workbench.store import Store, build_store, building
from workbench.store.datasets import UnitImages


def shades(number: int) -> np.ndarray:
    """Scans that stay different when each is shown by its own range of values."""
    pixels = flat(number)
    pixels[: 4 * (number + 1)] = 2000
    return pixels


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(
        building, "map_tasks", lambda function, items, **_: (TaskResult(n, function(x)) for n, x in enumerate(items))
    )
    workspace = Workspace(tmp_path / "work")
    files = {f"s{n}": write_dicom(tmp_path / "files" / f"{n}.dcm", shades(n)) for n in range(6)}
    return build_store(cohort_of(workspace, files), 16, workspace=workspace)


def net(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten())


@pytest.fixture
def extracted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many scans each call computed."""
    counts: list[int] = []

    def counting(encoder, images, **named):
        counts.append(len(images))
        return extract(encoder, images, **named)

    monkeypatch.setattr(feature_files, "extract", counting)
    return counts


def names(*numbers: int) -> np.ndarray:
    return np.array([f"s{n}" for n in numbers], dtype=object)


def test_each_scan_is_computed_once_for_an_encoder(store: Store, extracted: list[int]) -> None:
    first = kept_features(net(), store, names(3, 1))
    second = kept_features(net(), store, names(0, 1, 2, 3))
    np.testing.assert_array_equal(second[[3, 1]], first)
    np.testing.assert_array_equal(kept_features(net(), store, names(2, 0)), second[[2, 0]])
    assert extracted == [2, 2]
    expected = extract(net(), UnitImages(store, store.rows_of(names(0, 1, 2, 3))))
    np.testing.assert_allclose(second, expected, atol=1e-6)
    assert len({tuple(row) for row in second.tolist()}) == 4


def test_other_weights_are_other_features(store: Store, extracted: list[int]) -> None:
    a, b = kept_features(net(0), store, names(0, 1)), kept_features(net(1), store, names(0, 1))
    assert extracted == [2, 2] and not np.array_equal(a, b)
    moved = net(0)
    moved.state_dict()["1.running_mean"].add_(1.0)  # a buffer counts, too
    assert encoder_digest(moved) != encoder_digest(net(0)) == encoder_digest(net(0))
    assert weights_digest(moved) != weights_digest(net(0))


def test_the_same_weights_pooled_otherwise_are_another_encoder() -> None:
    mean, token = (build_encoder("vit_tiny", size=32, seed=0, pool=pool) for pool in ("mean", "token"))
    assert weights_digest(mean) == weights_digest(token) and encoder_digest(mean) != encoder_digest(token)


def test_a_damaged_file_is_computed_anew_and_one_of_an_earlier_store_goes(store: Store, extracted: list[int]) -> None:
    before = kept_features(net(), store, names(0, 1))
    (file,) = (store.path / "features").iterdir()
    assert file.name.startswith(store.digest)
    file.write_bytes(file.read_bytes()[:-40])
    old = file.with_name("0" * 16 + "-x.npz")
    old.write_bytes(b"old")
    np.testing.assert_array_equal(kept_features(net(), store, names(0, 1)), before)
    assert extracted == [2, 2] and list((store.path / "features").iterdir()) == [file]


def test_a_break_in_the_middle_keeps_nothing(store: Store, extracted: list[int]) -> None:
    class Breaks:
        def progress(self, step: int, total: int, unit: str) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept_features(net(), store, names(0, 1), progress=Breaks())
    assert not (store.path / "features").exists()
    assert kept_features(net(), store, names(0, 1)).shape == (2, 4)
