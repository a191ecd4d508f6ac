"""One hospital, one study and one audit of it, for all tests that only read them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.audit.hospital import make_hospital
from tests.study.making import settings_of
from workbench.config import load_settings
from workbench.runs.workspace import Workspace


@pytest.fixture(autouse=True)
def no_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_MLFLOW", "off")


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A cohort with header fields and a study of two files of features, one of which sees the site."""
    from workbench.study.settings import StudySettings
    from workbench.verbs.study import study

    root = tmp_path_factory.mktemp("audit")
    with pytest.MonkeyPatch.context() as patch:
        key: Path = root / "site.key"
        key.write_bytes(bytes(range(32)))
        key.chmod(0o600)
        patch.setenv("WORKBENCH_SITE_KEY_FILE", str(key))
        patch.setenv("WORKBENCH_MLFLOW", "off")
        workspace = Workspace(root)
        made = make_hospital(workspace)
        values = settings_of(
            {"plain": made.plain, "seeing": made.seeing},
            budgets=[8, 30, 80, "all"],
            draws=6,
            name="s",
        )
        result = study(load_settings(StudySettings, values=values), workspace=workspace)
    return SimpleNamespace(workspace=workspace, study=Path(result.path), **vars(made))


@pytest.fixture(scope="session")
def audited(hospital: SimpleNamespace) -> SimpleNamespace:
    """The audit of the arm that sees the site."""
    from workbench.audit.settings import AuditSettings
    from workbench.verbs.audit import audit

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_SITE_KEY_FILE", str(hospital.workspace.root / "site.key"))
        patch.setenv("WORKBENCH_MLFLOW", "off")
        settings = AuditSettings(source="s", name="a", replicates=200, review=20)
        result = audit(settings, workspace=hospital.workspace)
    folder = Path(result.path)
    summary = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    return SimpleNamespace(result=result, folder=folder, summary=summary, settings=settings)
