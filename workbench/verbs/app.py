"""``workbench app``: opens the app on 127.0.0.1, with the worker that does its jobs, and stops both together."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

from pydantic import Field

from workbench.config import Result, Settings
from workbench.errors import InputError, OperationFailed
from workbench.runs.progress import Progress
from workbench.runs.services import HOST, Service, check_port, serve
from workbench.runs.worker import worker_alive
from workbench.runs.workspace import Workspace


class AppSettings(Settings):
    """Where to open it, and which folders it may show."""

    port: int = Field(default=8501, ge=1024, le=65535, description="Port of the app on 127.0.0.1.")
    roots: list[Path] = Field(
        default=[], description="Folders that the app may list and index; the workspace and your home when empty."
    )
    worker: bool = Field(default=True, description="Start the worker too, without which jobs wait.")
    mlflow: bool = Field(default=False, description="Start the MLflow UI too.")
    mlflow_port: int = Field(default=5000, ge=1024, le=65535, description="Port of the MLflow UI on 127.0.0.1.")


class AppResult(Result):
    """How it ended."""

    message: str

    def summary(self) -> str:
        """One sentence."""
        return self.message


def app(settings: AppSettings, *, workspace: Workspace, progress: Progress | None = None) -> AppResult:
    """Serve the app until interrupted.

    Raises:
        InputError: A root is no folder.
        OperationFailed: A port is taken, the app is not installed, or one of the processes ended by itself.
    """
    progress = progress or Progress()
    workspace.root.mkdir(parents=True, exist_ok=True)
    services = [app_service(settings, workspace)]
    if settings.worker and worker_alive(workspace):
        progress.log("A worker serves this workspace already; it will do the jobs.")
    elif settings.worker:
        words = [sys.executable, "-m", "workbench.cli", "worker", "--workspace", str(workspace.root)]
        services.append(Service("The worker", words, dict(os.environ)))
    if settings.mlflow:
        from workbench.verbs.mlflow_ui import mlflow_service

        services.append(mlflow_service(workspace, settings.mlflow_port))
    progress.log(f"Opening the app for the workspace {workspace.root}")
    serve(services, say=progress.log)
    return AppResult(message="The app has stopped. A job at work goes on by itself.")


def app_service(settings: AppSettings, workspace: Workspace) -> Service:
    """The Streamlit server as a service, with the security settings of ``.streamlit/config.toml``.

    Raises:
        InputError: A root is no folder.
        OperationFailed: The port is taken, or the app's files are not there.
    """
    server = app_file()
    roots = allowed_roots(settings.roots, workspace)
    check_port(settings.port, "port")
    environment = {
        **os.environ,
        "WORKBENCH_WORKSPACE": str(workspace.root),
        "WORKBENCH_ROOTS": json.dumps([str(root) for root in roots]),
        "WORKBENCH_MLFLOW_URL": f"http://{HOST}:{settings.mlflow_port}" if settings.mlflow else "",
    }
    words = [sys.executable, "-m", "streamlit", "run", str(server), "--server.port", str(settings.port)]
    return Service("The app", words, environment, f"http://{HOST}:{settings.port}", folder=server.parents[1])


def app_file() -> Path:
    """The app's server file; its security settings lie in ``.streamlit`` beside the package.

    Raises:
        OperationFailed: The app or its settings are not installed.
    """
    found = importlib.util.find_spec("app")
    server = Path(found.origin).with_name("server.py") if found and found.origin else None
    if server is None or not server.is_file() or not (server.parents[1] / ".streamlit" / "config.toml").is_file():
        raise OperationFailed(
            "The app's files are not installed.", todo="Install from a clone of the repository: make install."
        )
    return server


def allowed_roots(given: list[Path], workspace: Workspace) -> list[Path]:
    """The folders that the app may list and index, resolved.

    Raises:
        InputError: One of them is no folder.
    """
    roots = []
    for root in given or [workspace.root, Path.home()]:
        try:
            resolved = root.expanduser().resolve(strict=True)
        except OSError as error:
            raise InputError("A root of the app is not there.", where=root, todo="Name existing folders.") from error
        if not resolved.is_dir():
            raise InputError("A root of the app is no folder.", where=root, todo="Name existing folders.")
        roots.append(resolved)
    return list(dict.fromkeys(roots))
