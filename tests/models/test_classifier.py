import json

import numpy as np
import pytest
import torch

from workbench.errors import InputError
from workbench.models.classifier import Classifier, batched, load_classifier, read_facts, save_classifier
from workbench.models.encoders import build_encoder


class Images:
    def __init__(self, tensor):
        self.tensor = tensor

    def __len__(self):
        return len(self.tensor)

    def batch(self, positions):
        return self.tensor[torch.as_tensor(np.asarray(positions))]


@pytest.fixture
def classifier():
    encoder = build_encoder("vit_tiny", size=32, depth=1, patch_size=8, seed=1)
    made = Classifier(encoder, ["normal", "viral"], "binary")
    made.head.start_from(np.random.default_rng(0).normal(size=(2, 192)), np.array([0.1, -0.1]))
    return made.eval()


def test_a_round_trip_is_exact(tmp_path, classifier):
    save_classifier(tmp_path, classifier, {"labels": "v2"})
    again = load_classifier(tmp_path)
    images = torch.rand(3, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(classifier(images), again(images))
    assert (again.classes, again.task) == (["normal", "viral"], "binary")
    assert read_facts(tmp_path)["labels"] == "v2"
    assert not again.training


def test_probabilities_sum_to_one_unless_each_may_be_present(classifier):
    logits = torch.tensor([[0.0, 0.0], [2.0, -1.0]])
    assert torch.allclose(classifier.probabilities(logits).sum(1), torch.ones(2))
    several = Classifier(classifier.encoder, ["a", "b"], "multilabel")
    assert several.probabilities(logits)[0].tolist() == [0.5, 0.5]


def test_wrong_files_are_the_users_mistake(tmp_path, classifier):
    with pytest.raises(InputError, match="no classifier here"):
        load_classifier(tmp_path)
    save_classifier(tmp_path, classifier)
    weights = tmp_path / "classifier.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(InputError, match="not those that its description"):
        load_classifier(weights)
    facts = json.loads((tmp_path / "classifier.json").read_text())
    del facts["classes"]
    (tmp_path / "classifier.json").write_text(json.dumps(facts))
    with pytest.raises(InputError, match="lacks 'classes'"):
        load_classifier(tmp_path)


def test_batches_do_not_change_the_outcome_nor_the_mode(classifier):
    images = Images(torch.rand(7, 1, 32, 32))
    classifier.train()
    outputs = batched(classifier, images, 3)
    assert classifier.training
    with torch.no_grad():
        assert torch.allclose(outputs, classifier.eval()(images.tensor), atol=1e-5)
    assert batched(classifier, Images(torch.rand(0, 1, 32, 32)), 3).shape == (0, 0)
