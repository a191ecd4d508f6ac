"""What tests share: a throw-away workspace and site key, and the real scans where they lie beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

SHARED = Path(os.environ.get("WORKBENCH_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


@pytest.fixture(autouse=True)
def site_key_file(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site key of known bytes, so that keys and splits in tests have exact values."""
    file = tmp_path_factory.getbasetemp() / "site.key"
    if not file.exists():
        file.write_bytes(bytes(range(32)))
        file.chmod(0o600)
    monkeypatch.setenv("WORKBENCH_SITE_KEY_FILE", str(file))
    return file


@pytest.fixture
def shared_data() -> Path:
    """The folder of real scans; the test skips, visibly, where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"real scans not found at {SHARED}")
    return SHARED
