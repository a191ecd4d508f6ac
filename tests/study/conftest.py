"""One small study, run once for all tests that only read it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.study.making import make_cohort, make_features, settings_of
from workbench.config import load_settings
from workbench.runs.workspace import Workspace


@pytest.fixture(autouse=True)
def no_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_MLFLOW", "off")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A study of three files of features: ``weak`` (the reference), ``strong`` and a ``twin`` of the reference."""
    from workbench.study.settings import StudySettings
    from workbench.verbs.study import study

    root = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        key: Path = root / "site.key"
        key.write_bytes(bytes(range(32)))
        key.chmod(0o600)
        patch.setenv("WORKBENCH_SITE_KEY_FILE", str(key))
        patch.setenv("WORKBENCH_MLFLOW", "off")
        workspace = Workspace(root)
        cohort, target = make_cohort(workspace, patients=160)
        weak = make_features(root / "weak.npz", cohort, target, 0.8, seed=1)
        strong = make_features(root / "strong.npz", cohort, target, 2.0, seed=1)
        values = settings_of(
            {"weak": weak, "strong": strong, "twin": weak},
            protocols=["probe", "knn"],
            budgets=[10, 20, 40, 500, "all"],
            unit="exam",
        )
        settings = load_settings(StudySettings, values=values)
        result = study(settings, workspace=workspace)
    return SimpleNamespace(
        settings=settings, workspace=workspace, cohort=cohort, result=result, folder=Path(result.path)
    )
