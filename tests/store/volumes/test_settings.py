import pytest
from pydantic import ValidationError

from workbench.store.volumes.settings import VolumeSettings


def test_one_number_is_a_cube():
    assert VolumeSettings(spacing=2).spacing_mm == (2, 2, 2)
    assert VolumeSettings(spacing=(3, 1, 1)).spacing_mm == (3, 1, 1)
    assert VolumeSettings().spacing_mm is None


@pytest.mark.parametrize(
    "values",
    [
        {"spacing": 0},
        {"spacing": (1, 1, 60)},
        {"spacing": (1, 1)},
        {"ct_window": (400, -1000)},
        {"percentiles": (-1, 99)},
        {"orientation": "ras"},
    ],
)
def test_impossible_settings(values):
    with pytest.raises(ValidationError):
        VolumeSettings(**values)


def test_the_digest_names_the_content():
    assert VolumeSettings(spacing=2).store_digest() == VolumeSettings(spacing=(2, 2, 2)).store_digest()
    others = [VolumeSettings(), VolumeSettings(spacing=2), VolumeSettings(tilted="straighten")]
    assert len({settings.store_digest() for settings in others}) == 3
