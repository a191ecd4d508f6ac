import math

import numpy as np
import pytest
import torch

from workbench.finetuning.losses import log_loss, training_loss


def test_classes_are_scored_by_softmax():
    logits = torch.tensor([[0.0, math.log(3.0)], [0.0, 0.0]])
    expected = (-math.log(0.75) - math.log(0.5)) / 2
    assert float(training_loss(logits, torch.tensor([1, 0]))) == pytest.approx(expected)
    probabilities = logits.softmax(1).numpy()
    assert log_loss(probabilities, np.array([1, 0])) == pytest.approx(expected, abs=1e-6)


def test_findings_are_scored_by_sigmoid_and_unknown_ones_not_at_all():
    logits = torch.tensor([[0.0, 50.0], [math.log(3.0), 7.0]], requires_grad=True)
    targets = torch.tensor([[1.0, math.nan], [0.0, math.nan]])
    expected = (-math.log(0.5) - math.log(0.25)) / 2
    loss = training_loss(logits, targets)
    assert float(loss.detach()) == pytest.approx(expected)
    loss.backward()
    assert logits.grad[:, 1].tolist() == [0, 0]
    assert log_loss(logits.detach().sigmoid().numpy(), targets.numpy()) == pytest.approx(expected, abs=1e-6)


def test_nothing_known_is_no_loss_and_a_sure_error_is_finite():
    assert float(training_loss(torch.zeros(2, 1), torch.full((2, 1), math.nan))) == 0.0
    assert math.isnan(log_loss(np.full((2, 1), 0.5), np.full((2, 1), np.nan)))
    assert log_loss(np.array([[1.0, 0.0]]), np.array([1])) == pytest.approx(-math.log(1e-6))
