from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.study.making import make_cohort, make_features, settings_of
from workbench.config import load_settings
from workbench.errors import InputError
from workbench.runs.workspace import Workspace
from workbench.study.arms import Arm, resolve_arms
from workbench.study.settings import StudySettings


@pytest.fixture
def bench(tmp_path: Path):
    """A workspace with a cohort, its labels' targets, and a function that resolves arms."""
    workspace = Workspace(tmp_path)
    cohort, target = make_cohort(workspace, patients=30)
    test = cohort.test(cohort.labels())

    def arms(named: dict[str, Any], **values: Any) -> dict[str, Arm]:
        settings = load_settings(StudySettings, values=settings_of(named, **values))
        return {arm.name: arm for arm in resolve_arms(settings, cohort, test, workspace)}

    def features(name: str, **facts: Any) -> Path:
        return make_features(tmp_path / f"{name}.npz", cohort, target, 1.0, **facts)

    return cohort, arms, features


def pretrained(folder: Path, **facts: Any) -> Path:
    from workbench.models.checkpoint import save_encoder
    from workbench.models.encoders import build_encoder

    save_encoder(folder, build_encoder("resnet18_small", size=32), {"method": "simclr", **facts})
    return folder


def test_features_pixels_and_pca_need_no_encoder(bench) -> None:
    _, arms, features = bench
    found = arms({"a": features("a"), "raw": "pixels", "pca": "pca"})
    assert [(arm.kind, arm.reference, arm.seen) for arm in found.values()] == [
        ("features", "", "unknown"),
        ("pixels", "a", "nothing"),
        ("pca", "a", "nothing"),
    ]
    assert found["raw"].allows("knn") and not found["raw"].allows("finetune")


def test_features_say_whose_they_are(bench) -> None:
    cohort, arms, features = bench
    clean, dirty = cohort.record_pool(cohort.pool()), cohort.record_pool(cohort.manifest["scan_id"].tolist())
    home = {"cohort": cohort.name}
    kept = features("clean", encoder_facts={"pool_digest": clean.digest, **home})
    leaky = features("dirty", encoder_facts={"pool_digest": dirty.digest, **home})
    unheard = features("unheard", encoder_facts={"pool_digest": "0" * 16, **home})
    by_chance = features("chance", encoder="random:resnet18")
    found = arms({"clean": kept, "unheard": unheard, "chance": by_chance})
    assert {name: arm.seen for name, arm in found.items()} == {
        "clean": "inductive",
        "unheard": "unknown",
        "chance": "nothing",
    }
    with pytest.raises(InputError, match="pretrained on test patients.*arms.dirty = .*allow_transductive=true"):
        arms({"clean": kept, "dirty": leaky})
    found = arms({"clean": kept, "dirty": leaky}, allow_transductive=True)
    assert found["dirty"].seen == "transductive"
    assert found["dirty"].label == "dirty (transductive)"


def test_scratch_of_the_same_architecture_is_added(bench, tmp_path: Path) -> None:
    cohort, arms, _ = bench
    pool = cohort.record_pool(cohort.pool())
    encoder = str(pretrained(tmp_path / "enc", pool_digest=pool.digest, cohort=cohort.name))
    found = arms({"SimCLR": encoder}, reference="scratch", protocols=["probe", "finetune"], size=32)
    assert list(found) == ["SimCLR", "scratch resnet18_small"]
    assert found["SimCLR"].reference == "scratch resnet18_small"
    assert found["SimCLR"].seen == "inductive"
    scratch = found["scratch resnet18_small"]
    assert scratch.allows("finetune") and not scratch.allows("probe")
    assert scratch.make is not None and scratch.make().feature_dim == found["SimCLR"].make().feature_dim
    given = arms(
        {"none": "scratch:resnet18_small", "SimCLR": encoder}, reference="none", protocols=["finetune"], size=32
    )
    assert list(given) == ["none", "SimCLR"] and given["SimCLR"].reference == "none"


def test_random_features_stand_in_where_nothing_is_trained(bench, tmp_path: Path) -> None:
    _, arms, _ = bench
    encoder = str(pretrained(tmp_path / "enc"))
    found = arms({"SimCLR": encoder}, reference="scratch", protocols=["probe"], size=32)
    assert [(arm.name, arm.kind) for arm in found.values()] == [
        ("SimCLR", "encoder"),
        ("random resnet18_small", "random"),
    ]
    assert found["SimCLR"].reference == "random resnet18_small"
    assert found["SimCLR"].seen == "unknown"  # its checkpoint names no pool


def test_the_same_random_weights_every_time(bench) -> None:
    _, arms, features = bench
    named = {"a": features("a"), "chance": "random:resnet18_small"}
    first, second = (arms(named, size=32)["chance"].make() for _ in range(2))
    for key, value in first.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), second.state_dict()[key].numpy())


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"reference": "nobody"}, "'nobody' is none of the arms.*a, b"),
        ({"reference": "scratch"}, "nothing is fine-tuned and no arm is a pretrained encoder.*a, b"),
    ],
)
def test_a_reference_that_is_not_there(bench, values: dict[str, Any], words: str) -> None:
    _, arms, features = bench
    with pytest.raises(InputError, match=words):
        arms({"a": features("a"), "b": features("b")}, **values)


def test_a_features_file_that_is_not_there(bench, tmp_path: Path) -> None:
    _, arms, _ = bench
    with pytest.raises(InputError, match="does not exist"):
        arms({"a": tmp_path / "nowhere.npz"})
