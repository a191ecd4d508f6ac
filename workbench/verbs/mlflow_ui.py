"""``workbench mlflow``: opens the MLflow UI on 127.0.0.1."""

from __future__ import annotations

import os
import sys

from pydantic import Field

from workbench.config import Result, Settings
from workbench.runs.progress import Progress
from workbench.runs.services import Service, check_port, serve
from workbench.runs.workspace import Workspace

HOST = "127.0.0.1"


class MlflowSettings(Settings):
    """Where to open it."""

    port: int = Field(default=5000, ge=1024, le=65535, description="Port on 127.0.0.1.")


class MlflowResult(Result):
    """How it ended."""

    message: str

    def summary(self) -> str:
        """One sentence."""
        return self.message


def mlflow(settings: MlflowSettings, *, workspace: Workspace, progress: Progress | None = None) -> MlflowResult:
    """Serve the workspace's MLflow record until interrupted.

    Raises:
        OperationFailed: The port is taken, or the server ended by itself.
    """
    progress = progress or Progress()
    service = mlflow_service(workspace, settings.port)
    serve([service], say=progress.log)
    return MlflowResult(message="The MLflow UI has stopped.")


def mlflow_service(workspace: Workspace, port: int) -> Service:
    """The MLflow server as a service: on the loopback address only, without telemetry and without its job runner.

    Raises:
        OperationFailed: The port is taken.
    """
    check_port(port, "port")
    from workbench.runs.tracking import prepare_database

    workspace.root.mkdir(parents=True, exist_ok=True)
    prepare_database(workspace)
    words = [
        sys.executable, "-m", "mlflow", "server",
        "--backend-store-uri", workspace.mlflow_uri,
        "--artifacts-destination", str(workspace.mlflow_artifacts),
        "--host", HOST, "--port", str(port), "--workers", "1",
        "--allowed-hosts", f"{HOST}:{port},localhost:{port}",
        "--cors-allowed-origins", f"http://{HOST}:{port}",
        "--x-frame-options", "DENY",
    ]  # fmt: skip
    environment = {
        **os.environ,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    return Service("MLflow", words, environment, f"http://{HOST}:{port}")
