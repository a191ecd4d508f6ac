"""The errors that a user can cause or meet, each with what happened, where, and what to do next."""

from __future__ import annotations


class WorkbenchError(Exception):
    """An error whose text is meant for the user; the CLI and the app show it in place of a traceback.

    Args:
        what: One sentence: what went wrong.
        where: The file, row, tag or setting it concerns.
        todo: What to do next.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: object = "", todo: str = "") -> None:
        self.what = what
        self.where = str(where)
        self.todo = todo
        super().__init__(what, self.where, todo)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.todo)

    def __str__(self) -> str:
        parts = [self.what]
        if self.where:
            parts.append(f"Where: {self.where}.")
        if self.todo:
            parts.append(f"What to do: {self.todo}")
        return " ".join(parts)


def _rebuild(kind: type[WorkbenchError], what: str, where: str, todo: str) -> WorkbenchError:
    """Make the error again on the other side of a process border."""
    return kind(what, where=where, todo=todo)


class InputError(WorkbenchError):
    """What the user gave is wrong: a setting, a file, a label table (exit code 2)."""

    exit_code = 2


class OperationFailed(WorkbenchError):
    """The input was right, but the work could not be done: disk full, device absent, loss not finite (exit code 1)."""

    exit_code = 1
