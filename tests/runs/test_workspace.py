import os
from pathlib import Path

import pytest

from workbench.runs.workspace import SITE_KEY_VARIABLE, Workspace


def test_places_of_a_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    workspace = Workspace(tmp_path)
    assert workspace.cohort_dir("chest") == tmp_path / "data_manifests" / "chest"
    assert workspace.mlflow_uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert workspace.cohorts() == []
    monkeypatch.setenv("WORKBENCH_WORKSPACE", str(tmp_path / "other"))
    assert Workspace().root == tmp_path / "other"


def test_a_workspace_may_bring_its_own_site_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SITE_KEY_VARIABLE)
    with Workspace(tmp_path).own_site_key():
        assert SITE_KEY_VARIABLE not in os.environ
    (tmp_path / "site.key").write_bytes(bytes(32))
    with Workspace(tmp_path).own_site_key():
        assert os.environ[SITE_KEY_VARIABLE] == str(tmp_path / "site.key")
    assert SITE_KEY_VARIABLE not in os.environ


def test_a_named_site_key_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site.key").write_bytes(bytes(32))
    monkeypatch.setenv(SITE_KEY_VARIABLE, "/named")
    with Workspace(tmp_path).own_site_key():
        assert os.environ[SITE_KEY_VARIABLE] == "/named"
