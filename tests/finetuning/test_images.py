import numpy as np
import torch

from workbench.finetuning.images import PartOf, TensorImages, held


def images_of(count):
    return torch.arange(count, dtype=torch.float32).reshape(-1, 1, 1, 1).expand(-1, 1, 4, 4).clone()


class Counted(TensorImages):
    asked = 0

    def batch(self, positions):
        Counted.asked += 1
        return super().batch(positions)


def test_a_part_keeps_its_own_order():
    part = PartOf(TensorImages(images_of(9)), np.array([7, 2, 5]))
    assert len(part) == 3
    assert part.batch(np.array([2, 0]))[:, 0, 0, 0].tolist() == [5, 7]


def test_small_sets_are_held_in_memory_and_large_ones_are_not():
    part = PartOf(TensorImages(images_of(9)), np.array([7, 2]))
    kept = held(part)
    assert isinstance(kept, TensorImages)
    assert kept.tensor[:, 0, 0, 0].tolist() == [7, 2]
    assert held(part, most_mb=1e-5) is part
    assert held(kept) is kept
    nothing = PartOf(TensorImages(images_of(2)), np.array([], dtype=int))
    assert held(nothing) is nothing
