import numpy as np
import pytest
import torch
from torch import nn

from workbench.errors import InputError, OperationFailed
from workbench.evaluation.features import extract, load, save


class Images:
    """What ``extract`` needs of a store: a length and batches."""

    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def batch(self, positions):
        return self.values[torch.as_tensor(positions)]


class Steps:
    def __init__(self):
        self.told = []

    def progress(self, step, total, unit):
        self.told.append((step, total, unit))


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def test_frozen_batched_and_put_back(encoder):
    images = torch.rand(7, 1, 8, 8)
    steps = Steps()
    encoder.train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    found = extract(encoder, Images(images), batch_size=3, progress=steps)
    assert encoder.training
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, before[name])
    assert steps.told == [(3, 7, "scans"), (6, 7, "scans"), (7, 7, "scans")]
    with torch.no_grad():
        expected = encoder.eval()(images).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.dtype == np.float32
    np.testing.assert_allclose(extract(encoder, images), expected, atol=1e-6)
    assert not encoder.training


def test_bf16_only_when_asked_or_harmless(encoder):
    images = torch.rand(16, 1, 8, 8)
    exact = extract(encoder, images)
    np.testing.assert_array_equal(extract(encoder, images, precision="auto"), exact)  # bf16 would move them
    rough = extract(encoder, images, precision="bf16")
    assert (rough != exact).any() and np.abs(rough - exact).max() < 0.1
    plain = nn.Flatten()
    np.testing.assert_array_equal(extract(plain, images, precision="auto"), images.flatten(1).numpy())


def test_nothing_and_not_finite(encoder):
    assert extract(encoder, torch.zeros(0, 1, 8, 8)).shape == (0, 0)
    nn.init.constant_(encoder[0].weight, float("nan"))
    encoder.train()
    with pytest.raises(OperationFailed, match="not finite for 2 of 2 scans"):
        extract(encoder, torch.rand(2, 1, 8, 8))
    assert encoder.training


@pytest.mark.parametrize("ending", ["npz", "parquet"])
def test_there_and_back(tmp_path, ending):
    values = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    file = save(tmp_path / "deep" / f"features.{ending}", ["a", "b", "c"], values, {"encoder": "x"})
    assert [p.name for p in file.parent.iterdir()] == [file.name]
    found = load(file)
    assert found.scan_id.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(found.features, values)
    assert found.facts == ({"encoder": "x"} if ending == "npz" else {})
    np.testing.assert_array_equal(found.of(["c", "a"]), values[[2, 0]])
    with pytest.raises(InputError, match="2 of 3 scans have no features"):
        found.of(["a", "x", "y"])


def test_files_that_do_not_do(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load(tmp_path / "absent.npz")
    (tmp_path / "junk.npz").write_bytes(b"junk")
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / "junk.npz")
    np.savez(tmp_path / "pickled.npz", scan_id=np.array(["a"], dtype=object), features=np.zeros((1, 2)))
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / "pickled.npz")
    for name, ids, values, words in (
        ("twice", ["a", "a"], np.zeros((2, 2)), "more than once"),
        ("nan", ["a"], np.full((1, 2), np.nan), "not finite"),
        ("flat", ["a"], np.zeros(1), r"\(N, D\) is needed"),
    ):
        np.savez(tmp_path / f"{name}.npz", scan_id=np.array(ids), features=values)
        with pytest.raises(InputError, match=words):
            load(tmp_path / f"{name}.npz")
    with pytest.raises(InputError, match="not '.csv'"):
        save(tmp_path / "x.csv", ["a"], np.zeros((1, 2)))
    with pytest.raises(InputError, match="2 scans but 1 rows"):
        save(tmp_path / "x.npz", ["a", "b"], np.zeros((1, 2)))


def test_a_step_is_smaller_on_the_cpu_and_the_features_are_the_same(encoder):
    images, steps = torch.rand(150, 1, 8, 8), Steps()
    found = extract(encoder, Images(images), progress=steps)
    assert [step for step, _, _ in steps.told] == [64, 128, 150]
    np.testing.assert_allclose(found, extract(encoder, Images(images), batch_size=150), atol=1e-6)
