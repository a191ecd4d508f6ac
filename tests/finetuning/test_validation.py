import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from workbench.errors import InputError
from workbench.finetuning.images import TensorImages
from workbench.finetuning.validation import Validation
from workbench.models.classifier import Classifier
from workbench.models.encoders import build_encoder


def of(targets, classes=2):
    images = TensorImages(torch.rand(len(targets), 1, 16, 16, generator=torch.Generator().manual_seed(0)))
    return Validation.of(images, np.asarray(targets), np.arange(len(targets)), classes)


def test_auc_and_log_loss_agree_with_sklearn_and_the_mode_is_left_alone():
    targets = np.arange(40) % 2
    validation = of(targets)
    classifier = Classifier(build_encoder("resnet18_small", size=16, seed=0), ["a", "b"], "binary").train()
    with torch.no_grad():
        classifier.head.linear.weight.normal_(generator=torch.Generator().manual_seed(1))
    told = validation.score(classifier)
    assert classifier.training
    with torch.inference_mode():
        scores = classifier.probabilities(classifier.eval()(validation.images.batch(np.arange(40)))).numpy()
    assert told["validation_auc"] == pytest.approx(sk.roc_auc_score(targets, scores[:, 1]))
    assert told["validation_loss"] == pytest.approx(sk.log_loss(targets, scores), abs=1e-5)


@pytest.mark.parametrize("targets", [[], [1, 1, 1], [[1.0, np.nan], [1.0, np.nan]]])
def test_scans_that_tell_no_auc_are_refused(targets):
    with pytest.raises(InputError, match="do not tell an AUC"):
        of(targets)
