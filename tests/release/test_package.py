from __future__ import annotations

import json
from pathlib import Path

import mlflow
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.release.making import make_all, real_classifier
from workbench.errors import InputError, OperationFailed
from workbench.models.checkpoint import load_encoder
from workbench.models.classifier import load_classifier
from workbench.release import onnx_file
from workbench.release.model_card import make_card
from workbench.release.package import read_manifest, write_package
from workbench.review.reviewed_model import ReviewedModel, find_model
from workbench.runs.workspace import Workspace

OUTPUTS = ["logits", "probabilities"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[ReviewedModel, Path]:
    workspace = Workspace(tmp_path_factory.mktemp("w"))
    with pytest.MonkeyPatch.context() as patch:
        key = workspace.root / "site.key"
        key.write_bytes(bytes(range(32)))
        key.chmod(0o600)
        patch.setenv("WORKBENCH_SITE_KEY_FILE", str(key))
        real_classifier(make_all(workspace).folder)
        model = find_model("reader", workspace)
        out = workspace.root / "out"
        write_package(model, make_card(workspace, model), out, ["safetensors", "onnx", "mlflow"], {"who": "Dr Lee"})
    return model, out


def test_nothing_is_a_pickle_and_every_file_is_summed(exported) -> None:
    _, out = exported
    names = {file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file()}
    assert {"classifier.onnx", "encoder.onnx", "classifier.safetensors", "encoder.safetensors", "preprocessing.json",
            "example.safetensors", "card.md", "card.html", "card.json", "mlflow/MLmodel"} <= names  # fmt: skip
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".pt", ".pth", ".ckpt"))]
    assert len((out / "SHA256SUMS").read_text().splitlines()) == len(names) - 1
    assert read_manifest(out)["who"] == "Dr Lee"


def test_onnx_answers_what_torch_answers(exported) -> None:
    model, out = exported
    import onnxruntime

    parity = read_manifest(out)["parity"]
    assert set(parity) == {"classifier.onnx", "encoder.onnx"}
    assert all(found["largest_relative"] < 1e-4 and found["pictures"] == 12 for found in parity.values())
    images = np.random.default_rng(5).random((6, 1, 32, 32), np.float32)
    classifier = load_classifier(model.folder)
    with torch.inference_mode():
        logits = classifier(torch.from_numpy(images))
    session = onnxruntime.InferenceSession(str(out / "classifier.onnx"), providers=["CPUExecutionProvider"])
    found = session.run(["logits", "probabilities"], {"images": images})
    np.testing.assert_allclose(found[0], logits.numpy(), atol=1e-4)
    np.testing.assert_allclose(found[1], logits.softmax(dim=1).numpy(), atol=1e-5)


def test_a_file_that_answers_differently_is_refused(exported) -> None:
    model, out = exported
    classifier = load_classifier(model.folder)
    with torch.no_grad():
        classifier.head.linear.bias += 1.0
    with pytest.raises(OperationFailed, match="answers differently from torch, by up to "):
        onnx_file.compare(
            onnx_file.Answers(classifier), out / "classifier.onnx", (1, 32, 32), ["logits", "probabilities"]
        )


def test_the_weights_and_the_example_fit_each_other(exported) -> None:
    model, out = exported
    example = load_file(out / "example.safetensors")
    with torch.inference_mode():
        logits = load_classifier(out)(example["images"])
        features = load_encoder(out)(example["images"])
    assert torch.equal(logits, example["logits"]) and features.shape == (2, 512)
    loaded = mlflow.pyfunc.load_model(str(out / "mlflow")).predict(example["images"].numpy())
    np.testing.assert_allclose(loaded, example["probabilities"].numpy(), atol=1e-6)
    steps = json.loads((out / "preprocessing.json").read_text())
    assert steps["input"] == {"shape": ["N", 1, 32, 32], "type": "float32", "range": [0.0, 1.0]}
    assert steps["normalisation"]["mean"] == pytest.approx([0.4]) and steps["output"]["classes"] == ["no", "yes"]


def test_a_changed_file_is_found(exported, tmp_path: Path) -> None:
    import shutil

    copy = Path(shutil.copytree(exported[1], tmp_path / "copy"))
    (copy / "card.md").write_text("# A better card")
    with pytest.raises(InputError, match="'card.md' of this export is gone or was changed"):
        read_manifest(copy)
    with pytest.raises(InputError, match="no exported model"):
        read_manifest(tmp_path)
