"""The verb on phantom radiographs: a list of patients to label, and a replay."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest

from tests.verbs.test_embed import call
from workbench.cohort.cohort import Cohort
from workbench.errors import InputError
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace


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
            root / "phantom", patients=60, seed=0, lesion_cm=2.2, pixels=64, progress=Progress(quiet=True)
        )
        workspace = Workspace(root)
        call("index", workspace, sources=[str(made.folder)], cohort="phantom", workers=1)
        yield workspace


def test_before_any_label_typical_patients_and_some_by_chance(workspace: Workspace) -> None:
    found = call("propose", workspace, cohort="phantom", count=10, size=32, name="first")
    table = pd.read_csv(found.file)
    cohort = Cohort.open(workspace.cohort_dir("phantom"))
    assert list(table) == ["scan_id", "patient_key", "reason"]
    assert table.reason.value_counts().to_dict() == {"typical": 8, "random": 2}
    assert (found.patients, found.by_chance, found.strategy) == (10, 2, "typical")
    assert table.patient_key.is_unique
    assert set(table.scan_id) <= set(cohort.pool())  # nobody of the reserved test patients
    assert "10 patients to label next, 2 of them by chance" in found.summary()


def test_labelled_patients_are_not_proposed_again_and_a_replay_gives_a_verdict(workspace: Workspace) -> None:
    call(
        "label",
        workspace,
        cohort="phantom",
        labels=workspace.root / "phantom" / "labels.csv",
        key="sop",
        column="lesion",
    )
    with pytest.raises(InputError, match="Every patient has a label already"):
        call("propose", workspace, cohort="phantom", count=10, size=32)
    found = call("propose", workspace, cohort="phantom", size=32, trial=True, trial_budgets=[8, 16], trial_repeats=3)
    curve = pd.read_csv(found.file)
    assert curve.groupby("strategy").patients.apply(list).to_dict() == {
        name: [8, 16] for name in ("random", "typical", "uncertain")
    }
    assert found.verdict.count("over random") + found.verdict.count("than random") + found.verdict.count("verdict") >= 2
    assert "Table: " in found.summary()
