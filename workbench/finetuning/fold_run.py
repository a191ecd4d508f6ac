"""The run as the training of a fold sees it."""

from __future__ import annotations

from typing import Any

from workbench.runs.folder import RunFolder


class FoldRun(RunFolder):
    """Passes progress, sentences and stop requests on to a run, and keeps a fold's figures out of its record.

    Args:
        run: The run.
        name: Shown beside the progress, such as ``1/3``.
    """

    def __init__(self, run: RunFolder, name: str) -> None:
        super().__init__(run.path, quiet=run.quiet)
        self.run, self.name = run, name

    def progress(self, step: int, total: int, unit: str = "scans", **numbers: float | int | str) -> None:
        """Tell the run how far the fold is."""
        self.run.progress(step, total, unit, **numbers, fold=self.name)

    def log(self, sentence: str) -> None:
        """Say one sentence in the run's log."""
        self.run.log(sentence)

    def event(self, **numbers: Any) -> None:
        """Figures of a fold are not the run's."""

    def stop_requested(self) -> bool:
        """Whether somebody asked the run to stop."""
        return self.run.stop_requested()
