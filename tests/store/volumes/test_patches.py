import numpy as np
import pytest
import torch

from tests.store.volumes.test_store import ROW, VALUES
from workbench.errors import InputError
from workbench.store.volumes.index_table import write_rows
from workbench.store.volumes.patches import VolumePatches
from workbench.store.volumes.store import VolumeStore


@pytest.fixture
def store(tmp_path):
    (tmp_path / "volumes").mkdir()
    large = np.arange(20 * 21 * 22, dtype=np.int16).reshape(20, 21, 22)
    np.save(tmp_path / "volumes" / "S1.npy", VALUES)
    np.save(tmp_path / "volumes" / "S2.npy", large)
    shape = {"slices": 20, "rows": 21, "columns": 22}
    write_rows(tmp_path / "index.parquet", [ROW, ROW | shape | {"scan_id": "S2", "high": 5000.0}], digest="0" * 16)
    (tmp_path / "store.json").write_text('{"settings": {}, "refused": [], "left_out": 0}')
    return VolumeStore.open(tmp_path)


def test_values_by_the_display_range(store):
    patches = VolumePatches(store, (3, 4, 5), rows=[0])
    expected = np.clip((VALUES.astype(np.float32) - 10) / 20, 0, 1)
    assert patches.patch(0).shape == (1, 3, 4, 5) and patches.patch(0).dtype == torch.float32
    assert patches.patch(0)[0].numpy() == pytest.approx(expected)
    shown = VolumePatches(store, (3, 4, 5), rows=[0], window=(0, 59)).patch(0)
    assert shown.min() == 0 and shown.max() == 1


def test_a_small_volume_lies_in_the_middle_of_zeros(store):
    patch = VolumePatches(store, 8).patch(0)[0].numpy()
    inside = np.clip((VALUES.astype(np.float32) - 10) / 20, 0, 1)
    assert patch[2:5, 2:6, 1:6] == pytest.approx(inside)
    assert patch.sum() == pytest.approx(inside.sum(), rel=1e-5)


def test_places_follow_from_seed_epoch_and_place_alone(store):
    patches = VolumePatches(store, 8, seed=5)
    corners = {patches.corner(1, epoch) for epoch in range(200)}
    assert len(corners) > 150 and VolumePatches(store, 8, seed=5).corner(1, 3) == patches.corner(1, 3)
    assert VolumePatches(store, 8, seed=6).corner(1, 3) != patches.corner(1, 3)
    lowest, highest = np.min(list(corners), axis=0), np.max(list(corners), axis=0)
    assert lowest.tolist() == [0, 0, 0] and highest.tolist() == [12, 13, 14]
    assert torch.equal(patches.batch([1, 0], epoch=3)[0], patches.patch(1, 3)) and len(patches) == 2


def test_impossible_patches(store):
    with pytest.raises(InputError, match="at least one voxel"):
        VolumePatches(store, 0)
    with pytest.raises(InputError, match="lowest to its highest"):
        VolumePatches(store, 4, window=(5, 5))
