import subprocess
import sys

import pytest

from workbench.augmentation import AugmentSettings
from workbench.config import load_settings
from workbench.errors import InputError


def test_lists_from_yaml_become_pairs():
    assert load_settings(AugmentSettings, overrides=["crop_scale=[0.6, 1.0]"]).crop_scale == (0.6, 1.0)


@pytest.mark.parametrize("word", ["crop_scale=[1.0, 0.5]", "crop_scale=[0, 1]", "contrast=1.5", "flip=left"])
def test_impossible_strengths_are_refused(word):
    with pytest.raises(InputError, match=word.partition("=")[0]):
        load_settings(AugmentSettings, overrides=[word])


def test_settings_are_read_without_torch():
    code = "import sys, workbench.augmentation; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
