import threading

import numpy as np
import pytest
import torch

from workbench.errors import InputError
from workbench.store import build_store, building
from workbench.store.datasets import BatchStream, UnitImages


@pytest.fixture
def store(tmp_path, workspace, make_dicom, make_cohort, here, monkeypatch):
    """Twenty CT slices, wider than tall; slice n is n * 50 - 1000 HU."""
    monkeypatch.setattr(building, "SHARD_SCANS", (6, 6))
    values = {f"s{n}": np.full((8, 16), n * 50 - 1000) for n in range(20)}
    files = {scan: make_dicom(tmp_path / f"{scan}.dcm", hu, modality="CT") for scan, hu in values.items()}
    return build_store(make_cohort(workspace, files), 16, workspace=workspace)


def test_units_follow_the_display_range(store):
    images = UnitImages(store, store.rows_of(["s0", "s7", "s14"]))
    batch = images.batch([2, 1, 0])
    assert batch.dtype == torch.float32 and batch.shape == (3, 1, 16, 16)
    assert batch[:, 0, 8, 8].tolist() == pytest.approx([0.5, 0.25, 0])  # -300, -650, -1000 HU in -1000..400
    assert (batch[:, :, :4] == 0).all() and (batch[:, :, 12:] == 0).all()  # the letterbox
    assert len(images) == 3 and images.shape == (1, 16, 16)


def test_another_window_cuts_to_its_ends(store):
    images = UnitImages(store, window=(-800, -600))
    assert images.batch([0, 4, 6, 19])[:, 0, 8, 8].tolist() == pytest.approx([0, 0, 0.5, 1])
    with pytest.raises(InputError, match="lowest to its highest"):
        UnitImages(store, window=(5, 5))


def test_held_in_memory_or_mapped_is_the_same(store):
    mapped, held = UnitImages(store, [3, 9, 1]), UnitImages(store, [3, 9, 1], cache_mb=1)
    assert mapped._held is None and held._held is not None
    assert torch.equal(mapped.batch([0, 2, 1]), held.batch([0, 2, 1]))
    assert UnitImages(store, cache_mb=0.0001)._held is None


def positions(stream):
    return [place.tolist() for place, _ in stream]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_hold_the_images_of_their_positions(store, workers):
    images = UnitImages(store)
    seen = []
    for place, batch in BatchStream(images, 6, seed=1, drop_last=False, workers=workers):
        assert torch.equal(batch, images.batch(place))
        seen += place.tolist()
    assert sorted(seen) == list(range(20)) and seen != sorted(seen)


def test_the_order_is_a_function_of_seed_and_epoch(store):
    images = UnitImages(store)
    stream, again = BatchStream(images, 6, seed=1), BatchStream(images, 6, seed=1, workers=0)
    first, second = positions(stream), positions(stream)
    assert first != second
    assert [positions(again), positions(again)] == [first, second]
    assert positions(BatchStream(images, 6, seed=2)) != first


def test_the_last_short_batch_is_left_out_or_kept(store):
    images = UnitImages(store)
    assert [len(batch) for batch in positions(BatchStream(images, 6))] == [6, 6, 6]
    kept = BatchStream(images, 6, drop_last=False)
    assert len(kept) == 4 and [len(batch) for batch in positions(kept)] == [6, 6, 6, 2]
    assert len(BatchStream(images, 32)) == 0 and positions(BatchStream(images, 32)) == []


def test_without_shuffling_the_order_is_the_given_one(store):
    stream = BatchStream(UnitImages(store), 8, shuffle=False, drop_last=False)
    assert positions(stream) == [list(range(8)), list(range(8, 16)), list(range(16, 20))]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("after", [0, 1, 2, 3, 4, 7])
def test_a_stream_goes_on_exactly_where_another_was(store, after, workers):
    images = UnitImages(store)

    def endless(stream):
        while True:
            yield from stream

    stream = BatchStream(images, 6, seed=5, workers=workers)
    source = endless(stream)
    for _ in range(after):
        next(source)
    state = stream.state_dict()
    expected = [next(source)[0].tolist() for _ in range(8)]
    resumed = BatchStream(images, 6, seed=5, workers=workers)
    resumed.load_state_dict(state)
    other = endless(resumed)
    assert [next(other)[0].tolist() for _ in range(8)] == expected
    assert all(isinstance(value, int) for value in state.values())


def test_a_place_of_another_stream_is_refused(store):
    images = UnitImages(store)
    state = BatchStream(images, 6, seed=5).state_dict()
    with pytest.raises(InputError, match="seed=5, not 6"):
        BatchStream(images, 6, seed=6).load_state_dict(state)
    with pytest.raises(InputError, match="batch_size=6, not 3"):
        BatchStream(images, 3, seed=5).load_state_dict(state)
    with pytest.raises(InputError, match="behind the end"):
        BatchStream(images, 6, seed=5).load_state_dict(state | {"batch": 3})
    with pytest.raises(InputError, match="at least one image"):
        BatchStream(images, 0)


def test_an_abandoned_epoch_leaves_no_thread_behind(store):
    source = iter(BatchStream(UnitImages(store), 2, workers=2))
    next(source)
    source.close()
    for thread in threading.enumerate():
        if thread.name.startswith("batches"):
            thread.join(5)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batches")]


def test_a_fault_in_a_thread_reaches_the_loop(store, monkeypatch):
    images = UnitImages(store)
    monkeypatch.setattr(images, "batch", lambda positions: (_ for _ in ()).throw(RuntimeError("no disk")))
    with pytest.raises(RuntimeError, match="no disk"):
        list(BatchStream(images, 6))
