"""Figures about probabilities and lines: reliability, decision curve, operating point, prediction sets."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.study.figures import COLOURS, MARKERS

GREY = "#dddddd"


def reliability(plt: Any, summary: dict[str, Any]) -> tuple[Any, str] | None:
    """Observed against predicted, with where a true model's points would lie."""
    rows = summary["calibration"]["diagram"]
    if not rows:
        return None
    table = {name: np.array([row[name] for row in rows], dtype=float) for name in rows[0]}
    figure, (axes, below) = plt.subplots(
        2, 1, figsize=(4.8, 5.2), sharex=True, height_ratios=(4, 1), layout="constrained"
    )
    x = table["mean_probability"]
    axes.fill_between(
        x, table["expected_low"], table["expected_high"], color=GREY, label="if every probability were true"
    )
    axes.fill_between(
        x, table["band_low"], table["band_high"], color="#56B4E9", alpha=0.35, label="bootstrap of patients"
    )
    axes.plot([0, 1], [0, 1], color="#444444", linewidth=1)
    bars = [np.maximum(table["observed"] - table["low"], 0), np.maximum(table["high"] - table["observed"], 0)]
    axes.errorbar(x, table["observed"], bars, color="#0072B2", marker="o", markersize=4.5, capsize=2, linewidth=1.2)
    if summary["draws"] > 1:
        axes.vlines(
            x, table["draw_low"], table["draw_high"], color="#D55E00", linewidth=4, alpha=0.5, label="80 % of draws"
        )
    axes.set_ylabel("share with the disease")
    axes.legend(fontsize=7.5, frameon=False, loc="upper left")
    below.bar(np.arange(0.025, 1, 0.05), summary["calibration"]["histogram"], width=0.045, color="#777777")
    below.set_xlabel("predicted probability")
    below.set_ylabel(f"{summary['unit']}s", fontsize=8)
    at = next(each for each in summary["calibration"]["by_budget"] if each["budget"] == summary["budget"])
    found = at["recalibrated"]["error"]
    error = "not computed (too few cases)"
    if found["value"] is not None:
        error = f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"
    text = f"Equal-mass bins, Wilson bars, after one temperature from the labels. Debiased calibration error {error}."
    return figure, text


def decision(plt: Any, summary: dict[str, Any]) -> tuple[Any, str] | None:
    """Net benefit of the model, of everybody, of nobody, and of the reference."""
    curve = summary["decision_curve"]
    t = np.array(curve["thresholds"])
    figure, (axes, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    lines = [("model", summary["arm"], 1), ("everybody", "acting on everybody", 0)]
    if curve["reference"]:
        lines.append(("reference", summary["reference"]["arm"], 3))
    for name, label, colour in lines:
        axes.plot(
            t,
            curve[name],
            color=COLOURS[colour],
            linestyle=("-", (0, (5, 2)), (0, (2, 2)))[lines.index((name, label, colour))],
            label=label,
        )  # noqa: E501
    axes.axhline(0, color="#444444", linewidth=1, label="acting on nobody")
    top = float(np.max(curve["model"]))
    axes.set_ylim(min(-0.05 * max(top, 0.05), float(np.min(curve["model"])) * 1.1), max(top, 0.01) * 1.15)
    axes.set_xlabel("probability from which on one acts")
    axes.set_ylabel("net benefit")
    axes.legend(fontsize=7.5, frameon=False)
    right.fill_between(t, np.array(curve["low"], float), np.array(curve["high"], float), color=GREY)
    right.plot(t, curve["gain"], color=COLOURS[1])
    right.axhline(0, color="#444444", linewidth=1)
    right.set_xlabel("probability from which on one acts")
    right.set_title("gain over the better of everybody and nobody", loc="left", fontsize=9)
    text = (
        f"Net benefit at a prevalence of {100 * curve['prevalence']:.0f} %, on recalibrated probabilities. Band: holds "
        "at all thresholds at once."
    )
    return figure, text


def operating(plt: Any, summary: dict[str, Any]) -> tuple[Any, str] | None:
    """Where the line set inside each budget lies on the test set."""
    wanted = summary["operating_point"]["specificity"]
    points = [each for each in summary["operating_point"]["by_budget"] if each["sensitivity"]["value"] is not None]
    if len(points) < 2:
        return None
    figure, panels = plt.subplots(1, 2, figsize=(8.4, 3.4), layout="constrained")
    x = np.array([point["n"] for point in points])
    for axes, metric, colour in ((panels[0], "sensitivity", 0), (panels[1], "specificity", 1)):
        y, low, high = (np.array([point[metric][end] for point in points]) for end in ("value", "low", "high"))
        bars = [np.maximum(y - low, 0), np.maximum(high - y, 0)]
        axes.errorbar(
            x,
            y,
            bars,
            color=COLOURS[colour],
            marker=MARKERS[colour],
            capsize=2,
            markersize=4.5,
            label="line from the labels",
        )
        axes.set_xscale("log")
        shown = [round(v) for i, v in enumerate(x) if i == 0 or v / x[i - 1] > 1.6 or i == len(x) - 1]
        axes.set_xticks(shown, [f"{v:,}" for v in shown], fontsize=8)
        axes.minorticks_off()
        axes.set_xlabel(f"labelled {summary['budget_unit']}")
        axes.set_title(metric, loc="left", fontsize=10)
        axes.grid(axis="y", color="#e4e4e4", linewidth=0.6)
    panels[0].plot(
        x,
        [p["oracle_sensitivity"] for p in points],
        color="#D55E00",
        marker="^",
        linestyle=(0, (2, 2)),
        markersize=4.5,
        label="oracle: line from the test set",
    )
    panels[0].legend(fontsize=7.5, frameon=False)
    panels[1].axhline(wanted, color="#444444", linewidth=1, linestyle=(0, (4, 2)))
    transferred = points[-1]["transferred"]
    how = "from out-of-fold scores of the labelled set" if transferred else "from the other half of the test patients"
    return figure, f"Line {how}, for a specificity of {wanted:g} (dashed)."


def referral(plt: Any, summary: dict[str, Any]) -> tuple[Any, str] | None:
    """Coverage of each class and the share of cases handed to a person."""
    points = summary["referral"]["by_budget"]
    if not points:
        return None
    names = [each["class"] for each in points[0]["classes"]]
    figure, (axes, right) = plt.subplots(1, 2, figsize=(8.4, 3.4), layout="constrained")
    x = np.array([point["n"] for point in points])
    for c, name in enumerate(names[: len(COLOURS)]):
        each = [point["classes"][c] for point in points]
        y, low, high = (np.array([e[end] for e in each], dtype=float) for end in ("coverage", "low", "high"))
        bars = [np.maximum(y - low, 0), np.maximum(high - y, 0)]
        axes.errorbar(
            x * 1.03 ** (c - (len(names) - 1) / 2), y, bars, color=COLOURS[c], marker=MARKERS[c], capsize=2,
            markersize=4.5, linewidth=1.1, label=name,
        )  # fmt: skip
    axes.axhline(1 - summary["referral"]["alpha"], color="#444444", linewidth=1, linestyle=(0, (4, 2)))
    axes.set_title("set holds the right class", loc="left", fontsize=10)
    axes.legend(fontsize=7.5, frameon=False)
    right.plot(
        x, [100 * p["referred"] for p in points], color=COLOURS[0], marker=MARKERS[0], label="handed to a person"
    )
    wrong = [100 * p["error_if_read"] if p["error_if_read"] is not None else np.nan for p in points]
    right.plot(x, wrong, color=COLOURS[2], marker=MARKERS[2], linestyle=(0, (4, 2)), label="wrong among the rest")
    right.set_title("share of cases, %", loc="left", fontsize=10)
    right.legend(fontsize=7.5, frameon=False)
    for panel in (axes, right):
        if len(x) > 1:
            panel.set_xscale("log")
            shown = [round(v) for i, v in enumerate(x) if i == 0 or v / x[i - 1] > 1.6 or i == len(x) - 1]
            panel.set_xticks(shown, [f"{v:,}" for v in shown], fontsize=8)
            panel.minorticks_off()
        panel.set_xlabel(f"labelled {summary['budget_unit']}")
        panel.grid(axis="y", color="#e4e4e4", linewidth=0.6)
    return figure, f"Class-conditional prediction sets, wanted coverage {1 - summary['referral']['alpha']:g} (dashed)."
