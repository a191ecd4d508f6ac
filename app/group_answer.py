"""An audit of groups of patients as the page shows it: read from its run folder, said in three wordings only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from app.runs_view import RunView
from app.wording import count, percent
from workbench.errors import OperationFailed

CLEAR, POSSIBLE, NONE = "clear difference", "possible difference", "no clear difference"
TOO_FEW = "too few to say"
METRICS = {"auc": "ranking quality", "sensitivity": "missed disease", "specificity": "false alarms"}
ATTRIBUTES = {
    "sex": "Sex",
    "age": "Age",
    "age_band": "Age",
    "manufacturer": "Maker",
    "scanner": "Scanner",
    "site": "Site",
    "view": "View",
    "view_position": "View",
}


@dataclass(frozen=True)
class GroupAnswer:
    """What an audit found.

    Attributes:
        verdict: One sentence or two for all attributes.
        warnings: What a reader must not miss.
        question: What counts as disease.
        unit: What an answer is about.
        tested: Units, patients, patients with and without the finding in the test set.
        overall: AUC, sensitivity and specificity over everybody, each ``(value, low, high)``.
        attributes: Names of the attributes, as the audit names them.
        table: One row per attribute and group, with figures, sizes and the wording of each difference.
        sentences: By attribute, what may be said.
        missing: Sentences on what was not recorded.
        skipped: By attribute, why it was not looked at.
    """

    verdict: str
    warnings: list[str]
    question: str
    unit: str
    tested: tuple[int, int, int, int]
    overall: dict[str, tuple[float, float, float]]
    attributes: list[str]
    table: pd.DataFrame
    sentences: dict[str, str]
    missing: list[str]
    skipped: dict[str, str]

    def of(self, attribute: str) -> pd.DataFrame:
        """The groups of one attribute: the lowest ranking quality first, those without one last."""
        rows = self.table[self.table["attribute"] == attribute]
        return rows.sort_values(["auc", "group"], na_position="last").reset_index(drop=True)


def read_groups(run: RunView) -> GroupAnswer:
    """The answer of a finished audit.

    Raises:
        OperationFailed: It wrote no figures, or they cannot be read.
    """
    figures = run.json("audit.json")
    if not figures:
        raise OperationFailed(
            "This audit has no figures.", where=run.run_id, todo="Look at its log, then start the audit again."
        )
    try:
        return _answer(figures)
    except (KeyError, TypeError, ValueError) as error:
        raise OperationFailed(
            f"The figures of this audit are not of the kind that this program writes ({error}).",
            where=run.run_id,
            todo="Start the audit again with this version.",
        ) from error


def attribute_words(name: str) -> str:
    """An attribute as people call it."""
    return " and ".join(ATTRIBUTES.get(part, part.replace("_", " ").capitalize()) for part in name.split("*"))


def wording(difference: dict[str, Any]) -> str:
    """One of the three wordings for a group against the rest.

    A difference is *clear* where the audit names it after Holm's correction, *possible* where only its own interval
    leaves out zero or touches it, else *no clear difference*.
    """
    if difference.get("named"):
        return CLEAR
    low, high = _number(difference.get("low")), _number(difference.get("high"))
    if math.isnan(low) or math.isnan(high) or (low < 0 < high):
        return NONE
    nearest = low if low >= 0 else high
    if difference["metric"] == "auc":
        return f"{POSSIBLE} (interval touches {_signed(nearest, 3)})"
    # the page speaks of what is missed and wrongly flagged: the other way round from what is found and let pass
    return f"{POSSIBLE} (interval touches {_signed(-100 * nearest, 1)} of 100)"


def _answer(figures: dict[str, Any]) -> GroupAnswer:
    primary = (figures["arm"], figures["protocol"], figures["budget"])
    everyone, test = figures["everyone"], figures["test"]
    rows, missing = [], []
    for attribute in figures["attributes"]:
        name = str(attribute["name"])
        unknown = [group for group in attribute["groups"] if not group["comparable"]]
        rows += [_row(name, group, primary) for group in attribute["groups"] if group["comparable"]]
        left = sum(int(group["units"]) for group in unknown)
        words = f"{attribute_words(name)} is not recorded, or mixed, for {left:,} of {test['units']:,}"
        missing.append(f"{words} test cases ({percent(left / max(test['units'], 1))}).")
    point = _at(everyone, primary)
    return GroupAnswer(
        verdict=str(figures["verdict"]),
        warnings=[str(text) for text in figures["warnings"]],
        question=str(figures["question"].get("said") or figures["question"]["name"]),
        unit=str(figures["unit"]),
        tested=(
            int(test["units"]), int(test["patients"]), int(test["positive_patients"]), int(test["negative_patients"]),
        ),
        overall={metric: _three(point.get(metric)) for metric in METRICS},
        attributes=[str(attribute["name"]) for attribute in figures["attributes"]],
        table=pd.DataFrame(rows, columns=list(_COLUMNS)),
        sentences={str(a["name"]): str(a["verdict"]["sentence"]) for a in figures["attributes"]},
        missing=missing,
        skipped={str(entry["name"]): str(entry["reason"]) for entry in figures["skipped"]},
    )  # fmt: skip


_COLUMNS = (
    "attribute", "group", "units", "patients", "positive", "negative", "judged", "note",
    "auc", "auc_low", "auc_high", "missed", "missed_low", "missed_high", "alarms", "alarms_low", "alarms_high",
    "said_auc", "said_missed", "said_alarms",
)  # fmt: skip


def _row(attribute: str, group: dict[str, Any], primary: tuple[str, str, str]) -> dict[str, Any]:
    point = _at(group, primary) if group["shown"] else {}
    auc, found, passed = (_three(point.get(metric)) for metric in METRICS)
    missed, alarms = _other(found), _other(passed)
    said = {entry["metric"]: wording(entry) for entry in group["differences"]}
    row = {
        "attribute": attribute, "group": str(group["name"]), "units": int(group["units"]),
        "patients": int(group["patients"]), "positive": int(group["positive_patients"]),
        "negative": int(group["negative_patients"]), "judged": bool(group["judged"]), "note": str(group["note"]),
    }  # fmt: skip
    for metric, three in (("auc", auc), ("missed", missed), ("alarms", alarms)):
        row[metric], row[f"{metric}_low"], row[f"{metric}_high"] = three
    for column, metric in (("said_auc", "auc"), ("said_missed", "sensitivity"), ("said_alarms", "specificity")):
        row[column] = said.get(metric, TOO_FEW)
    return row


def _at(group: dict[str, Any], primary: tuple[str, str, str]) -> dict[str, Any]:
    for point in group["points"]:
        if (point["arm"], point["protocol"], point["budget"]) == primary:
            return point
    return {}


def _three(value: dict[str, Any] | None) -> tuple[float, float, float]:
    value = value or {}
    return (_number(value.get("value")), _number(value.get("low")), _number(value.get("high")))


def _other(three: tuple[float, float, float]) -> tuple[float, float, float]:
    """One minus a share, its interval turned round."""
    value, low, high = three
    return (1 - value, 1 - high, 1 - low)


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "\u2212")


def tested_words(answer: GroupAnswer) -> str:
    """Whom the figures are about."""
    units, patients, positive, negative = answer.tested
    return (
        f"{count(units, 'test cases')} of {count(patients, 'patients')}: {positive:,} with the finding, "
        f"{negative:,} without."
    )
