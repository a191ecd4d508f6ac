from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from workbench.errors import InputError, OperationFailed
from workbench.runs.worker import worker_alive
from workbench.runs.workspace import Workspace
from workbench.verbs.app import AppSettings, allowed_roots, app_file, app_service
from workbench.verbs.mlflow_ui import mlflow_service


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_service_carries_workspace_and_roots_and_runs_beside_its_settings(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    settings = AppSettings(port=free_port(), roots=[tmp_path / "scans"])
    service = app_service(settings, Workspace(tmp_path))
    assert service.environment["WORKBENCH_WORKSPACE"] == str(tmp_path)
    assert json.loads(service.environment["WORKBENCH_ROOTS"]) == [str(tmp_path / "scans")]
    assert service.environment["WORKBENCH_MLFLOW_URL"] == ""
    assert service.folder is not None and (service.folder / ".streamlit" / "config.toml").is_file()
    assert service.url == f"http://127.0.0.1:{settings.port}"
    words = list(service.words)
    assert words[words.index("--server.port") + 1] == str(settings.port)
    assert words[words.index("--server.address") + 1] == "127.0.0.1"
    token = service.environment["WORKBENCH_ENTRY"]
    assert len(token) == 43 and service.link == f"{service.url}/?entry={token} (opens once)"
    again = app_service(settings, Workspace(tmp_path)).environment["WORKBENCH_ENTRY"]
    assert token != again and token not in " ".join(words)


def test_roots_are_resolved_and_the_workspace_and_home_are_the_default(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert allowed_roots([tmp_path / "link", tmp_path / "real"], Workspace(tmp_path)) == [tmp_path / "real"]
    assert allowed_roots([], Workspace(tmp_path)) == [tmp_path, Path.home().resolve()]
    with pytest.raises(InputError, match="not there"):
        allowed_roots([tmp_path / "absent"], Workspace(tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="no folder"):
        allowed_roots([tmp_path / "file"], Workspace(tmp_path))


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OperationFailed, match=f"port {port} is taken"):
            app_service(AppSettings(port=port), Workspace(tmp_path))


def test_an_app_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(OperationFailed, match="not installed"):
        app_file()


def test_the_mlflow_server_is_on_the_loopback_address_alone(tmp_path: Path) -> None:
    port = free_port()
    service = mlflow_service(Workspace(tmp_path), port)
    words = list(service.words)
    assert words[words.index("--host") + 1] == "127.0.0.1"
    assert words[words.index("--allowed-hosts") + 1] == f"127.0.0.1:{port},localhost:{port}"
    assert service.environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert (tmp_path / "mlflow.db").is_file()


@pytest.mark.slow
def test_app_and_worker_start_and_stop_together(tmp_path: Path) -> None:
    port = free_port()
    words = [sys.executable, "-m", "workbench.cli", "app", f"port={port}", "--workspace", str(tmp_path)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ))
    try:
        end = time.monotonic() + 60
        while not worker_alive(Workspace(tmp_path)) and time.monotonic() < end:
            time.sleep(0.2)
        assert worker_alive(Workspace(tmp_path))
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
                    assert answer.read() == b"ok"
                break
            except OSError:
                time.sleep(0.2)
        else:
            pytest.fail("the app did not answer")
    finally:
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "The app has stopped" in out
    assert not worker_alive(Workspace(tmp_path))


def test_app_worker_and_mlflow_are_served_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.runs.progress import Progress
    from workbench.runs.worker import worker_lock
    from workbench.verbs.app import app
    from workbench.verbs.mlflow_ui import MlflowSettings, mlflow

    served: list[list[str]] = []

    def serve(services, *, say) -> None:
        served.append([service.name for service in services])

    monkeypatch.setattr("workbench.verbs.app.serve", serve)
    monkeypatch.setattr("workbench.verbs.mlflow_ui.serve", serve)
    workspace, quiet = Workspace(tmp_path), Progress(quiet=True)
    result = app(AppSettings(port=free_port()), workspace=workspace, progress=quiet)
    assert result.summary() == "The app has stopped. A job at work goes on by itself."
    with worker_lock(workspace):
        app(AppSettings(port=free_port(), mlflow=True, mlflow_port=free_port()), workspace=workspace, progress=quiet)
    assert mlflow(MlflowSettings(port=free_port()), workspace=workspace, progress=quiet).summary().endswith("stopped.")
    assert served == [["The app", "The worker"], ["The app", "MLflow"], ["MLflow"]]
