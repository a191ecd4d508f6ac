import numpy as np
import pytest
import torch

from workbench.augmentation.settings import AugmentSettings
from workbench.errors import InputError, OperationFailed
from workbench.evaluation.features import extract
from workbench.evaluation.standardise import Standardiser
from workbench.finetuning import arm
from workbench.finetuning.arm import Budget, finetune_arm, finetune_model, predict_probabilities
from workbench.finetuning.images import TensorImages
from workbench.finetuning.losses import log_loss
from workbench.finetuning.settings import FinetuneSettings
from workbench.finetuning.validation import Validation
from workbench.models.encoders import build_encoder
from workbench.runs.folder import RunFolder
from workbench.runs.workspace import Workspace
from workbench.training.settings import LoopSettings

STILL = AugmentSettings(
    crop_scale=(1, 1), crop_ratio=(1, 1), rotation_deg=0, brightness=0, contrast=0, gamma=0, noise=0, blur=0
)
QUICK = {"augment": STILL, "batch_size": 8, "train": LoopSettings(precision="fp32", channels_last="off", lr=3e-3)}


def settings_of(steps=20, **changes):
    return FinetuneSettings(**{**QUICK, "steps": steps, **changes})


def make():
    return build_encoder("vit_tiny", size=16, patch_size=8, depth=1, embed_dim=24, num_heads=2, seed=0)


def scans(count, seed=0):
    """Bright (class 0), striped (1) or dark (2), in noise."""
    rng = np.random.default_rng(seed)
    images = rng.random((count, 1, 16, 16), np.float32) * 0.4
    targets = np.arange(count) % 3
    images[targets == 0] += 0.5
    images[targets == 1, :, ::2] += 0.5
    return TensorImages(torch.from_numpy(images)), targets


def budget_of(count=24, seed=0):
    images, targets = scans(count, seed)
    return Budget(images, targets, np.arange(count))


def accuracy(probabilities, targets):
    return float((probabilities.argmax(1) == targets).mean())


def test_it_learns_from_few_labels_and_repeats_exactly():
    train, targets = scans(24)
    test, truth = scans(60, seed=1)
    first = finetune_arm(make, train, targets, test, np.arange(24), settings_of(60), 7, classes=3)
    again = finetune_arm(make, train, targets, test, np.arange(24), settings_of(60), 7, classes=3)
    assert first.shape == (60, 3)
    assert first.dtype == np.float32
    assert np.allclose(first.sum(1), 1, atol=1e-5)
    assert accuracy(first, truth) > 0.95
    assert np.array_equal(first, again)


def test_another_seed_is_another_training():
    train, targets = scans(24)
    one, two = (
        finetune_arm(make, train, targets, train, np.arange(24), settings_of(5), seed, classes=3, scratch=True)
        for seed in (1, 2)
    )
    assert not np.array_equal(one, two)


def test_from_scratch_there_is_no_probe_and_the_input_is_normalised(monkeypatch):
    monkeypatch.setattr(arm, "probe_head", lambda *a, **k: pytest.fail("a probe was fitted"))
    found = finetune_model(make, budget_of(), settings_of(80), 3, classes=list("abc"), scratch=True)
    images, targets = scans(60, seed=1)
    assert accuracy(predict_probabilities(found.classifier, images), targets) > 0.8
    assert found.chosen.keep == 1.0
    assert float(found.classifier.encoder.mean) == pytest.approx(float(scans(24)[0].tensor.mean()), abs=1e-6)


def test_from_scratch_every_draw_begins_elsewhere():
    budget = budget_of()
    begun = [arm.start(make, budget, settings_of(), seed, list("abc"), "multiclass", True) for seed in (1, 1, 2)]
    first, again, other = (classifier.encoder.vit.blocks[0].mlp.fc1.weight for classifier in begun)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_share_kept_goes_from_the_probe_to_the_trained_end():
    budget = budget_of()
    test, _ = scans(30, seed=1)
    found = {
        keep: predict_probabilities(
            finetune_model(make, budget, settings_of(10, keep=keep), 3, classes=list("abc")).classifier, test
        )
        for keep in (0.0, 0.5, 1.0)
    }
    features = extract(make(), budget.images)
    weights, bias = arm.probe_head(features, budget.targets, budget.groups, 3, arm.mix(3, "probe"))
    logits = torch.from_numpy(extract(make(), test) @ weights.T + bias)
    assert np.allclose(found[0.0], logits.softmax(1).numpy(), atol=1e-5)
    assert not np.allclose(found[0.5], found[0.0], atol=1e-4)
    assert not np.allclose(found[0.5], found[1.0], atol=1e-4)


def test_known_features_are_used_and_not_computed_again(monkeypatch):
    budget = budget_of()
    features = extract(make(), budget.images)
    standardiser = Standardiser.fit(features)
    test, _ = scans(6, seed=1)
    monkeypatch.setattr(arm, "extract", lambda *a, **k: pytest.fail("features were computed"))
    found = finetune_arm(
        make, budget.images, budget.targets, test, budget.groups, settings_of(2), 0,
        classes=3, features=features, standardiser=standardiser,
    )  # fmt: skip
    assert found.shape == (6, 3)


def test_several_findings_with_unknown_ones():
    images, targets = scans(30)
    findings = np.stack([targets == 0, targets == 1], 1).astype(np.float32)
    findings[:4, 1] = np.nan
    test, truth = scans(30, seed=1)
    found = finetune_arm(make, images, findings, test, np.arange(30), settings_of(60), 1, classes=2)
    assert found.shape == (30, 2)
    assert ((found[:, 0] > 0.5) == (truth == 0)).mean() > 0.9
    assert ((found[:, 1] > 0.5) == (truth == 1)).mean() > 0.9


def test_a_budget_of_one_class_gives_everybody_its_frequencies():
    images, _ = scans(4)
    found = finetune_arm(make, images, np.array([1, 1, 1, 1]), images, np.arange(4), settings_of(), 0, classes=3)
    assert found[0].tolist() == pytest.approx([1 / 7, 5 / 7, 1 / 7])
    assert (found == found[0]).all()


def test_a_class_that_the_budget_lacks_gets_little():
    images, targets = scans(24)
    rows = np.flatnonzero(targets < 2)
    part = budget_of().part(rows)
    found = finetune_arm(make, part.images, part.targets, images, part.groups, settings_of(10), 0, classes=3)
    assert found.shape == (24, 3)
    assert found[:, 2].max() < 0.34


def test_learning_rate_and_share_by_cross_validation_inside_the_budget():
    budget = budget_of(51)
    chosen = finetune_model(make, budget, settings_of(6, tune=True), 3, classes=list("abc")).chosen
    assert set(chosen.losses) == {f"{lr}/{keep}" for lr in ("0.003", "0.001", "0.009") for keep in ("0", "0.5", "1")}
    assert min(chosen.losses, key=lambda key: chosen.losses[key]) == f"{chosen.lr:.3g}/{chosen.keep:g}"
    assert chosen.probabilities.shape == (51, 3)
    assert log_loss(chosen.probabilities, budget.targets) == pytest.approx(min(chosen.losses.values()))
    scratch = finetune_model(make, budget, settings_of(2, tune=True), 3, classes=list("abc"), scratch=True).chosen
    assert set(scratch.losses) == {"0.003/1", "0.001/1", "0.009/1"}


def test_folds_alone_choose_how_far_to_go():
    chosen = finetune_model(make, budget_of(24), settings_of(2, folds=2), 3, classes=list("abc")).chosen
    assert set(chosen.losses) == {"0.003/0", "0.003/0.5", "0.003/1"}
    fixed = finetune_model(make, budget_of(24), settings_of(2, folds=2, keep=0.3), 3, classes=list("abc")).chosen
    assert (set(fixed.losses), fixed.keep) == ({"0.003/0.3"}, 0.3)


def test_held_out_scans_are_scored_without_their_patients():
    images, targets = scans(24)
    wrong = targets.copy()
    wrong[0] = 1  # a wrong label is not learned by the folds that score it
    chosen = finetune_model(
        make, Budget(images, wrong, np.arange(24)), settings_of(40, folds=3), 3, classes=list("abc")
    ).chosen
    assert chosen.probabilities[0].argmax() == 0


def test_a_small_budget_is_not_tuned():
    chosen = finetune_model(make, budget_of(24), settings_of(2, tune=True), 3, classes=list("abc")).chosen
    assert (chosen.losses, chosen.lr, chosen.probabilities) == ({}, 3e-3, None)


def test_folds_that_cannot_be_scored_leave_the_middle():
    images, targets = scans(60)
    one_patient = Budget(images, targets, np.zeros(60))
    chosen = arm.cross_validate(make, one_patient, settings_of(2, folds=3), 3, list("abc"), "multiclass", False)
    assert (chosen.lr, chosen.keep, chosen.losses) == (3e-3, 0.5, {})


def test_a_run_is_told_and_goes_on_after_a_stop(tmp_path):
    settings = settings_of(30)
    whole = finetune_model(make, budget_of(), settings, 5, classes=list("abc"))
    run = RunFolder.create(Workspace(tmp_path), "finetune", settings, "one", quiet=True)
    budget = budget_of()
    with run:
        run.request_stop()
        part = finetune_model(make, budget, settings, 5, classes=list("abc"), run=run)
    assert part.stopped
    assert part.steps < 30
    assert run.status().state == "stopped"
    with run:
        rest = finetune_model(make, budget, settings, 5, classes=list("abc"), run=run, resume=True)
    assert (rest.steps, rest.stopped) == (30, False)
    assert len(run.events()) >= 10
    before, after = whole.classifier.state_dict(), rest.classifier.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_folds_tell_a_run_how_far_they_are_and_keep_out_of_its_record(tmp_path):
    run = RunFolder.create(Workspace(tmp_path), "finetune", settings_of(), "two", quiet=True)
    with run:
        finetune_model(make, budget_of(), settings_of(2, folds=2), 5, classes=list("abc"), run=run)
    assert [event["step"] for event in run.events()] == [1, 2]
    assert run.numbers["fold"] == "2/2"


def test_a_stop_during_the_folds_ends_them(tmp_path):
    run = RunFolder.create(Workspace(tmp_path), "finetune", settings_of(), "three", quiet=True)
    with run:
        run.request_stop()
        chosen = arm.cross_validate(
            make, budget_of(), settings_of(40, folds=3), 5, list("abc"), "multiclass", False, run
        )
    assert chosen.losses == {}


def test_a_loss_gone_wrong_says_what_to_try():
    with pytest.raises(OperationFailed, match="not finite"):
        finetune_model(
            make, budget_of(), settings_of(30, train=LoopSettings(lr=1e30, clip=0.0, warmup=0.0, precision="fp32")), 0,
            classes=list("abc"), scratch=True,
        )  # fmt: skip


def test_no_test_scans_no_probabilities():
    found = finetune_model(make, budget_of(), settings_of(1), 3, classes=list("abc"))
    assert predict_probabilities(found.classifier, TensorImages(torch.rand(0, 1, 16, 16))).shape == (0, 3)


def test_the_kept_weights_are_those_of_the_best_look_at_the_validation_scans(tmp_path):
    validation = Validation.of(*scans(30, seed=5), np.arange(30), 3)
    settings = settings_of(12, select="best", validate_every=3, ema=0)
    with RunFolder.create(Workspace(tmp_path), "toy", settings, "one", quiet=True) as run:
        tuned = finetune_model(
            make, budget_of(), settings, 3, classes=list("abc"), scratch=True, run=run, validation=validation
        )
    looks = run.events()
    aucs = [look["validation_auc"] for look in looks]
    assert [look["step"] for look in looks] == [3, 6, 9, 12]
    assert tuned.best_epoch == aucs.index(max(aucs)) + 1
    kept = predict_probabilities(tuned.classifier, validation.images)
    assert log_loss(kept, validation.targets) == pytest.approx(looks[tuned.best_epoch - 1]["validation_loss"])


def test_a_look_after_every_pass_and_weights_kept_whole(tmp_path):
    validation = Validation.of(*scans(30, seed=5), np.arange(30), 3)
    settings = settings_of(0, epochs=2, select="best", ema=0)
    with RunFolder.create(Workspace(tmp_path), "toy", settings, "one", quiet=True) as run:
        tuned = finetune_model(make, budget_of(20), settings, 3, classes=list("abc"), run=run, validation=validation)
    assert [event["step"] for event in run.events()] == [3, 6]  # twenty scans in batches of eight
    assert tuned.chosen.keep == 1.0


def test_there_is_no_best_without_validation_scans():
    with pytest.raises(InputError, match="no validation scans"):
        finetune_model(make, budget_of(), settings_of(2, select="best"), 3, classes=list("abc"))
