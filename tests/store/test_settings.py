import pytest

from workbench.config import load_settings
from workbench.errors import InputError
from workbench.store import StoreSettings


def test_every_setting_decides_the_stores_name():
    names = {
        StoreSettings(**change).store_digest()
        for change in ({}, {"size": 64}, {"channels": 3}, {"ct_window": (-160, 240)}, {"percentiles": (0, 100)})
    }
    assert len(names) == 5
    assert all(len(name) == 8 for name in names)
    assert StoreSettings().store_digest() == StoreSettings(size=256).store_digest()


@pytest.mark.parametrize(
    "word", ["ct_window=[400, -1000]", "percentiles=[99, 1]", "percentiles=[-1, 99]", "size=2", "channels=2"]
)
def test_impossible_settings_are_refused(word):
    with pytest.raises(InputError, match=word.partition("=")[0]):
        load_settings(StoreSettings, overrides=[word])
