from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from workbench.config import load_settings
from workbench.errors import InputError
from workbench.pretraining.methods import METHODS, method_named
from workbench.pretraining.settings import PretrainSettings

PRESETS = Path(__file__).resolve().parents[2] / "experiments" / "pretrain"


def test_methods_bring_their_encoder_and_views() -> None:
    simclr, mae = PretrainSettings(), PretrainSettings(method="mae")
    assert (simclr.encoder, mae.encoder) == ("resnet18", "vit_tiny")
    assert (simclr.augment.crop_scale, mae.augment.crop_scale) == ((0.4, 1.0), (0.6, 1.0))
    assert (simclr.augment.contrast, mae.augment.contrast) == (0.4, 0.0)


def test_what_the_user_says_stands() -> None:
    mae = load_settings(PretrainSettings, overrides=["method=mae", "encoder=vit_small", "augment.noise=0.1"])
    assert (mae.encoder, mae.augment.noise, mae.augment.rotation_deg) == ("vit_small", 0.1, 5.0)


def test_written_and_read_again_they_are_the_same(tmp_path: Path) -> None:
    settings = load_settings(PretrainSettings, overrides=["method=mae", "augment.rotation_deg=3", "train.steps=7"])
    (tmp_path / "settings.yaml").write_text(settings.to_yaml())
    assert load_settings(PretrainSettings, file=tmp_path / "settings.yaml") == settings


def test_the_loop_gets_how_much() -> None:
    settings = load_settings(PretrainSettings, overrides=["epochs=7", "batch_size=33", "seed=4", "train.lr=0.5"])
    loop = settings.loop()
    assert (loop.epochs, loop.batch_size, loop.seed, loop.lr) == (7, 33, 4, 0.5)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("simclr.temprature=0.1", "Did you mean 'simclr.temperature'"),
        ("method=byol", "Setting 'method' = 'byol'"),
        ("mae.mask_ratio=1.5", "Setting 'mae.mask_ratio' = 1.5"),
        ("augment=3", "Setting 'augment' = 3"),
    ],
)
def test_mistakes_are_named(word: str, message: str) -> None:
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        load_settings(PretrainSettings, overrides=[word])


@pytest.mark.parametrize("name", ["simclr", "mae"])
def test_presets_hold_what_the_methods_recommend(name: str) -> None:
    """A preset differs from the defaults only where it says so, and every constant has its source behind it."""
    preset = load_settings(PretrainSettings, file=PRESETS / f"{name}.yaml")
    method = method_named(name)
    assert preset.method == name
    assert preset.encoder == method.encoder
    own = PretrainSettings(method=name)  # pyright: ignore[reportArgumentType]
    assert (preset.simclr, preset.mae, preset.augment) == (own.simclr, own.mae, own.augment)
    text = (PRESETS / f"{name}.yaml").read_text()
    assert set(yaml.safe_load(text)) <= set(PretrainSettings.model_fields)


def test_unknown_methods() -> None:
    assert list(METHODS) == ["simclr", "mae"]
    with pytest.raises(InputError, match="Known: simclr, mae"):
        method_named("byol")
