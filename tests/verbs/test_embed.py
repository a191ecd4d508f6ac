"""The verb on real DICOM files: features of phantom radiographs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from workbench.cohort.cohort import Cohort
from workbench.config import load_settings
from workbench.errors import InputError
from workbench.evaluation.features import load
from workbench.models import build_encoder, save_encoder
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace
from workbench.store.building import build_store
from workbench.store.datasets import UnitImages
from workbench.verbs import VERBS
from workbench.verbs.embed import EmbedResult


def call(verb: str, workspace: Workspace, **values: Any) -> Any:
    model, function = VERBS[verb].load()
    return function(load_settings(model, values=values), workspace=workspace, progress=Progress(quiet=True))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    from workbench.sources.phantom_cohort import make_cohort

    key = tmp_path_factory.mktemp("key") / "site.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_SITE_KEY_FILE", str(key))
        root = tmp_path_factory.mktemp("workspace")
        made = make_cohort(
            root / "phantom", patients=40, seed=0, lesion_cm=2.2, pixels=64, progress=Progress(quiet=True)
        )
        workspace = Workspace(root)
        call("index", workspace, sources=[str(made.folder)], cohort="phantom", workers=1)
        save_encoder(
            root / "encoder", build_encoder("vit_tiny", size=32, depth=1, patch_size=8, seed=1), {"method": "mae"}
        )
        yield workspace


def embed(workspace: Workspace, **values: Any) -> EmbedResult:
    return call("embed", workspace, **{"cohort": "phantom", "encoder": str(workspace.root / "encoder"), **values})


def images_of(workspace: Workspace, size: int) -> tuple[list[str], torch.Tensor]:
    cohort = Cohort.open(workspace.cohort_dir("phantom"))
    scans = cohort.manifest.loc[cohort.usable(), "scan_id"].tolist()
    store = build_store(cohort, size, workspace=workspace)
    return scans, UnitImages(store, store.rows_of(scans)).batch(np.arange(len(scans)))


def test_the_features_are_the_encoders_at_its_own_size(workspace: Workspace) -> None:
    result = embed(workspace, name="mine", batch_size=16)
    assert Path(result.features) == workspace.runs_dir / "embed" / "mine" / "features.npz"
    found = load(result.features)
    scans, images = images_of(workspace, 32)
    assert found.scan_id.tolist() == scans
    with torch.inference_mode():
        expected = build_encoder("vit_tiny", size=32, depth=1, patch_size=8, seed=1).eval()(images).numpy()
    assert np.allclose(found.features, expected, atol=1e-5)
    assert found.facts["encoder_facts"]["method"] == "mae"
    assert (result.scans, result.dim, result.left_out) == (len(scans), 192, 0)
    assert f"{len(scans)} scans, 192 features each" in result.summary()


def test_pixels_are_averaged_to_32(workspace: Workspace, tmp_path: Path) -> None:
    result = embed(workspace, encoder="pixels", size=64, out=str(tmp_path / "pixels.parquet"))
    scans, images = images_of(workspace, 64)
    expected = images.reshape(len(scans), 32, 2, 32, 2).mean(dim=(2, 4)).reshape(len(scans), -1)
    assert result.dim == 1024
    assert np.allclose(load(tmp_path / "pixels.parquet").features, expected.numpy(), atol=1e-6)


def test_a_random_encoder_is_the_same_for_the_same_seed(workspace: Workspace) -> None:
    one, two, other = (
        load(embed(workspace, encoder="random:resnet18", size=32, seed=seed).features).features for seed in (4, 4, 5)
    )
    assert np.array_equal(one, two)
    assert not np.allclose(one, other, atol=1e-3)


def test_what_the_user_gets_wrong(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="no cohort 'nothing'"):
        embed(workspace, cohort="nothing")
    with pytest.raises(InputError, match="no encoder 'nothing'"):
        embed(workspace, encoder="nothing")
    with pytest.raises(InputError, match="kept as .npz or .parquet"):
        embed(workspace, out="features.txt")
    with pytest.raises(InputError, match="The device 'cuda:9' cannot be used.*device=cpu"):
        embed(workspace, device="cuda:9")
    with pytest.raises(InputError, match="precision"):
        embed(workspace, precision="fp8")
