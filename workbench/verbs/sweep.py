"""``workbench sweep``: a grid of runs of another verb, in processes of their own, resumable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from workbench.config import Result, Settings, digest_of, load_settings
from workbench.errors import InputError
from workbench.runs.engine import map_tasks
from workbench.runs.folder import RunFolder
from workbench.runs.progress import Progress
from workbench.runs.status import write_json, write_text
from workbench.runs.tracking import Tracker, flatten
from workbench.runs.workspace import Workspace
from workbench.verbs import VERBS


class SweepSettings(Settings):
    """A grid: every combination of the listed values over the base settings."""

    verb: Literal["pretrain", "finetune", "study", "prepare", "embed"] = Field(description="The verb to repeat.")
    base: dict[str, Any] = Field(default={}, description="Settings that all cells share, as in the verb's own YAML.")
    grid: dict[str, list[Any]] = Field(description="Settings that vary: dotted name to the list of its values.")
    name: str = Field(default="sweep", description="Name of the sweep; the same name continues it.")
    engine: Literal["local", "ray"] = Field(default="local", description="Where cells run: this machine, or Ray.")
    workers: int = Field(default=1, ge=1, description="Cells at once.")
    metric: str = Field(default="", description="Figure of the results to sort the table by, highest first.")


class SweepResult(Result):
    """What became of the cells."""

    run_id: str
    path: str
    cells: int
    finished: int
    skipped: int
    failed: dict[str, str]
    table: str
    best: dict[str, Any] | None = None

    @property
    def exit_code(self) -> int:
        """1 when a cell failed."""
        return 1 if self.failed else 0

    def summary(self) -> str:
        """Counts, the best cell and the failed ones, in sentences."""
        lines = [
            f"{self.finished} of {self.cells} cells finished ({self.skipped} had been before). Table: {self.table}"
        ]
        if self.best:
            lines.append("Best: " + ", ".join(f"{name}={value}" for name, value in self.best.items()))
        lines += [f"Failed: {cell}: {error}" for cell, error in self.failed.items()]
        return "\n".join(lines)


@dataclass(frozen=True)
class Cell:
    """One combination, with all that another process needs to run it."""

    verb: str
    choices: dict[str, Any]
    settings_file: str
    workspace: str
    parent: str
    digest: str


def cells_of(settings: SweepSettings) -> list[dict[str, Any]]:
    """Every combination of the grid, in the order of the lists.

    Raises:
        InputError: The grid is empty, or one of its lists is.
    """
    empty = [name for name, values in settings.grid.items() if not values]
    if not settings.grid or empty:
        raise InputError("The grid has nothing to vary.", where=", ".join(empty), todo="List values under 'grid:'.")
    return [dict(zip(settings.grid, values, strict=True)) for values in product(*settings.grid.values())]


def run_cell(cell: Cell) -> dict[str, Any]:
    """Run one cell as a command of its own and return its result; the command's error text is raised as it stands."""
    environment = {**os.environ, "WORKBENCH_PARENT_RUN": cell.parent}
    words = [sys.executable, "-m", "workbench.cli", cell.verb, "--config", cell.settings_file]
    words += ["--workspace", cell.workspace, "--json", "--quiet"]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise InputError(lines[-1].removeprefix("Error: "))
    return json.loads(done.stdout.strip().splitlines()[-1])


def sweep(settings: SweepSettings, *, workspace: Workspace, progress: Progress | None = None) -> SweepResult:
    """Run every cell of a grid, skip those that finished before, go on past those that fail.

    With ``engine=ray`` the workspace must lie on a file system that all machines of the cluster see.

    Raises:
        InputError: The grid is empty, or a cell's settings do not fit the verb (checked before anything runs).
    """
    model, _ = VERBS[settings.verb].load()
    choices = cells_of(settings)
    for choice in choices:
        load_settings(model, values={**flatten(settings.base), **choice})
    folder = workspace.runs_dir / "sweep" / settings.name
    run = RunFolder.open(folder) if folder.exists() else RunFolder.create(workspace, "sweep", settings, settings.name)
    run.quiet = bool(progress and progress.quiet)
    (run.path / "cells").mkdir(exist_ok=True)
    tracker = Tracker(workspace, f"sweep/{settings.name}", run.run_id, "sweep", settings)
    with run, tracker:
        todo, done = [], {}
        for choice in choices:
            cell = _prepare(settings, model, choice, run.path, workspace, tracker.run_id)
            result = run.path / "cells" / f"{cell.digest}.json"
            if result.exists():
                done[cell.digest] = json.loads(result.read_text(encoding="utf-8"))
            else:
                todo.append(cell)
        skipped, failed = len(done), {}
        run.progress(skipped, len(choices), "cells")
        for task in map_tasks(run_cell, todo, engine=settings.engine, workers=settings.workers, threads_per_worker=0):
            cell = todo[task.index]
            if task.value is None:
                failed[_named(cell.choices)] = task.error or "unknown"
                run.log(f"Cell {_named(cell.choices)} failed: {task.error}")
            else:
                done[cell.digest] = {**cell.choices, **task.value}
                write_json(run.path / "cells" / f"{cell.digest}.json", done[cell.digest])
            run.progress(len(done) + len(failed), len(choices), "cells")
        table, best = _tabulate(list(done.values()), settings, run.path)
        tracker.artifact(table)
        tracker.metrics({"cells": len(choices), "failed": len(failed)})
    return SweepResult(
        run_id=run.run_id,
        path=str(run.path),
        cells=len(choices),
        finished=len(done),
        skipped=skipped,
        failed=failed,
        table=str(table),
        best=best,
    )


def _prepare(
    settings: SweepSettings,
    model: type[Settings],
    choice: dict[str, Any],
    folder: Path,
    workspace: Workspace,
    parent: str,
) -> Cell:
    resolved = load_settings(model, values={**flatten(settings.base), **choice})
    digest = digest_of([settings.verb, resolved.plain()])
    if "name" in model.model_fields and not flatten(settings.base).get("name"):
        resolved = load_settings(
            model, values={**flatten(settings.base), **choice, "name": f"{settings.name}-{digest[:8]}"}
        )
    file = folder / "cells" / f"{digest}.yaml"
    write_text(file, resolved.to_yaml())
    return Cell(settings.verb, choice, str(file), str(workspace.root), parent, digest)


def _named(choices: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in choices.items())


def _tabulate(
    results: list[dict[str, Any]], settings: SweepSettings, folder: Path
) -> tuple[Path, dict[str, Any] | None]:
    import pandas as pd

    table = pd.DataFrame([flatten(result) for result in results])
    best = None
    if settings.metric and settings.metric in table:
        table = table.sort_values(settings.metric, ascending=False)
        first = json.loads(table.head(1).to_json(orient="records"))[0]
        best = {name: first[name] for name in (*settings.grid, settings.metric)}
    file = folder / "cells.csv"
    table.to_csv(file, index=False)
    return file, best
