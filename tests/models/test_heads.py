import numpy as np
import torch

from workbench.models.heads import LinearHead, ProjectionHead


def test_a_new_head_finds_all_classes_alike():
    head = LinearHead(5, 3)
    assert head(torch.rand(2, 5)).tolist() == [[0, 0, 0], [0, 0, 0]]


def test_a_head_takes_over_a_probe():
    head = LinearHead(2, 2)
    head.start_from(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.5, -0.5]))
    assert head(torch.tensor([[1.0, 10.0]])).tolist() == [[21.5, 42.5]]


def test_the_projection_head_is_lightlys():
    head = ProjectionHead(8, hidden=16, dim=4, layers=3)
    assert head(torch.rand(6, 8)).shape == (6, 4)
    assert sum(isinstance(module, torch.nn.Linear) for module in head.modules()) == 3
