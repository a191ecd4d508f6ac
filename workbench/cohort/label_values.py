"""From cells to targets: which task a label column poses, its classes, and each row's value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.cohort.identifying import looks_identifying
from workbench.cohort.label_table import as_number
from workbench.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

TASKS = ("binary", "multiclass", "multilabel", "ordinal")
MAX_CLASSES = 100
NO = (
    "0",
    "0.0",
    "no",
    "false",
    "negative",
    "neg",
    "normal",
    "absent",
    "healthy",
    "benign",
    "control",
    "n",
    "f",
    "nein",
    "non",
)
YES = ("1", "1.0", "yes", "true", "positive", "pos", "present", "y", "t", "ja", "oui")
UNCERTAIN = ("-1", "-1.0", "?", "uncertain", "u")
SEPARATORS = re.compile(r"[;|]")


@dataclass(frozen=True)
class RowTargets:
    """The targets of a label table's rows.

    Attributes:
        task: ``binary``, ``multiclass``, ``multilabel`` or ``ordinal``.
        classes: Class names in the order of their indices; for a binary task the positive one is the second.
        table: One row per label row: the column ``label`` with class names (empty where not stated), or one column
            per class with 0, 1 or nan.
        uncertain: Cells marked uncertain, taken as not stated.
    """

    task: str
    classes: list[str]
    table: pd.DataFrame
    uncertain: int = 0


def read_targets(
    table: pd.DataFrame, columns: list[str], *, task: str = "auto", positive: str = "", order: str = ""
) -> RowTargets:
    """Decide the task and turn cells into targets.

    Args:
        table: The label table, cells as text.
        columns: One label column, or several for a multi-label task.
        task: One of ``TASKS``, or ``auto``: several columns or cells with ``;`` or ``|`` make a multi-label task, two
            classes a binary one, more a multi-class one.
        positive: For a binary task, the class that counts as positive.
        order: For an ordinal task, the classes from low to high, separated by commas; numbers order themselves.

    Raises:
        InputError: The task is unknown or does not fit, there is one class only, or too many.
    """
    if task not in (*TASKS, "auto"):
        raise InputError(f"Unknown task '{task}'.", todo=f"Choose one of {', '.join((*TASKS, 'auto'))}.")
    if len(columns) > 1:
        if task not in ("multilabel", "auto"):
            raise InputError(f"A {task} task has one label column; {len(columns)} were named.", todo="Name one column.")
        return _columns_of_findings(table, columns)
    cells = table[columns[0]]
    _refuse_identifying(cells, columns[0])
    if task == "multilabel" or (task == "auto" and cells.str.contains(SEPARATORS).any()):
        return _lists_of_findings(cells)
    return _one_of_many(cells, columns[0], task, positive, order)


def _refuse_identifying(cells: pd.Series, name: str) -> None:
    """Classes are published and printed: a column of remarks, dates or numbers of people cannot be one of labels."""
    if any(looks_identifying(value) for value in cells.unique() if "." not in value or as_number(value) is None):
        raise InputError(
            f"The column '{name}' holds dates, numbers of people or names, and cannot be a label column.",
            todo="Choose the column with the diagnosis.",
        )


def _one_of_many(cells: pd.Series, name: str, task: str, positive: str, order: str) -> RowTargets:
    counts = cells[cells != ""].value_counts().to_dict()
    if len(counts) < 2:
        shown = ", ".join(f"'{value}': {number}" for value, number in counts.items()) or "no cell is filled"
        raise InputError(
            f"The column '{name}' holds one class only ({shown}); a classifier needs at least two.",
            todo="Choose another column, or add rows of the other class.",
        )
    if len(counts) > MAX_CLASSES:
        raise InputError(
            f"The column '{name}' holds {len(counts):,} different values, more than the {MAX_CLASSES} classes allowed.",
            todo="Choose the column with the diagnosis, or put numbers into a few classes first.",
        )
    if task == "auto":
        task = "binary" if len(counts) == 2 else "multiclass"
    if task == "binary" and len(counts) != 2:
        shown = ", ".join(f"'{value}': {number}" for value, number in counts.items())
        raise InputError(f"A binary task has two classes; the column '{name}' holds {len(counts)}: {shown}.")
    classes = _ordered([str(value) for value in counts], task, positive, order)
    return RowTargets(task, classes, cells.to_frame("label"))


def _ordered(values: list[str], task: str, positive: str, order: str) -> list[str]:
    numbers = [as_number(value) for value in values]
    if order:
        classes = [word.strip() for word in order.split(",")]
        if sorted(classes) != sorted(values):
            raise InputError(f"The order '{order}' does not name the classes, which are: {', '.join(sorted(values))}.")
        return classes
    if all(number is not None for number in numbers):
        classes = [value for _, value in sorted(zip(numbers, values, strict=True))]
    elif task == "ordinal":
        raise InputError(
            f"The order of the classes is not known: {', '.join(sorted(values))}.",
            todo="Give it from low to high: order=low,middle,high.",
        )
    else:
        classes = sorted(values)
    if task == "binary":
        if positive and positive not in classes:
            raise InputError(f"There is no class '{positive}'; the classes are {', '.join(classes)}.")
        second_is_no = classes[1].lower() in NO and classes[0].lower() not in NO
        first_is_yes = classes[0].lower() in YES and classes[1].lower() not in YES
        if positive == classes[0] or (not positive and (second_is_no or first_is_yes)):
            classes.reverse()
    return classes


def _columns_of_findings(table: pd.DataFrame, columns: list[str]) -> RowTargets:
    import pandas as pd

    values, uncertain = {}, 0
    for name in columns:
        words = table[name].str.lower()
        number = pd.Series(float("nan"), index=table.index)
        number[words.isin(NO)] = 0.0
        number[words.isin(YES)] = 1.0
        odd = ~(words.isin(NO) | words.isin(YES) | words.isin(UNCERTAIN) | (words == ""))
        if odd.any():
            first = table.index[odd][0]
            raise InputError(
                f"The column '{name}' of a multi-label task holds something other than yes or no in "
                f"{int(odd.sum())} rows (first in row {int(first) + 2} of the file).",
                todo="Use 1 and 0 (or yes and no); leave the cell empty where it is not known.",
            )
        uncertain += int(words.isin(UNCERTAIN).sum())
        values[name] = number
    _check_findings(values)
    return RowTargets("multilabel", list(columns), pd.DataFrame(values), uncertain)


def _lists_of_findings(cells: pd.Series) -> RowTargets:
    import pandas as pd

    lists = [[word.strip() for word in SEPARATORS.split(cell) if word.strip()] for cell in cells]
    classes = sorted({word for words in lists for word in words})
    if len(classes) > MAX_CLASSES:
        raise InputError(
            f"The cells name {len(classes):,} different findings, more than the {MAX_CLASSES} allowed.",
            todo="Choose the column with the findings.",
        )
    values = {
        name: pd.Series([float(name in words) if words else float("nan") for words in lists], index=cells.index)
        for name in classes
    }
    _check_findings(values)
    return RowTargets("multilabel", classes, pd.DataFrame(values))


def _check_findings(values: dict[str, pd.Series]) -> None:
    if not values:
        raise InputError("No cell of the label column is filled.", todo="Choose another column.")
    for name, column in values.items():
        counts = {value: int((column == value).sum()) for value in (0.0, 1.0)}
        if min(counts.values()) == 0:
            raise InputError(
                f"The finding '{name}' has one class only: {counts[1.0]} with it, {counts[0.0]} without.",
                todo="Leave it out, or add rows of the other kind.",
            )
