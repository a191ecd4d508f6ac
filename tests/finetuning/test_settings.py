import pytest

from workbench.config import load_settings
from workbench.errors import InputError
from workbench.finetuning import FinetuneSettings
from workbench.training.settings import LoopSettings


@pytest.mark.parametrize(("labels", "steps"), [(10, 200), (50, 200), (51, 500), (500, 500), (501, 1000)])
def test_steps_go_by_the_number_of_labels(labels, steps):
    assert FinetuneSettings().steps_for(labels, scratch=False) == steps
    assert FinetuneSettings(scratch_steps=2).steps_for(labels, scratch=True) == 2 * steps


def test_given_steps_are_taken_whatever_the_labels():
    assert FinetuneSettings(steps=120).steps_for(10_000, scratch=False) == 120


def test_epochs_are_passes_over_the_labels_and_go_before_steps():
    settings = FinetuneSettings(epochs=100, steps=7, batch_size=128)
    assert settings.steps_per_pass(4708) == 37
    assert settings.steps_for(4708, scratch=True) == 3700
    summed = FinetuneSettings(epochs=3, batch_size=64, train=LoopSettings(accumulate=2))
    assert summed.steps_for(4708, scratch=False) == 3 * 37


@pytest.mark.parametrize(("labels", "size"), [(10, 8), (24, 12), (32, 16), (500, 16), (501, 32)])
def test_batches_are_small_where_labels_are_few(labels, size):
    assert FinetuneSettings().batch_size_for(labels) == size
    assert FinetuneSettings(batch_size=64).batch_size_for(labels) == max(8, min(64, labels // 2))


def test_few_labels_stay_nearer_the_probe():
    settings = FinetuneSettings()
    assert (settings.keep_for(500, scratch=False), settings.keep_for(501, scratch=False)) == (0.5, 1.0)
    assert settings.keep_for(10, scratch=True) == 1.0
    assert FinetuneSettings(keep=0.3).keep_for(10_000, scratch=False) == 0.3


def test_nested_settings_are_reached_by_their_names():
    settings = load_settings(FinetuneSettings, overrides=["train.lr=0.002", "augment.rotation_deg=5"])
    assert (settings.train.lr, settings.augment.rotation_deg) == (0.002, 5.0)
    with pytest.raises(InputError, match="Unknown setting 'layer_decy'.*'layer_decay'"):
        load_settings(FinetuneSettings, overrides=["layer_decy=0.7"])
