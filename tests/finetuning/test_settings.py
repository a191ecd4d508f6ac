import pytest

from workbench.config import load_settings
from workbench.errors import InputError
from workbench.finetuning import FinetuneSettings


@pytest.mark.parametrize(("labels", "steps"), [(10, 200), (50, 200), (51, 500), (500, 500), (501, 1000)])
def test_steps_go_by_the_number_of_labels(labels, steps):
    assert FinetuneSettings().steps_for(labels, scratch=False) == steps
    assert FinetuneSettings(scratch_steps=2).steps_for(labels, scratch=True) == 2 * steps


def test_given_steps_are_taken_whatever_the_labels():
    assert FinetuneSettings(steps=120).steps_for(10_000, scratch=False) == 120


def test_nested_settings_are_reached_by_their_names():
    settings = load_settings(FinetuneSettings, overrides=["train.lr=0.002", "augment.rotation_deg=5"])
    assert (settings.train.lr, settings.augment.rotation_deg) == (0.002, 5.0)
    with pytest.raises(InputError, match="Unknown setting 'layer_decy'.*'layer_decay'"):
        load_settings(FinetuneSettings, overrides=["layer_decy=0.7"])
