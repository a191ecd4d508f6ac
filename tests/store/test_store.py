import pickle

import numpy as np
import pytest

from workbench.errors import InputError, OperationFailed
from workbench.store import Store, build_store, building
from workbench.store.index_table import COLUMNS


@pytest.fixture
def mixed(tmp_path, workspace, make_dicom, make_flat, make_cohort, here, monkeypatch):
    """Three radiographs and three CT slices in shards of four."""
    monkeypatch.setattr(building, "SHARD_SCANS", (4, 4))
    files = {f"dx{n}": make_dicom(tmp_path / f"dx{n}.dcm", make_flat(n, 32, 16), spacing=(0.2, 0.2)) for n in range(3)}
    files |= {
        f"ct{n}": make_dicom(tmp_path / f"ct{n}.dcm", np.full((16, 16), n - 200), modality="CT") for n in range(3)
    }
    return build_store(make_cohort(workspace, files), 16, workspace=workspace)


def test_the_index_tells_what_each_scan_is(mixed):
    assert list(mixed.index.columns) == [name for name, _ in COLUMNS]
    first = mixed.index.iloc[0]
    assert first[["scan_id", "row", "slot", "valid_top", "valid_left", "valid_height", "valid_width"]].tolist() == [
        "dx0", 0, 0, 0, 4, 16, 8,
    ]  # fmt: skip
    assert (first["dtype"], first["bits_stored"], first["modality"]) == ("uint16", 12, "DX")
    assert first["spacing_row_mm"] == pytest.approx(0.4) and first["spacing_column_mm"] == pytest.approx(0.4)
    ct = mixed.index.iloc[4]
    assert (ct["scan_id"], ct["dtype"], ct["low"], ct["high"]) == ("ct1", "int16", -1000, 400)


def test_rows_are_read_in_any_order_and_more_than_once(mixed):
    assert (len(mixed), mixed.size, mixed.channels, mixed.shape, mixed.shards) == (6, 16, 1, (1, 16, 16), 2)
    rows = mixed.rows_of(["ct2", "dx1", "ct0", "dx1"])
    assert rows.tolist() == [5, 1, 3, 1]
    pixels = mixed.read(rows)
    assert pixels.dtype == np.int32  # a shard of both kinds
    assert pixels[:, 0, 8, 8].tolist() == [-198, 101, -200, 101]
    assert mixed.read([]).shape == (0, 1, 16, 16)


def test_reading_gives_a_copy(mixed):
    pixels = mixed.read([0])
    pixels[:] = 7
    assert mixed.read([0])[0, 0, 8, 8] == 100


def test_unknown_scans_are_told(mixed):
    assert mixed.has(["dx0", "nobody"]).tolist() == [True, False]
    with pytest.raises(OperationFailed, match="1 of 2 scans are not in the store"):
        mixed.rows_of(["dx0", "nobody"])


def test_a_store_can_be_sent_to_another_process(mixed):
    other = pickle.loads(pickle.dumps(mixed))
    assert other.digest == mixed.digest
    assert np.array_equal(other.read([3, 0]), mixed.read([3, 0]))


def test_no_store_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="workbench prepare"):
        Store.open(tmp_path)


def test_a_damaged_description_is_told(mixed):
    (mixed.path / "store.json").write_text("{}")
    with pytest.raises(OperationFailed, match="damaged"):
        Store.open(mixed.path)


def test_repr_names_folder_and_size(mixed):
    assert repr(mixed) == f"Store('{mixed.path.name}', 6 scans of 16 px)"


def test_ids_are_found_again_after_they_were_forgotten(mixed):
    scans = mixed.index["scan_id"].tolist()
    before = mixed.rows_of(scans)
    mixed.forget_ids()
    assert "_sorted_ids" not in vars(mixed)
    np.testing.assert_array_equal(mixed.rows_of(scans), before)
