"""Figures of a study for a manuscript: PNG and SVG, direct labels, colours that colour-blind readers tell apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workbench.study.curves import PROTOCOLS

# Okabe & Ito's palette, in an order that keeps neighbours apart; shape and dash say the same as colour.
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (2, 2)), "-.", (0, (8, 2, 2, 2)), (0, (4, 1)), ":")
SHORT = {"probe": "probe", "knn": "kNN", "finetune": "fine-tuned"}
METRIC = "AUC (ranking quality)"


def styles(summary: dict[str, Any]) -> dict[str, tuple[str, str, Any]]:
    """Colour, marker and dash of each arm, the reference first."""
    names = [arm["name"] for arm in summary["arms"]]
    names.sort(key=lambda name: name != summary["reference"])
    return {
        name: (COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)], DASHES[i % len(DASHES)])
        for i, name in enumerate(names)
    }


def caption(summary: dict[str, Any]) -> str:
    """Sample sizes and what the bars are."""
    test, development = summary["test"], summary["development"]
    draws = sorted({point["draws"] for point in summary["curve"]})
    many = f"{draws[0]}" if len(draws) == 1 else f"{draws[0]} to {draws[-1]}"
    text = (
        f"Test set: {test['units']:,} {summary['unit']}s of {test['patients']:,} patients "
        f"({test['fewest_patients']:,} in the smallest class); budgets drawn {many} times from "
        f"{development['patients']:,} patients. Bars: pointwise 95 % intervals over test patients, draws and pools."
    )
    if any(arm["seen"] == "transductive" for arm in summary["arms"]):
        text += " TRANSDUCTIVE: an encoder saw test scans without labels."
    return text


def axis_of(summary: dict[str, Any]) -> str:
    """Title of the axis of labels."""
    return f"labelled {summary['budget_unit']} (logarithmic)"


def curve_lines(summary: dict[str, Any]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Points of each curve by growing number of labels."""
    lines: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for point in summary["curve"]:
        lines.setdefault((point["arm"], point["protocol"]), []).append(point)
    return {key: sorted(points, key=lambda point: point["n"]) for key, points in lines.items()}


def shown_with(summary: dict[str, Any], protocol: str) -> set[tuple[str, str]]:
    """Reference curves of another protocol that a protocol's curves are compared with: training from scratch."""
    pairs = [found for found in summary["comparisons"] if found["protocol"] == protocol]
    return {(found["reference"], found["reference_protocol"]) for found in pairs} - {
        (found["reference"], protocol) for found in pairs
    }


def draw_figures(summary: dict[str, Any], folder: Path) -> list[Path]:
    """Write ``curve.png``, ``curve.svg``, ``difference.png`` and ``difference.svg`` into ``folder``."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    folder.mkdir(exist_ok=True)
    written = []
    with plt.rc_context(
        {"font.size": 10, "svg.hashsalt": "workbench", "axes.spines.top": False, "axes.spines.right": False}
    ):
        for name, make in (("curve", _curve), ("difference", _difference)):
            figure = make(plt, summary)
            if figure is None:
                continue
            for ending in ("png", "svg"):
                file = folder / f"{name}.{ending}"
                metadata = {"Date": None} if ending == "svg" else {}
                figure.savefig(file, dpi=160, metadata=metadata, bbox_inches="tight")
                written.append(file)
            plt.close(figure)
    return written


def _axis(plt: Any, axes: Any, points: list[dict[str, Any]], summary: dict[str, Any]) -> None:
    axes.set_xscale("log")
    ticks = sorted({round(point["n"]) for point in points})
    kept = [tick for i, tick in enumerate(ticks) if i == 0 or tick / ticks[i - 1] > 1.25 or i == len(ticks) - 1]
    axes.set_xticks(kept, [f"{tick:,}" for tick in kept])
    axes.xaxis.set_minor_locator(plt.NullLocator())
    axes.set_xlim(ticks[0] / 1.15, ticks[-1] * 2.1)
    axes.set_xlabel(axis_of(summary))
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)


def _curve(plt: Any, summary: dict[str, Any]) -> Any:
    lines = curve_lines(summary)
    protocols = [name for name in PROTOCOLS if any(key[1] == name for key in lines)]
    figure, panels = plt.subplots(
        1, len(protocols), figsize=(1.2 + 4.2 * len(protocols), 4.0), sharey=True, squeeze=False, layout="constrained"
    )
    style = styles(summary)
    labels = {arm["name"]: arm["label"] for arm in summary["arms"]}
    for axes, protocol in zip(panels[0], protocols, strict=True):
        wanted = shown_with(summary, protocol)
        mine = {key: points for key, points in lines.items() if key[1] == protocol or key in wanted}
        ends = []
        for step, ((arm, own), points) in enumerate(mine.items()):
            colour, marker, dash = style[arm]
            x = np.array([point["n"] for point in points]) * 1.02 ** (step - (len(mine) - 1) / 2)
            y = np.array([point["value"] for point in points])
            low, high = (np.array([point[end] for point in points]) for end in ("low", "high"))
            axes.errorbar(
                x,
                y,
                [y - low, high - y],
                color=colour,
                marker=marker,
                linestyle=dash,
                markersize=5,
                capsize=2,
                linewidth=1.4,
            )
            note = "" if own == protocol else f", {SHORT[own]}"
            ends.append((y[-1], x[-1], labels[arm] + note, colour))
        _axis(plt, axes, [point for points in mine.values() for point in points], summary)
        _direct_labels(axes, ends)
        axes.set_title(PROTOCOLS[protocol], loc="left", fontsize=11)
    panels[0][0].set_ylabel(METRIC)
    figure.text(0, -0.02, _wrapped(caption(summary), 62 * len(protocols)), fontsize=8, va="top")
    return figure


def _difference(plt: Any, summary: dict[str, Any]) -> Any:
    primary = [found for found in summary["comparisons"] if found["primary"] and found["differences"]]
    if not primary:
        return None
    figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    style = styles(summary)
    ends, points = [], []
    for step, found in enumerate(primary):
        colour, marker, dash = style[found["arm"]]
        each = found["differences"]
        x = np.array([d["n"] for d in each]) * 1.03 ** (step - (len(primary) - 1) / 2)
        y, low, high = (np.array([d[name] for d in each]) for name in ("value", "low", "high"))
        axes.errorbar(x, y, [y - low, high - y], color=colour, marker=marker, linestyle=dash, markersize=5, capsize=2)
        ends.append((y[-1], x[-1], f"{found['arm']} - {found['reference']}", colour))
        points += each
    axes.axhline(0, color="#444444", linewidth=1)
    _axis(plt, axes, points, summary)
    _direct_labels(axes, ends)
    axes.set_ylabel("difference of the AUC")
    title = f"Arm minus reference, {PROTOCOLS[summary['headline_protocol']]}"
    axes.set_title(title, loc="left", fontsize=11)
    note = "Bars: simultaneous 95 % bands, which hold at all budgets at once. Above 0: the arm ranks better. "
    figure.text(0, -0.02, _wrapped(note + caption(summary).split(" Bars:")[0], 95), fontsize=8, va="top")
    return figure


def _direct_labels(axes: Any, ends: list[tuple[float, float, str, str]]) -> None:
    """Names beside the curves' ends, moved apart where they would cover each other."""
    low, high = axes.get_ylim()
    gap = (high - low) * 0.055
    last = -np.inf
    for y, x, name, colour in sorted(ends):
        place = max(y, last + gap)
        axes.annotate(name, (x, y), (x * 1.09, place), color=colour, fontsize=9, va="center", annotation_clip=False)
        last = place


def _wrapped(text: str, width: int) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width))
