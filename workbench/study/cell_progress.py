"""A study's run as the work on one arm or one training sees it: told how far it is, and broken off by a stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workbench.finetuning.fold_run import FoldRun
from workbench.runs.folder import RunFolder


class Stopped(Exception):  # noqa: N818 - not an error: somebody asked for a stop
    """Somebody asked for a stop; what was done is kept."""


def check_stop(run: RunFolder) -> None:
    """Break off if somebody asked the run to stop.

    Raises:
        Stopped: Somebody did.
    """
    if run.stop_requested():
        raise Stopped


@dataclass(frozen=True)
class FeatureProgress:
    """The run while features of an arm are computed.

    Attributes:
        run: The study's.
        arm: Name of the arm.
    """

    run: RunFolder
    arm: str

    def progress(self, step: int, total: int, unit: str = "scans") -> None:
        """Tell the run how many scans are done.

        Raises:
            Stopped: Somebody asked for a stop.
        """
        check_stop(self.run)
        self.run.progress(step, total, unit, arm=self.arm, protocol="features")


class TrainingProgress(FoldRun):
    """The run while one training of a study goes on. The training leaves no checkpoint: broken off, it begins anew.

    Args:
        run: The study's.
        done, total: Trainings before this one, and in all.
        numbers: Shown beside them, such as arm, budget and draw.
    """

    def __init__(self, run: RunFolder, done: int, total: int, **numbers: str) -> None:
        super().__init__(run, "")
        self.done, self.of, self.shown = done, total, numbers

    def progress(self, step: int, total: int, unit: str = "scans", **numbers: Any) -> None:
        """Tell the run how far this training is, in percent, beside how many trainings are done.

        Raises:
            Stopped: Somebody asked for a stop.
        """
        fold = f"fold {numbers['fold']}, " if numbers.get("fold") else ""
        self.stop_requested()
        now = f"{fold}{100 * step // max(total, 1)} %"
        self.run.progress(self.done, self.of, "trainings", **self.shown, now=now)

    def log(self, sentence: str) -> None:
        """What a training says of itself is no news of the study."""

    def stop_requested(self) -> bool:
        """False.

        Raises:
            Stopped: Somebody asked for a stop.
        """
        check_stop(self.run)
        return False
