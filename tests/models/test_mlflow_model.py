from types import SimpleNamespace

import mlflow
import numpy as np
import pytest
import torch

from workbench.models import mlflow_model
from workbench.models.checkpoint import save_encoder
from workbench.models.encoders import build_encoder
from workbench.models.recipes import NAMES

SIZES = {"resnet18_small": 28, "vit_tiny": 32, "vit_small": 32, "vit_base": 32}


@pytest.mark.parametrize("name", NAMES)
def test_the_logged_model_equals_the_encoder(tmp_path, name):
    size = SIZES.get(name, 40)
    arguments = {"depth": 1, "patch_size": 8} if name.startswith("vit") else {}
    encoder = build_encoder(name, size=size, in_channels=2, seed=6, **arguments).eval()
    encoder.set_normalisation([0.3, 0.4], 0.2)
    save_encoder(tmp_path, encoder)
    model = mlflow_model.EncoderModel()
    files = {"weights": str(tmp_path / "encoder.safetensors"), "facts": str(tmp_path / "encoder.json")}
    model.load_context(SimpleNamespace(artifacts=files))
    images = np.random.default_rng(0).random((2, 2, size, size), np.float32)
    with torch.inference_mode():
        expected = encoder(torch.from_numpy(images)).numpy()
    assert np.array_equal(model.predict(None, images), expected)


def test_through_mlflow_without_a_pickle(tmp_path):
    encoder = build_encoder("vit_tiny", size=32, depth=1, patch_size=8, pool="token", seed=6).eval()
    save_encoder(tmp_path / "run", encoder)
    mlflow.pyfunc.save_model(
        str(tmp_path / "model"),
        python_model=mlflow_model.__file__,
        artifacts={
            "weights": str(tmp_path / "run" / "encoder.safetensors"),
            "facts": str(tmp_path / "run" / "encoder.json"),
        },
        pip_requirements=["torch"],
    )
    assert not [file for file in (tmp_path / "model").rglob("*") if file.suffix in (".pkl", ".pickle", ".pt")]
    images = np.random.default_rng(0).random((3, 1, 32, 32), np.float32)
    with torch.inference_mode():
        expected = encoder(torch.from_numpy(images)).numpy()
    found = mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(images)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_a_classifier_answers_with_probabilities(tmp_path, task):
    from workbench.models.classifier import Classifier, save_classifier

    torch.manual_seed(0)
    classifier = Classifier(build_encoder("resnet18_small", size=28, seed=6), ["a", "b", "c"], task).eval()
    torch.nn.init.normal_(classifier.head.linear.weight)
    save_classifier(tmp_path, classifier)
    model = mlflow_model.EncoderModel()
    files = {"weights": str(tmp_path / "classifier.safetensors"), "facts": str(tmp_path / "classifier.json")}
    model.load_context(SimpleNamespace(artifacts=files))
    images = np.random.default_rng(0).random((5, 1, 28, 28), np.float32)
    with torch.inference_mode():
        expected = classifier.probabilities(classifier(torch.from_numpy(images))).numpy()
    assert np.array_equal(model.predict(None, images), expected)
