from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.study.making import make_cohort, make_features, settings_of
from workbench.config import load_settings
from workbench.errors import InputError, OperationFailed
from workbench.evaluation import probe
from workbench.runs.folder import RunFolder
from workbench.runs.workspace import Workspace
from workbench.study import grid as grid_module
from workbench.study.arms import Arm, resolve_arms
from workbench.study.cell_progress import Stopped
from workbench.study.data import read_data
from workbench.study.grid import Grid, principal_components
from workbench.study.settings import StudySettings


class Bench:
    """A cohort with one arm of features, and grids on it that share a run folder."""

    def __init__(self, root: Path, **cohort: Any) -> None:
        self.workspace = Workspace(root)
        self.cohort, target = make_cohort(self.workspace, **{"patients": 60, **cohort})
        self.file = make_features(root / "a.npz", self.cohort, target, 1.5)
        self.run: RunFolder | None = None

    def grid(self, **values: Any) -> tuple[Grid, list[Arm]]:
        settings = load_settings(StudySettings, values=settings_of({"a": self.file}, **{"draws": 3, **values}))
        data = read_data(settings, self.workspace)
        self.run = self.run or RunFolder.create(self.workspace, "study", settings, "s", quiet=True)
        arms = resolve_arms(settings, data.cohort, data.test_ids, self.workspace)
        return Grid(settings, data, self.run), arms


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_every_cell_comes_once(bench: Bench) -> None:
    grid, arms = bench.grid(budgets=[6, 12, "all"], protocols=["probe", "knn"])
    found = list(grid.results(arms))
    assert [(cell.protocol, cell.budget, cell.draw) for cell in found] == [
        (protocol, budget, draw)
        for protocol in ("probe", "knn")
        for budget, draws in (("6", 3), ("12", 3), ("all", 1))
        for draw in range(draws)
    ]
    assert {cell.probabilities.shape for cell in found} == {(len(grid.data.test_ids), 2)}
    assert not set(grid.data.development.patients) & set(grid.data.test_patients)
    probes = {(cell.budget, cell.draw): cell.drawn.order_hash for cell in found if cell.protocol == "probe"}
    knn = {(cell.budget, cell.draw): cell.drawn.order_hash for cell in found if cell.protocol == "knn"}
    assert probes == knn and len(set(probes.values())) == 7


def test_what_is_done_is_not_done_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    first = [cell.probabilities for cell in bench.grid(budgets=[6, 12])[0].results(bench.grid()[1])]
    monkeypatch.setattr(probe, "fit_probes", lambda *args, **named: pytest.fail("solved again"))
    grid, arms = bench.grid(budgets=[6, 12])
    for before, cell in zip(first, grid.results(arms), strict=True):
        np.testing.assert_array_equal(before, cell.probabilities)


@pytest.mark.parametrize("change", [{"seed": 1}, {"budgets": [6, 13]}, {"draws": 4}])
def test_other_settings_are_other_cells(bench: Bench, change: dict[str, Any]) -> None:
    list(bench.grid(budgets=[6, 12])[0].results(bench.grid()[1]))
    assert bench.run is not None
    kept = set((bench.run.path / "cells").iterdir())
    grid, arms = bench.grid(**{"budgets": [6, 12], **change})
    list(grid.results(arms))
    assert len(set((bench.run.path / "cells").iterdir()) - kept) == 1


def test_a_stop_is_heard(bench: Bench) -> None:
    grid, arms = bench.grid()
    grid.run.request_stop()
    with pytest.raises(Stopped):
        list(grid.results(arms))


def test_too_large_is_left_out_too_small_is_refused(bench: Bench) -> None:
    grid, arms = bench.grid(budgets=[6, 900])
    pool = grid.data.development.count
    assert {str(budget) for _, _, budget, _ in grid.plan(arms)} == {"6"}
    assert grid.not_run == [f"900 labelled patients by probe: the development set has {pool} patients only."]
    grid, arms = bench.grid(budgets=[3, 12])
    with pytest.raises(InputError, match="no: .*yes: .*smallest budget here is 4"):
        grid.plan(arms)
    grid, arms = bench.grid(budgets=[900])
    with pytest.raises(InputError, match="more than there is"):
        grid.plan(arms)


def test_budgets_in_scans(bench: Bench) -> None:
    grid, arms = bench.grid(budgets=[10, 21], budget_unit="scans")
    found = list(grid.results(arms))
    assert {(cell.budget, cell.drawn.n_scans, cell.drawn.n_patients) for cell in found} == {
        ("10", 10, 5),
        ("21", 22, 11),
    }


def test_several_findings(tmp_path: Path) -> None:
    bench = Bench(tmp_path, task="multilabel", classes=("a", "b"), shares=(0.5, 0.3), patients=80)
    grid, arms = bench.grid(budgets=[12, 24], protocols=["probe", "knn"])
    for cell in grid.results(arms):
        assert cell.probabilities.shape[1] == 2
        assert cell.probabilities.min() >= 0 and cell.probabilities.max() <= 1


def test_a_training_that_fails_is_named_and_the_rest_goes_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    grid, _ = bench.grid(budgets=[6, 12], protocols=["finetune"], finetune_draws=2)

    def train(self: Grid, arm: Arm, drawn: Any, seed: int, told: Any) -> np.ndarray:
        if drawn.n_patients == 6:
            raise OperationFailed("The loss is not finite.")
        return np.full((len(self.data.test_ids), 2), 0.5, np.float32)

    monkeypatch.setattr(grid_module.Grid, "_train", train)
    arm = Arm("net", "scratch", "scratch:none")
    found = list(grid.results([arm]))
    assert [(cell.budget, cell.draw) for cell in found] == [("12", 0), ("12", 1)]
    assert grid.not_run == [f"net fine-tuned at 6, draw {draw}: The loss is not finite." for draw in (0, 1)]


def test_principal_components_come_from_the_development_scans() -> None:
    random = np.random.default_rng(0)
    train = (random.standard_normal((50, 3)) @ random.standard_normal((3, 100))).astype(np.float32)
    test = train[:5] + 0
    a, b = principal_components(train, test)
    assert a.shape == (50, 50) and b.shape == (5, 50)
    np.testing.assert_allclose(a[:5], b, atol=1e-4)
    assert (a[:, :3].var(axis=0) > 1).all() and a[:, 3:].var() < 1e-6
