"""Which development scans are validation scans, by a column of the label file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InputError
from workbench.finetuning.settings import FinetuneSettings

if TYPE_CHECKING:
    from workbench.cohort.labels import Labels


def check_validation(named: str, labels: Labels, settings: FinetuneSettings, method: str) -> None:
    """Refuse what cannot be meant, before anything is trained.

    Args:
        named: ``COLUMN:VALUE``, or nothing.
        labels: Their further columns are searched.
        settings: ``select`` and ``keep`` are read.
        method: ``finetune``, ``probe`` or ``knn``.

    Raises:
        InputError: No such column or value; nothing to select by; a method that does not look at validation scans.
    """
    if not named:
        if settings.select == "best":
            raise InputError(
                "There are no validation scans to choose the best weights by.",
                where="select",
                todo="Name them, such as validation=split:val, or say select=last.",
            )
        return
    if method != "finetune":
        raise InputError(
            f"The method {method} chooses inside the budget; it does not look at validation scans.",
            where="validation",
            todo="Leave out validation=, or use method=finetune.",
        )
    if settings.select == "best" and settings.keep not in (None, 1.0):
        raise InputError(
            "The best weights on the validation scans are kept whole, so keep cannot be below 1.",
            where="keep",
            todo="Leave out keep=, or say select=last.",
        )
    _chosen(named, labels)


def set_aside(
    named: str, labels: Labels, development: NDArray[Any], patients: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], int]:
    """Take the validation scans, and all scans of their patients, out of the development set.

    Args:
        named: ``COLUMN:VALUE``.
        labels: Their further columns are searched.
        development: ``(N,)`` scan ids.
        patients: ``(N,)``.

    Returns:
        The scans left to train on; the validation scans; how many further scans of their patients are left out.

    Raises:
        InputError: No such column or value.
    """
    chosen = np.isin(development, list(_chosen(named, labels)))
    theirs = np.isin(patients, np.unique(patients[chosen].astype(str)).astype(object))
    return development[~theirs], development[chosen], int((theirs & ~chosen).sum())


def _chosen(named: str, labels: Labels) -> set[str]:
    column, colon, value = named.partition(":")
    table = labels.attributes
    columns = [name for name in table.columns if name != "scan_id"]
    if not colon or column not in columns:
        raise InputError(
            f"'{named}' names no column of the labels {labels.version}."
            if colon
            else f"'{named}' is not of the form COLUMN:VALUE.",
            where="validation",
            todo=f"Columns: {', '.join(columns)}." if columns else "The labels have no further columns.",
        )
    values = table[column].astype("string").str.strip()
    found = set(table.loc[values == value.strip(), "scan_id"])
    if not found:
        known = sorted(values.dropna().unique())[:10]
        raise InputError(
            f"No scan has '{value}' in the column '{column}'.", where="validation", todo=f"Values: {', '.join(known)}."
        )
    return found
