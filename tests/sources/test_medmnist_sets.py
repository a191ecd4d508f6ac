import re

import pytest

from workbench.errors import InputError
from workbench.sources.medmnist_sets import SETS, SIZES, find_set


def test_the_twelve_sets_are_complete():
    assert len({item.name for item in SETS}) == len(SETS) == 12
    for item in SETS:
        assert item.task in ("binary", "multiclass", "multilabel", "ordinal")
        assert len(item.labels) >= 2 and len(set(item.labels)) == len(item.labels)
        assert (item.task == "binary") == (len(item.labels) == 2)
        assert tuple(item.md5) == SIZES and all(re.fullmatch("[0-9a-f]{32}", digest) for digest in item.md5.values())
        assert item.channels in (1, 3) and min(item.counts) > 0
    assert len({digest for item in SETS for digest in item.md5.values()}) == 48


def test_known_facts():
    pneumonia = find_set("PneumoniaMNIST")
    assert pneumonia.labels == ("normal", "pneumonia") and pneumonia.counts == (4708, 524, 624)
    assert pneumonia.file_name(28) == "pneumoniamnist.npz" and pneumonia.file_name(64) == "pneumoniamnist_64.npz"
    assert find_set("chest-mnist").task == "multilabel" and len(find_set("chestmnist").labels) == 14
    assert find_set("retinamnist").task == "ordinal"


def test_a_misspelt_name_is_helped():
    with pytest.raises(InputError, match="Did you mean 'bloodmnist'"):
        find_set("bloodmnsit")
    with pytest.raises(InputError, match="organsmnist"):
        find_set("xyz")
