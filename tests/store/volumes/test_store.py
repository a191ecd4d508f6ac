import pickle

import numpy as np
import pytest

from workbench.errors import InputError, OperationFailed
from workbench.store.volumes.index_table import write_rows
from workbench.store.volumes.store import VolumeStore

ROW = {
    "scan_id": "S1",
    "slices": 3,
    "rows": 4,
    "columns": 5,
    "spacing_slice_mm": 2.0,
    "spacing_row_mm": 1.0,
    "spacing_column_mm": 1.5,
    "affine_lps": np.eye(4).ravel().tolist(),
    "dtype": "int16",
    "units": "stored",
    "modality": "MR",
    "low": 10.0,
    "high": 30.0,
    "content": "abc",
}
VALUES = np.arange(60, dtype=np.int16).reshape(3, 4, 5)


@pytest.fixture
def store(tmp_path):
    (tmp_path / "volumes").mkdir()
    np.save(tmp_path / "volumes" / "S1.npy", VALUES)
    write_rows(tmp_path / "index.parquet", [ROW], digest="0123456789abcdef")
    (tmp_path / "store.json").write_text('{"settings": {}, "refused": [], "left_out": 2}')
    return VolumeStore.open(tmp_path)


def test_facts(store):
    assert (len(store), store.digest, store.bytes, store.left_out, store.refused) == (1, "0123456789abcdef", 120, 2, [])
    assert store.index.to_dict("records") == [ROW]
    assert store.has(["S1", "S2"]).tolist() == [True, False]
    assert repr(store).endswith("1 volumes)")


def test_whole_volumes_are_mapped_and_read_only(store):
    volume = store.volume(0)
    assert isinstance(volume, np.memmap) and (volume == VALUES).all()
    with pytest.raises(ValueError, match="read-only"):
        volume[0] = 0


@pytest.mark.parametrize(
    ("start", "size"),
    [((0, 0, 0), (3, 4, 5)), ((1, 2, 3), (2, 2, 2)), ((-1, -2, 4), (5, 7, 3)), ((9, 0, 0), (2, 2, 2))],
)
def test_patches_reach_beyond_the_volume(store, start, size):
    around = np.full((23, 24, 25), -7, np.int16)
    around[10:13, 10:14, 10:15] = VALUES
    begin = [10 + edge for edge in start]
    expected = around[tuple(slice(b, b + length) for b, length in zip(begin, size, strict=True))]
    found = store.patch(0, start, size, fill=-7)
    assert found.dtype == np.int16 and (found == expected).all()


def test_it_travels_to_other_processes(store):
    assert (pickle.loads(pickle.dumps(store)).volume(0) == VALUES).all()


def test_what_is_not_there_is_told(store, tmp_path):
    with pytest.raises(OperationFailed, match="1 of 2 volumes are not in the store"):
        store.rows_of(["S1", "S2"])
    with pytest.raises(InputError, match="no finished store of volumes"):
        VolumeStore.open(tmp_path / "nowhere")
    (tmp_path / "volumes" / "S1.npy").unlink()
    with pytest.raises(OperationFailed, match="missing or damaged"):
        store.volume(0)


@pytest.mark.parametrize("name", ["store.json", "index.parquet"])
def test_a_damaged_store_is_told(store, tmp_path, name):
    (tmp_path / name).write_bytes(b"PAR1 nonsense")
    with pytest.raises(OperationFailed, match="damaged"):
        VolumeStore.open(tmp_path)
