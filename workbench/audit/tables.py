"""The audit's tables as CSV, one file per question, made from ``audit.json`` alone."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.audit.cases import Case

Row = dict[str, Any]


def write_tables(summary: dict[str, Any], folder: Path) -> list[Path]:
    """Write every table that has rows into ``folder``."""
    folder.mkdir(exist_ok=True)
    made = {
        "groups": _groups(summary),
        "group_curves": _curves(summary),
        "shortcuts": _shortcuts(summary),
        "representation": _representation(summary),
        "calibration": _calibration(summary),
        "reliability": summary["calibration"]["diagram"],
        "operating_points": _operating(summary),
        "predictive_values": [
            {"prevalence": each["prevalence"], "what": each["what"], **_flat("positive", each["positive"]),
             **_flat("negative", each["negative"])}
            for each in summary["operating_point"]["predictive_values"]
        ],
        "decision_curve": _decision(summary),
        "referral": [
            {"budget": at["budget"], "n": at["n"], **each, "referred": at["referred"],
             "read_alone": at["read_alone"], "error_if_read": at["error_if_read"]}
            for at in summary["referral"]["by_budget"]
            for each in at["classes"]
        ],
        "referral_by_group": summary["referral"]["by_group"],
    }  # fmt: skip
    return [_write(folder / f"{name}.csv", rows) for name, rows in made.items() if rows]


def write_cases(cases: Sequence[Case], folder: Path) -> Path | None:
    """Write ``labels_to_check.csv``; it holds keys of scans and stays in the run folder."""
    if not cases:
        return None
    return _write(folder / "labels_to_check.csv", [vars(case) for case in cases])


def _write(file: Path, rows: Sequence[Row]) -> Path:
    names = list(dict.fromkeys(name for row in rows for name in row))
    partial = file.with_name(f".{file.name}.part")
    with partial.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, names)
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    partial.replace(file)
    return file


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return "" if value != value else f"{value:.6g}"
    return "" if value is None else value


def _flat(name: str, value: Row | None) -> Row:
    if value is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: value["value"], f"{name}_low": value["low"], f"{name}_high": value["high"]}


def primary_point(summary: dict[str, Any], group: Row) -> Row:
    """The point of the audited arm at the primary budget."""
    wanted = (summary["arm"], summary["protocol"], summary["budget"])
    return next(p for p in group["points"] if (p["arm"], p["protocol"], p["budget"]) == wanted)


def _groups(summary: dict[str, Any]) -> list[Row]:
    rows = []
    for attribute in [{"name": "everyone", "groups": [summary["everyone"]]}, *summary["attributes"]]:
        for group in attribute["groups"]:
            point = primary_point(summary, group)
            row: Row = {"attribute": attribute["name"], "group": group["name"]}
            row |= {name: group[name] for name in ("units", "patients", "positive_patients", "negative_patients")}
            for metric in ("auc", "sensitivity", "specificity"):
                row |= _flat(metric, point[metric])
            row |= _flat("observed_over_expected", group["observed_over_expected"])
            row |= _flat("calibration_error", group["calibration"]["error"] if group["calibration"] else None)
            for difference in group["differences"]:
                name = f"{difference['metric']}_minus_rest"
                row |= _flat(name, difference)
                row |= {f"{name}_p_holm": difference["p_holm"], f"{name}_named": difference["named"]}
            row |= _flat("auc_minus_rest_matched", group["matched"])
            row |= _flat("help_minus_rest", group["help"])
            rows.append({**row, "note": group["note"]})
    return rows


def _curves(summary: dict[str, Any]) -> list[Row]:
    rows = []
    for attribute in [{"name": "everyone", "groups": [summary["everyone"]]}, *summary["attributes"]]:
        for group in attribute["groups"]:
            for point in group["points"]:
                row: Row = {"attribute": attribute["name"], "group": group["name"]}
                row |= {name: point[name] for name in ("arm", "protocol", "budget", "n")}
                for metric in ("auc", "sensitivity", "specificity"):
                    row |= _flat(metric, point[metric])
                rows.append(row)
    return rows


def _shortcuts(summary: dict[str, Any]) -> list[Row]:
    rows = []
    for each in summary["shortcuts"]:
        base: Row = {"attribute": each["name"], "verdict": each["verdict"]}
        linked = each["association"]
        base |= {"cramers_v": linked["cramers_v"] if linked else None, "v_p_holm": linked["p_holm"] if linked else None}
        for name, interval in each["readable"].items():
            rows.append({**base, "what": f"readable from {name} (AUC, 0.5 is chance)", **_flat("value", interval)})
        for use in each["uses"]:
            rows.append(
                {**base, "what": f"{use['kind']}: {use['what']}", **_flat("value", use), "p_holm": use["p_holm"]}
            )
        if not each["readable"] and not each["uses"]:
            rows.append({**base, "what": each["note"]})
    for each in summary["rivals"]:
        rows.append({"attribute": each["name"], "verdict": "alarm" if each["alarm"] else "no alarm",
                     "what": "AUC for the disease", **_flat("value", each["auc"])})  # fmt: skip
    return rows


def _representation(summary: dict[str, Any]) -> list[Row]:
    rows = []
    for each in summary["representation"]:
        total = each["patients"]
        for group in each["groups"]:
            row: Row = {"attribute": each["name"], "group": group["group"]}
            for side in ("pool", "labelled", "unlabelled", "test"):
                row |= {f"{side}_patients": group[side], f"{side}_share": group[side] / max(total[side], 1)}
            row |= {"labelled_minus_unlabelled": group["difference"], "low": group["low"], "high": group["high"]}
            rows.append({**row, "p_holm": each["p_holm"], "unlike": group["unlike"]})
    return rows


def _calibration(summary: dict[str, Any]) -> list[Row]:
    rows = []
    for at in summary["calibration"]["by_budget"]:
        for kind in ("as_given", "recalibrated"):
            found = at[kind]
            row: Row = {"budget": at["budget"], "n": at["n"], "probabilities": kind, "temperature": at["temperature"]}
            for name in ("error", "slope", "intercept", "brier", "log_loss"):
                row |= _flat(name, found[name])
            row |= {name: found[name] for name in ("brier_skill", "plain_error", "plain_error_if_true")}
            rows.append(row)
    return rows


def _operating(summary: dict[str, Any]) -> list[Row]:
    rows = []
    for at in summary["operating_point"]["by_budget"]:
        row: Row = {"budget": at["budget"], "n": at["n"], **_flat("sensitivity", at["sensitivity"])}
        row |= _flat("specificity", at["specificity"])
        names = ("oracle_sensitivity", "draws_with_line", "draws", "transferred", "note")
        rows.append(row | {name: at[name] for name in names})
    return rows


def _decision(summary: dict[str, Any]) -> list[Row]:
    curve = summary["decision_curve"]
    names = ("model", "everybody", "reference", "gain", "low", "high", "reference_gain", "reference_low",
             "reference_high", "avoided")  # fmt: skip
    present = [name for name in names if curve[name] is not None]
    return [
        {"threshold": t, **{name: curve[name][place] for name in present}}
        for place, t in enumerate(curve["thresholds"])
    ]
