"""``workbench sweep``: a grid of runs of another verb, in processes of their own, resumable."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from workbench.config import Result, Settings, digest_of, load_settings
from workbench.errors import InputError, OperationFailed
from workbench.runs.command import end_with_parent, run_command
from workbench.runs.engine import map_tasks, worker_count
from workbench.runs.folder import STOP_FILE, RunFolder
from workbench.runs.progress import Progress
from workbench.runs.status import write_json, write_text
from workbench.runs.tracking import Tracker, flatten
from workbench.runs.workspace import Workspace
from workbench.verbs import VERBS

ENDS_WITHIN_S = 120.0


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
    stopped: bool = False
    note: str = ""

    @property
    def exit_code(self) -> int:
        """1 when a cell failed."""
        return 1 if self.failed else 0

    def summary(self) -> str:
        """Counts, the best cell and the failed ones, in sentences."""
        lines = [
            f"{self.finished} of {self.cells} cells finished ({self.skipped} had been before). Table: {self.table}"
        ]
        if self.stopped:
            lines.append("Stopped; what was done is kept. The same command goes on.")
        if self.best:
            lines.append("Best: " + ", ".join(f"{name}={value}" for name, value in self.best.items()))
        lines += [self.note] if self.note else []
        lines += [f"Failed: {cell}: {error}" for cell, error in self.failed.items()]
        return "\n".join(lines)


@dataclass(frozen=True)
class Cell:
    """One combination, with all that another process needs to run it.

    Attributes:
        verb, choices: What to run, and what varies.
        settings_file: The resolved settings.
        workspace: Its folder.
        sweep: The sweep's run folder, where a stop is asked for.
        parent: The sweep's MLflow run.
        digest: Of verb and settings.
        run_name: Name of the cell's run folder where the sweep chose it, else empty.
        resumes: Whether the verb goes on with a run by ``resume``.
    """

    verb: str
    choices: dict[str, Any]
    settings_file: str
    workspace: str
    sweep: str
    parent: str
    digest: str
    run_name: str = ""
    resumes: bool = False


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
    """Run one cell as a command of its own and return its result; ``{"stopped": True}`` when a stop was asked for.

    A run that a stopped or killed sweep left half done is gone on with.

    Raises:
        OperationFailed: The command failed; its own words are the error's.
    """
    end_with_parent()
    stop = Path(cell.sweep) / STOP_FILE
    if stop.exists():
        return {"stopped": True}
    environment = {**os.environ, "WORKBENCH_PARENT_RUN": cell.parent}
    words = [cell.verb, *_settings_of(cell), "--workspace", cell.workspace, "--json", "--quiet"]
    done = run_command(words, environment=environment, wanted=lambda: not stop.exists())
    if done.returncode != 0 and stop.exists():
        return {"stopped": True}
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        said = [line for line in lines if line.startswith("Error: ")] or lines
        raise OperationFailed(said[-1].removeprefix("Error: "))
    return json.loads(done.stdout.strip().splitlines()[-1])


def _settings_of(cell: Cell) -> list[str]:
    """The words that give a cell its settings: to go on with its run where there is one, else its settings file."""
    folder = Path(cell.workspace) / "runs" / cell.verb / cell.run_name
    if not (cell.resumes and cell.run_name and (folder / "status.json").exists()):
        return ["--config", cell.settings_file]
    ends = time.monotonic() + ENDS_WITHIN_S
    while RunFolder.open(folder).status().at_work() and time.monotonic() < ends:
        time.sleep(0.5)  # its sweep was killed; it saves and ends by itself
    return [f"resume={cell.run_name}"]


def sweep(settings: SweepSettings, *, workspace: Workspace, progress: Progress | None = None) -> SweepResult:
    """Run every cell of a grid, skip those that finished before, go on past those that fail.

    With ``engine=ray`` the workspace must lie on a file system that all machines of the cluster see.

    Raises:
        InputError: The grid is empty, a cell's settings do not fit the verb (checked before anything runs), or the
            sweep is running.
    """
    model, _ = VERBS[settings.verb].load()
    choices = cells_of(settings)
    for choice in choices:
        load_settings(model, values={**flatten(settings.base), **choice})
    run = _run_folder(settings, workspace)
    run.quiet = bool(progress and progress.quiet)
    tracker = Tracker(workspace, f"sweep/{settings.name}", run.run_id, "sweep", settings, folder=run.path)
    with run, tracker:
        cells = [_prepare(settings, model, choice, run.path, workspace, tracker.run_id) for choice in choices]
        done = {cell.digest: _finished(run.path, cell) for cell in cells}
        done = {digest: result for digest, result in done.items() if result is not None}
        todo = [cell for cell in cells if cell.digest not in done]
        skipped, failed = len(done), {}
        run.progress(skipped, len(choices), "cells")
        for task in map_tasks(
            run_cell,
            _until_stopped(run, todo),
            engine=settings.engine,
            workers=settings.workers,
            threads_per_worker=_threads(settings.workers),
        ):
            cell = todo[task.index]
            if task.value is None:
                failed[_named(cell.choices)] = task.error or "unknown"
                run.log(f"Cell {_named(cell.choices)} failed: {task.error}")
            elif not task.value.get("stopped"):
                done[cell.digest] = {**cell.choices, **task.value}
                write_json(run.path / "cells" / f"{cell.digest}.json", done[cell.digest])
            run.progress(len(done) + len(failed), len(choices), "cells")
        in_order = [done[cell.digest] for cell in cells if cell.digest in done]
        table, best, note = _tabulate(in_order, settings, run.path)
        tracker.artifact(table)
        tracker.metrics({"cells": len(choices), "finished": len(done), "failed": len(failed)})
        result = SweepResult(
            run_id=run.run_id,
            path=str(run.path),
            cells=len(choices),
            finished=len(done),
            skipped=skipped,
            failed=failed,
            table=str(table),
            best=best,
            stopped=len(done) + len(failed) < len(choices) and run.stop_requested(),
            note=note,
        )
        run.conclude(f"{len(done)} of {len(choices)} cells finished, {len(failed)} failed.")
    return result


def _run_folder(settings: SweepSettings, workspace: Workspace) -> RunFolder:
    """A new run, or the one of that name to go on with."""
    folder = workspace.runs_dir / "sweep" / settings.name
    if not (folder / "status.json").exists():
        run = RunFolder.create(workspace, "sweep", settings, settings.name)
    else:
        run = RunFolder.open(folder)
        run.refuse_running()
        write_text(run.path / "settings.yaml", settings.to_yaml())
    (run.path / "cells").mkdir(exist_ok=True)
    return run


def _until_stopped(run: RunFolder, cells: list[Cell]) -> Iterator[Cell]:
    for cell in cells:
        if run.stop_requested():
            return
        yield cell


def _threads(workers: int) -> int:
    """Threads for each cell: the user's own setting or all cores for one at a time, else a share of the cores."""
    return 0 if workers == 1 or "OMP_NUM_THREADS" in os.environ else max(1, worker_count() // workers)


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
    name = ""
    if "name" in model.model_fields and not flatten(settings.base).get("name"):
        name = f"{settings.name}-{digest[:8]}"
        resolved = load_settings(model, values={**flatten(settings.base), **choice, "name": name})
    file = folder / "cells" / f"{digest}.yaml"
    write_text(file, resolved.to_yaml())
    resumes = "resume" in model.model_fields
    return Cell(settings.verb, choice, str(file), str(workspace.root), str(folder), parent, digest, name, resumes)


def _finished(folder: Path, cell: Cell) -> dict[str, Any] | None:
    file = folder / "cells" / f"{cell.digest}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def _named(choices: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in choices.items())


def _tabulate(
    results: list[dict[str, Any]], settings: SweepSettings, folder: Path
) -> tuple[Path, dict[str, Any] | None, str]:
    """The table of the finished cells, the best of them, and what is to be said of the metric."""
    import pandas as pd

    table = pd.DataFrame([flatten(result) for result in results])
    best, note = None, ""
    if settings.metric and settings.metric in table and table[settings.metric].notna().any():
        table = table.sort_values(settings.metric, ascending=False, kind="stable")
        first = json.loads(table.head(1).to_json(orient="records"))[0]
        best = {name: first[name] for name in (*settings.grid, settings.metric)}
    elif settings.metric and len(table):
        numbers = [str(name) for name in table.select_dtypes("number").columns]
        note = f"No cell has the figure '{settings.metric}'; there are {', '.join(numbers)}."
    file = folder / "cells.csv"
    table.to_csv(file, index=False)
    return file, best, note
