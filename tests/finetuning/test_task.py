import numpy as np
import pytest
import torch

from workbench.finetuning.images import TensorImages
from workbench.finetuning.task import FinetuneTask
from workbench.finetuning.validation import Validation
from workbench.models.classifier import Classifier
from workbench.models.encoders import build_encoder
from workbench.training.settings import LoopSettings


def unchanged(images, *, generator):
    return images


def task_of(name="vit_tiny", **arguments):
    small = {"depth": 2, "patch_size": 8} if name.startswith("vit") else {}
    classifier = Classifier(build_encoder(name, size=16, seed=0, **small), ["a", "b"], "binary")
    return FinetuneTask(classifier, np.array([0, 1, 1]), unchanged, **arguments)


def test_each_layer_nearer_the_input_learns_slower_and_nothing_is_left_out():
    task = task_of(layer_decay=0.5)
    groups = task.parameter_groups(LoopSettings(lr=0.01))
    listed = [id(p) for group in groups for p in group["params"]]
    assert sorted(listed) == sorted(id(p) for p in task.parameters())
    rate_of = {id(p): group["lr"] for group in groups for p in group["params"]}
    encoder = task.classifier.encoder
    assert rate_of[id(task.classifier.head.linear.weight)] == 0.01
    assert rate_of[id(encoder.vit.norm.weight)] == pytest.approx(0.005)
    assert rate_of[id(encoder.vit.blocks[1].mlp.fc1.weight)] == pytest.approx(0.0025)
    assert rate_of[id(encoder.vit.blocks[0].mlp.fc1.weight)] == pytest.approx(0.00125)
    assert rate_of[id(encoder.vit.pos_embed)] == pytest.approx(0.000625)
    decays = {id(p): group.get("weight_decay") for group in groups for p in group["params"]}
    assert decays[id(encoder.vit.pos_embed)] == 0.0
    assert decays[id(encoder.vit.blocks[0].norm1.bias)] == 0.0
    assert decays[id(encoder.vit.blocks[0].mlp.fc1.weight)] is None


def test_what_does_not_learn_is_not_listed():
    task = task_of()
    task.classifier.encoder.vit.pos_embed.requires_grad_(False)  # as MAE leaves it
    listed = {id(p) for group in task.parameter_groups(LoopSettings()) for p in group["params"]}
    assert id(task.classifier.encoder.vit.pos_embed) not in listed


def test_the_loss_is_that_of_the_positions():
    task = task_of()
    with torch.no_grad():
        task.classifier.head.linear.bias.copy_(torch.tensor([2.0, 0.0]))
    generator = torch.Generator().manual_seed(0)
    right = task.training_step(torch.rand(1, 1, 16, 16), np.array([0]), generator=generator)["loss"]
    wrong = task.training_step(torch.rand(1, 1, 16, 16), np.array([2]), generator=generator)["loss"]
    assert float(right.detach()) == pytest.approx(0.126928, abs=1e-5)
    assert float(wrong.detach()) == pytest.approx(2.126928, abs=1e-5)


def test_statistics_of_batch_norms_are_kept_or_measured():
    images, generator = torch.rand(8, 1, 16, 16) + 3, torch.Generator().manual_seed(0)
    for keep in (True, False):
        task = task_of("resnet18_small", keep_statistics=keep).train()
        before = task.classifier.encoder.network.bn1.running_mean.clone()
        task.training_step(images, np.zeros(8, int), generator=generator)
        assert torch.equal(before, task.classifier.encoder.network.bn1.running_mean) is keep
        assert task.classifier.training


def test_weights_are_averaged_from_the_second_step_on():
    task = task_of(ema=0.9)
    bias = task.classifier.head.linear.bias
    for step, value in enumerate((1.0, 2.0, 3.0), start=1):
        with torch.no_grad():
            bias.fill_(value)
        task.on_step_end(step)
    after_two = 1.0 + (2.0 - 1.0) * (1 - 3 / 12)
    after_three = after_two + (3.0 - after_two) * (1 - 4 / 13)
    task.take_kept()
    assert bias.tolist() == pytest.approx([after_three] * 2)
    task.take_kept()  # nothing is left to take
    assert bias.tolist() == pytest.approx([after_three] * 2)


def test_without_averaging_the_last_weights_stay():
    task = task_of(ema=0.0)
    before = task.classifier.head.linear.bias.clone()
    task.on_step_end(1)
    with torch.no_grad():
        task.classifier.head.linear.bias.add_(1)
    task.on_step_end(2)
    task.take_kept()
    assert torch.equal(task.classifier.head.linear.bias, before + 1)


class Scored(Validation):
    """Validation whose AUCs are known beforehand, and which notes the bias it was asked about."""

    def __init__(self, *aucs):
        super().__init__(TensorImages(torch.zeros(0)), np.zeros(0), np.zeros(0))
        object.__setattr__(self, "aucs", list(aucs))
        object.__setattr__(self, "asked", [])

    def score(self, classifier):
        self.asked.append(classifier.head.linear.bias.tolist()[0])  # pyright: ignore[reportAttributeAccessIssue]
        return {"validation_auc": self.aucs.pop(0), "validation_loss": 0.0}  # pyright: ignore[reportAttributeAccessIssue]


def pass_through(task, values, first=1):
    for epoch, value in enumerate(values, start=first):
        with torch.no_grad():
            task.classifier.head.linear.bias.fill_(value)
        task.on_step_end(epoch)
        assert task.on_epoch_end(epoch)["validation_loss"] == 0.0
        assert task.classifier.head.linear.bias.tolist() == [value] * 2  # training goes on from its own weights


@pytest.mark.parametrize(("select", "kept", "epoch"), [("best", 2.0, 2), ("last", 4.0, 0)])
def test_the_first_of_the_best_weights_is_kept(select, kept, epoch):
    task = task_of(ema=0.0, validation=Scored(0.6, 0.9, 0.9, 0.7), select=select)
    pass_through(task, [1.0, 2.0, 3.0, 4.0])
    task.take_kept()
    assert task.classifier.head.linear.bias.tolist() == [kept] * 2
    assert task.best_epoch == epoch


def test_the_averages_are_what_is_scored_and_kept():
    validation = Scored(0.6, 0.9)
    task = task_of(ema=0.9, validation=validation, select="best")
    pass_through(task, [1.0, 2.0])
    average = 1.0 + (2.0 - 1.0) * (1 - 3 / 12)
    assert validation.asked == pytest.approx([1.0, average])  # pyright: ignore[reportAttributeAccessIssue]
    task.take_kept()
    assert task.classifier.head.linear.bias.tolist() == pytest.approx([average] * 2)


def test_the_best_weights_outlive_a_checkpoint():
    first = task_of(ema=0.0, validation=Scored(0.9), select="best")
    pass_through(first, [1.0])
    second = task_of(ema=0.0, validation=Scored(0.8), select="best")
    second.load_state_dict(first.state_dict())
    pass_through(second, [2.0], first=2)
    second.take_kept()
    assert (second.classifier.head.linear.bias.tolist(), second.best_epoch) == ([1.0] * 2, 1)
