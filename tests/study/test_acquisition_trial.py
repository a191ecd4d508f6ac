"""Replayed labelling: the verdict under a true null, a strategy that must win, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from tests.study.making import make_cohort, make_features
from workbench.errors import InputError
from workbench.evaluation.features import load
from workbench.runs.workspace import Workspace
from workbench.study.acquisition_trial import run_trial
from workbench.study.data import StudyData, read_data
from workbench.study.settings import ArmSettings, StudySettings


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyData, np.ndarray, np.ndarray]:
    folder = tmp_path_factory.mktemp("trial")
    with pytest.MonkeyPatch.context() as patch:
        key = folder / "site.key"
        key.write_bytes(bytes(range(32)))
        key.chmod(0o600)
        patch.setenv("WORKBENCH_SITE_KEY_FILE", str(key))
        workspace = Workspace(folder / "w")
        cohort, target = make_cohort(workspace, patients=300, scans=1)
        file = make_features(folder / "f.npz", cohort, target, 2.0)
        data = read_data(StudySettings(cohort="c", arms={"f": ArmSettings(features=file)}), workspace)
        table = load(file)
        return data, table.of(data.dev_ids), table.of(data.test_ids)


def test_chance_against_chance_shows_nothing(furnished: tuple[StudyData, np.ndarray, np.ndarray]) -> None:
    data, train, test = furnished
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(train.shape), rng.standard_normal(test.shape)
    told: list[tuple[int, int]] = []
    trial = run_trial(*noise, data, [12, 30, 60], strategies=["typical"], repeats=6, told=lambda *a: told.append(a))
    (found,) = trial.comparisons
    assert found.low < 0 < found.high
    assert trial.verdict.startswith("No benefit shown for typical over random")
    assert told[-1] == (6, 6)


def test_all_strategies_start_alike_and_label_as_many(furnished: tuple[StudyData, np.ndarray, np.ndarray]) -> None:
    data, train, test = furnished
    trial = run_trial(train, test, data, [12, 24, 48], strategies=["typical", "uncertain"], repeats=4)
    cells = {(cell.arm, cell.budget): cell for cell in trial.curves.cells}
    assert len(cells) == 9
    start = cells["random", "12"].auc
    assert np.array_equal(start, cells["typical", "12"].auc) and np.array_equal(start, cells["uncertain", "12"].auc)
    assert not np.array_equal(cells["random", "48"].auc, cells["typical", "48"].auc)
    assert cells["random", "48"].theta > cells["random", "12"].theta  # labels teach
    assert [found.reference for found in trial.comparisons] == ["random", "random"]


@pytest.mark.parametrize(
    ("budgets", "words"),
    [([12], "must grow"), ([24, 12], "must grow"), ([1, 20], "can go from"), ([12, 9999], "can go from")],
)
def test_budgets_that_make_no_sense(
    furnished: tuple[StudyData, np.ndarray, np.ndarray], budgets: list[int], words: str
) -> None:
    data, train, test = furnished
    with pytest.raises(InputError, match=words):
        run_trial(train, test, data, budgets)
