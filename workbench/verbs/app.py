"""``workbench app``: opens the app, with the worker that does its jobs, and stops both together.

One person opens it on this machine by a link that works once. A team signs in with OpenID Connect, set up in
``.streamlit/secrets.toml``; only then may the app listen elsewhere than on 127.0.0.1."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import sys
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field

from workbench.config import Result, Settings
from workbench.errors import InputError, OperationFailed
from workbench.runs.progress import Progress
from workbench.runs.services import HOST, Service, check_port, serve
from workbench.runs.sign_in import ENTRY, ENTRY_VARIABLE, OWNERS_VARIABLE, check_reach, team_address
from workbench.runs.worker import worker_alive
from workbench.runs.workspace import Workspace

EVERYWHERE = ("", "0.0.0.0", "::")


class AppSettings(Settings):
    """Where to open it, and which folders it may show."""

    port: int = Field(default=8501, ge=1024, le=65535, description="Port of the app.")
    address: str = Field(
        default=HOST, description="Address that the app listens on; another than 127.0.0.1 only for teams that sign in."
    )
    sign_in: Path | None = Field(
        default=None, description="TOML file with the team's sign-in, section [auth]; .streamlit/secrets.toml if none."
    )
    owners: list[str] = Field(
        default=[], description="Accounts (the sign-in's `sub`, shown to newcomers) that become owners."
    )
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
        InputError: A root is no folder, or the app would be open to others without a sign-in.
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
        InputError: A root is no folder, or the app would be open to others without a sign-in.
        OperationFailed: The port is taken, or the app's files are not there.
    """
    server = app_file()
    file = (settings.sign_in or server.parents[1] / ".streamlit" / "secrets.toml").expanduser().absolute()
    if settings.sign_in and not file.is_file():
        raise InputError("The file with the sign-in is not there.", where=file, todo="Name an existing file.")
    team = team_address(file).replace("{port}", str(settings.port))  # as Streamlit reads it
    check_reach(settings.address, team=bool(team))
    roots = allowed_roots(settings.roots, workspace)
    check_port(settings.port, "port")
    environment = {
        **os.environ,
        "WORKBENCH_WORKSPACE": str(workspace.root),
        "WORKBENCH_ROOTS": json.dumps([str(root) for root in roots]),
        "WORKBENCH_MLFLOW_URL": f"http://{HOST}:{settings.mlflow_port}" if settings.mlflow else "",
        OWNERS_VARIABLE: json.dumps(settings.owners),
    }
    words = [sys.executable, "-m", "streamlit", "run", str(server), "--secrets.files", str(file)]
    words += ["--server.address", settings.address, "--server.port", str(settings.port)]
    reached = f"http://{HOST if settings.address in EVERYWHERE else settings.address}:{settings.port}"
    if team:
        name = urlsplit(team).hostname or ""
        words += ["--browser.serverAddress", name]
        for host in dict.fromkeys([name, "localhost", HOST]):
            words += ["--server.allowedHosts", host]
        return Service("The app", words, environment, reached, folder=server.parents[1], link=team)
    environment[ENTRY_VARIABLE] = secrets.token_urlsafe(32)
    link = f"{reached}/?{ENTRY}={environment[ENTRY_VARIABLE]} (opens once)"
    return Service("The app", words, environment, reached, folder=server.parents[1], link=link)


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
