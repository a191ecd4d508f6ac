import json

import pandas as pd
import pytest

from workbench import cli
from workbench.config import load_settings
from workbench.errors import InputError
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace
from workbench.sources.phantom_cohort import make_cohort
from workbench.verbs.sweep import SweepResult, SweepSettings, cells_of, sweep


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("sweep")
    make_cohort(root / "phantom", patients=6, seed=0, lesion_cm=2.0, pixels=64, workers=1)
    assert cli.main(["index", str(root / "phantom/dicom"), "cohort=p", "--workspace", str(root), "--quiet"]) == 0
    return Workspace(root)


def run(workspace: Workspace, **values) -> SweepResult:
    return sweep(load_settings(SweepSettings, values=values), workspace=workspace, progress=Progress(quiet=True))


def test_a_grid_is_every_combination() -> None:
    settings = load_settings(
        SweepSettings, values={"verb": "prepare", "grid": {"size": [32, 48], "cohort": ["a", "b"]}}
    )
    assert cells_of(settings) == [
        {"size": 32, "cohort": "a"},
        {"size": 32, "cohort": "b"},
        {"size": 48, "cohort": "a"},
        {"size": 48, "cohort": "b"},
    ]


@pytest.mark.parametrize("grid", [{}, {"size": []}])
def test_an_empty_grid_is_refused(grid: dict) -> None:
    with pytest.raises(InputError, match="nothing to vary"):
        cells_of(load_settings(SweepSettings, values={"verb": "prepare", "grid": grid}))


def test_cells_run_a_failed_one_is_reported_and_finished_ones_are_skipped(workspace: Workspace) -> None:
    values = {"verb": "prepare", "base": {"size": 32}, "grid": {"cohort": ["p", "absent"]}, "name": "sizes"}
    first = run(workspace, **values)
    assert (first.cells, first.finished, first.skipped, first.exit_code) == (2, 1, 0, 1)
    assert list(first.failed) == ["cohort=absent"]
    assert "There is no cohort 'absent'" in first.failed["cohort=absent"]
    table = pd.read_csv(first.table)
    assert table["cohort"].tolist() == ["p"]
    again = run(workspace, **values)
    assert (again.finished, again.skipped) == (1, 1)
    assert again.run_id == first.run_id


def test_settings_that_do_not_fit_are_refused_before_anything_runs(workspace: Workspace) -> None:
    values = {"verb": "prepare", "base": {"cohort": "p"}, "grid": {"siz": [32]}, "name": "wrong"}
    with pytest.raises(InputError, match="Did you mean 'size'"):
        run(workspace, **values)
    assert not (workspace.runs_dir / "sweep" / "wrong").exists()


def test_the_table_is_sorted_by_the_metric(workspace: Workspace) -> None:
    values = {"verb": "prepare", "base": {"cohort": "p"}, "grid": {"size": [32, 48]}, "name": "by", "metric": "bytes"}
    result = run(workspace, **values)
    assert pd.read_csv(result.table)["size"].tolist() == [48, 32]
    assert result.best is not None
    assert result.best["size"] == 48
    assert json.loads(result.model_dump_json())["finished"] == 2
