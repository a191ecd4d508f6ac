"""What the app was started with: its workspace, the jobs in it, the folders that it may show."""

from __future__ import annotations

import json
import os
from pathlib import Path

from workbench.runs.jobs import JobQueue
from workbench.runs.workspace import Workspace


def workspace() -> Workspace:
    """The workspace that ``workbench app`` was started for."""
    return Workspace()


def queue() -> JobQueue:
    """The workspace's jobs."""
    return JobQueue(workspace())


def roots() -> list[Path]:
    """The folders that may be listed and indexed; the workspace and the user's home unless ``roots`` were given."""
    given = json.loads(os.environ.get("WORKBENCH_ROOTS") or "[]")
    chosen = [Path(root) for root in given] or [workspace().root, Path.home()]
    return [root.resolve() for root in chosen if root.is_dir()]


def mlflow_url() -> str:
    """Where the MLflow UI answers, or '' when it was not started with the app."""
    return os.environ.get("WORKBENCH_MLFLOW_URL", "")
