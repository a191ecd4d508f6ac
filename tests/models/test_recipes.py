import pytest
from torch import nn

from workbench.errors import InputError
from workbench.models import recipes


def test_default_patches_leave_at_least_six_by_six():
    sizes = {28: 4, 32: 4, 64: 8, 96: 16, 128: 16, 224: 16}
    assert {size: recipes.default_patch(size) for size in sizes} == sizes


def test_an_unknown_name_gets_the_nearest_right_one():
    with pytest.raises(InputError, match=r"There is no encoder 'resnet81'.*Did you mean 'resnet18'\?"):
        recipes.resolve("resnet81", 1, 64, {})


def test_patches_must_tile_the_image():
    with pytest.raises(InputError, match=r"Patches of 12 pixels do not tile images of 64 pixels.*4, 8, 16, 32"):
        recipes.resolve("vit_tiny", 1, 64, {"patch_size": 12})
    with pytest.raises(InputError, match="divisible by 8"):
        recipes.resolve("vit_tiny", 1, 61, {})


def test_a_dense_network_needs_29_pixels():
    with pytest.raises(InputError, match="at least 29 pixels; 28"):
        recipes.resolve("densenet121", 1, 28, {})


def test_no_channels_cannot_be_built():
    with pytest.raises(InputError, match="0 channels"):
        recipes.resolve("resnet18", 0, 64, {})


def test_the_recipe_of_a_vit_holds_every_argument():
    assert recipes.resolve("vit_small", 3, 96, {"depth": 2}) == {
        "library": "timm",
        "function": "vit_small_patch16_224",
        "arguments": {"depth": 2, "img_size": 96, "patch_size": 16},
        "in_channels": 3,
        "stem": "standard",
    }


@pytest.mark.parametrize("name", ["resnet18", "convnext_tiny"])
def test_an_argument_that_the_library_does_not_know_is_the_users_mistake(name):
    with pytest.raises(InputError, match="cannot build"):
        recipes.construct(recipes.resolve(name, 1, 64, {"dpeth": 3}))


def test_the_small_stem_keeps_28_pixels_until_the_second_stage():
    network = recipes.construct(recipes.resolve("resnet18_small", 1, 28, {}))
    assert (network.conv1.kernel_size, network.conv1.stride, network.conv1.padding) == ((3, 3), (1, 1), (1, 1))
    assert isinstance(network.maxpool, nn.Identity)
