"""Run folders as the pages read them: status, settings, figures per epoch, results."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.surroundings import workspace
from workbench.config import read_yaml
from workbench.errors import WorkbenchError
from workbench.runs.folder import RunFolder
from workbench.runs.status import RunStatus


@dataclass(frozen=True)
class RunView:
    """A run.

    Attributes:
        path: Its folder.
        status: Its state.
        settings: Its resolved settings; empty where they cannot be read.
    """

    path: Path
    status: RunStatus
    settings: dict[str, Any]

    @property
    def run_id(self) -> str:
        """Its name."""
        return self.path.name

    def events(self) -> list[dict[str, Any]]:
        """Its figures, one entry per epoch."""
        return RunFolder(self.path, quiet=True).events()

    def json(self, name: str) -> dict[str, Any]:
        """A JSON file of the folder; empty where it is absent or damaged."""
        try:
            content = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return (self.path / name).is_file()


def runs_of(kind: str) -> list[RunView]:
    """The runs of a kind, newest first; a folder whose status cannot be read is left out."""
    found = []
    for path in workspace().runs(kind):
        try:
            found.append(open_run(path))
        except (OSError, ValueError):
            continue
    return sorted(found, key=lambda run: run.status.started, reverse=True)


def open_run(path: Path) -> RunView:
    """A run by its folder."""
    try:
        settings = read_yaml(path / "settings.yaml")
    except WorkbenchError:
        settings = {}
    return RunView(path, RunStatus.read(path), settings)
