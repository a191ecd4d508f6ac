import numpy as np
import torch

from workbench.finetuning.images import TensorImages
from workbench.finetuning.stream import LabelledStream


def stream_of(count, batch_size, batches, seed=3):
    return LabelledStream(TensorImages(torch.rand(count, 1, 2, 2)), batch_size, seed, batches)


def test_every_pass_has_every_scan_once_over_the_borders_of_batches():
    stream = stream_of(10, 4, 5)
    assert len(stream) == 5
    seen = np.concatenate([positions for positions, _ in stream])
    assert sorted(seen[:10]) == list(range(10))
    assert sorted(seen[10:]) == list(range(10))
    assert seen[:10].tolist() != seen[10:].tolist()


def test_a_set_smaller_than_a_batch_is_passed_several_times():
    positions, images = next(iter(stream_of(3, 8, 1)))
    assert np.bincount(positions).tolist() in ([3, 3, 2], [3, 2, 3], [2, 3, 3])
    assert images.shape == (8, 1, 2, 2)


def test_images_belong_to_their_positions():
    stream = stream_of(5, 3, 2)
    for positions, images in stream:
        assert torch.equal(images, stream.images.tensor[positions])


def test_a_stream_goes_on_where_another_stopped():
    whole = [positions.tolist() for positions, _ in stream_of(7, 3, 6)]
    first = stream_of(7, 3, 3)
    begun = [positions.tolist() for positions, _ in first]
    second = stream_of(7, 3, 3)
    second.load_state_dict(first.state_dict())
    assert begun + [positions.tolist() for positions, _ in second] == whole
    assert [positions.tolist() for positions, _ in first] == whole[3:]  # the next iteration is the next stretch


def test_another_seed_is_another_order():
    orders = [stream_of(30, 30, 1, seed).positions(0).tolist() for seed in (1, 2, 1)]
    assert orders[0] == orders[2] != orders[1]
