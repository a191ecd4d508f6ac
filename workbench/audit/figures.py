"""Figures of an audit: PNG and SVG, sample sizes in the caption, colours that colour-blind readers tell apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from workbench.audit.figures_of_trust import decision, operating, referral, reliability
from workbench.audit.tables import primary_point
from workbench.study.figures import COLOURS, MARKERS

MOST_PANELS = 6
METRICS = (("auc", "AUC"), ("sensitivity", "sensitivity"), ("specificity", "specificity"))


def caption(summary: dict[str, Any]) -> str:
    """Sample sizes, and what intervals are over."""
    test = summary["test"]
    draws = f", {summary['draws']} draws" if summary["draws"] > 1 else ""
    return (
        f"{summary['arm']} ({summary['protocol']}), {summary['budget']} labelled {summary['budget_unit']}{draws}. "
        "Disease: "
        f"{summary['question']['name']}. {test['units']:,} {summary['unit']}s of {test['patients']:,} test patients "
        f"({test['positive_patients']:,} with, {test['negative_patients']:,} without). 95 % intervals, clustered by "
        "patient."
    )


def draw_figures(summary: dict[str, Any], folder: Path) -> dict[str, str]:
    """Write ``NAME.png`` and ``NAME.svg`` into ``folder``.

    Returns:
        Name of each figure that was drawn to its caption.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    folder.mkdir(exist_ok=True)
    made: dict[str, str] = {}
    drawings: dict[str, Callable[[Any, dict[str, Any]], tuple[Any, str] | None]] = {
        "groups": _groups,
        "worst_groups": _worst,
        "shortcuts": _shortcuts,
        "representation": _representation,
        "reliability": reliability,
        "decision_curve": decision,
        "operating_point": operating,
        "referral": referral,
    }
    look: Any = {"font.size": 10, "svg.hashsalt": "workbench", "axes.spines.top": False, "axes.spines.right": False}
    with plt.rc_context(look):
        for name, draw in drawings.items():
            drawn = draw(plt, summary)
            if drawn is None:
                continue
            figure, words = drawn
            made[name] = f"{words} {caption(summary)}"
            figure.text(0, -0.01, _wrapped(made[name], int(13 * figure.get_size_inches()[0])), fontsize=7.5, va="top")
            for ending in ("png", "svg"):
                metadata = {"Date": None} if ending == "svg" else {}
                figure.savefig(folder / f"{name}.{ending}", dpi=160, metadata=metadata, bbox_inches="tight")
            plt.close(figure)
    return made


def _wrapped(text: str, width: int) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width))


def _groups(plt: Any, summary: dict[str, Any]) -> tuple[Any, str] | None:
    """Each group's AUC, sensitivity and specificity, under its attribute."""
    lines: list[tuple[str, dict[str, Any] | None]] = [("everyone", summary["everyone"])]
    for attribute in summary["attributes"]:
        lines.append((f"{attribute['name']}: {attribute['verdict']['short']}", None))
        lines += [(group["name"], group) for group in attribute["groups"] if group["comparable"]]
    if len(lines) < 2:
        return None
    figure, panels = plt.subplots(
        1, 3, figsize=(9.6, 1.3 + 0.27 * len(lines)), sharey=True, layout="constrained", width_ratios=(1.2, 1, 1)
    )
    whole = primary_point(summary, summary["everyone"])
    for axes, (metric, title) in zip(panels, METRICS, strict=True):
        if whole[metric] and whole[metric]["value"] is not None:
            axes.axvline(whole[metric]["value"], color="#999999", linewidth=1, linestyle=(0, (4, 2)))
        for place, (_, group) in enumerate(lines):
            value = primary_point(summary, group)[metric] if group else None
            if value is None or value["value"] is None:
                continue
            assert group is not None
            named = any(d["named"] and d["metric"] == metric for d in group["differences"])
            judged = place == 0 or any(d["metric"] == metric for d in group["differences"])
            colour = "#D55E00" if named else "#0072B2" if judged else "#777777"
            if value["low"] is not None:
                axes.plot([value["low"], value["high"]], [place, place], color=colour, linewidth=1.4)
            marker = "^" if named else "o"
            axes.plot(value["value"], place, marker, color=colour, fillstyle="full" if judged else "none", markersize=5)
        axes.set_title(title, loc="left", fontsize=10)
        axes.grid(axis="x", color="#e4e4e4", linewidth=0.6)
    words = []
    for name, group in lines:
        counts = f"  ({group['positive_patients']:,} + {group['negative_patients']:,})" if group else ""
        words.append(f"{name}{counts}")
    panels[0].set_yticks(range(len(lines)), words)
    for label, (_, group) in zip(panels[0].get_yticklabels(), lines, strict=True):
        label.set_fontweight("normal" if group else "bold")
    panels[0].set_ylim(len(lines) - 0.4, -0.6)
    text = (
        "In brackets: patients with and without the disease. Filled: enough patients to be compared with the rest; "
        "hollow: shown, not judged; orange triangle: differs from the rest after correction for all comparisons. "
        "Dashed: everyone."
    )
    return figure, text


def _worst(plt: Any, summary: dict[str, Any]) -> tuple[Any, str] | None:
    """The curve of each attribute's weakest group beside everyone's."""
    chosen = [attribute for attribute in summary["attributes"] if attribute["worst"]][:MOST_PANELS]
    whole = [p for p in summary["everyone"]["points"] if p["arm"] == summary["arm"]]
    if not chosen or len({p["budget"] for p in whole}) < 2:
        return None
    columns = min(3, len(chosen))
    rows = -(-len(chosen) // columns)
    figure, panels = plt.subplots(
        rows, columns, figsize=(1 + 3.2 * columns, 0.4 + 2.7 * rows), sharey=True, squeeze=False, layout="constrained"
    )
    for axes, attribute in zip(panels.flat, chosen, strict=False):
        name = attribute["worst"]["group"]
        group = next(each for each in attribute["groups"] if each["name"] == name)
        own = [p for p in group["points"] if p["arm"] == summary["arm"]]
        for step, (points, label) in enumerate(((whole, "everyone"), (own, name))):
            budget_curve(axes, points, "auc", step, label)
        axes.set_title(f"{attribute['name']}: {name}", loc="left", fontsize=9)
        axes.legend(fontsize=7.5, frameon=False, loc="lower right")
    for axes in list(panels.flat)[len(chosen) :]:
        axes.set_visible(False)
    panels[0][0].set_ylabel("AUC")
    for axes in panels[-1]:
        axes.set_xlabel(f"labelled {summary['budget_unit']}")
    return (
        figure,
        "Of each attribute the group with the lowest AUC after shrinkage, at every budget. Pointwise intervals.",
    )


def budget_curve(axes: Any, points: list[dict[str, Any]], metric: str, step: int, label: str) -> None:
    """One curve with bars over the logarithm of the labels."""
    points = [p for p in sorted(points, key=lambda p: p["n"]) if p[metric] and p[metric]["value"] is not None]
    if not points:
        return
    y = np.array([p[metric]["value"] for p in points])
    low, high = (
        np.array([p[metric][end] if p[metric][end] is not None else p[metric]["value"] for p in points])
        for end in ("low", "high")
    )
    x = np.array([p["n"] for p in points]) * 1.03**step
    axes.errorbar(
        x,
        y,
        [np.maximum(y - low, 0), np.maximum(high - y, 0)],
        color=COLOURS[step],
        marker=MARKERS[step],
        linestyle=("-", (0, (5, 2)), (0, (2, 2)))[step % 3],
        markersize=4.5,
        capsize=2,
        linewidth=1.2,
        label=label,
    )
    if min(x) > 0:
        axes.set_xscale("log")
        ticks = sorted({round(p["n"]) for p in points})
        shown = [t for i, t in enumerate(ticks) if i == 0 or t / ticks[i - 1] > 1.6 or i == len(ticks) - 1]
        axes.set_xticks(shown, [f"{t:,}" for t in shown], fontsize=8)
        axes.minorticks_off()
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.6)


def _shortcuts(plt: Any, summary: dict[str, Any]) -> tuple[Any, str] | None:
    """How well each attribute can be read, and what the score of healthy cases shows of it."""
    found = [each for each in summary["shortcuts"] if each["readable"] or each["uses"]]
    if not found:
        return None
    sources = list(dict.fromkeys(name for each in found for name in each["readable"]))
    signs = [(each, use) for each in found for use in each["uses"]]
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 1.6 + 0.3 * max(len(found) * max(len(sources), 1), len(signs), 3)), layout="constrained"
    )
    ticks, place = [], 0.0
    for each in found:
        middle = place + (len(each["readable"]) - 1) / 2 if each["readable"] else place
        ticks.append((middle, each["name"]))
        for name, value in each["readable"].items():
            step = sources.index(name)
            colour, marker = COLOURS[step % len(COLOURS)], MARKERS[step % len(MARKERS)]
            left.plot([value["low"], value["high"]], [place, place], color=colour, linewidth=1.4)
            left.plot(value["value"], place, marker, color=colour, markersize=5, label=name)
            place += 1
        place += 1.2 if each["readable"] else 2
    left.axvline(0.5, color="#444444", linewidth=1)
    left.axvline(0.6, color="#999999", linewidth=1, linestyle=(0, (3, 2)))
    left.set_yticks([y for y, _ in ticks], [name for _, name in ticks])
    left.set_ylim(place - 0.7, -0.9)
    left.set_xlim(0.2, 1.02)
    left.set_xlabel("AUC for the attribute, healthy cases (0.5 is chance)")
    handles = {text: handle for handle, text in zip(*left.get_legend_handles_labels(), strict=True)}
    if handles:
        left.legend(handles.values(), handles.keys(), fontsize=7.5, frameon=False, loc="lower left")
    left.set_title("Can it be read?", loc="left", fontsize=10)
    right.axvline(0, color="#444444", linewidth=1)
    for number, (_, use) in enumerate(signs):
        colour = "#D55E00" if use["shown"] else "#0072B2"
        right.plot([use["low"], use["high"]], [number, number], color=colour, linewidth=1.4)
        right.plot(use["value"], number, "^" if use["shown"] else "o", color=colour, markersize=5)
    names = {"conflict": "agreeing minus disagreeing", "balanced": "drop when balanced"}
    words = [f"{each['name']}: {names.get(use['kind']) or _short(use['what'])}" for each, use in signs]
    right.set_yticks(range(len(signs)), words, fontsize=8)
    right.set_ylim(len(signs) - 0.4, -0.6)
    right.set_xlabel("difference of an AUC (0: not used)")
    right.set_title("Does the disease score use it?", loc="left", fontsize=10)
    text = (
        "Left: probes trained and tested on healthy cases. Right: groups told apart by the disease score among healthy "
        "cases (AUC minus 0.5); AUC where label and attribute agree minus where they disagree; drop of the AUC when "
        "probes are trained and tested where they are unrelated. Orange triangle: not 0 after correction."
    )
    return figure, text


def _short(words: str) -> str:
    return words if len(words) <= 40 else f"{words[:38]}.."


def _representation(plt: Any, summary: dict[str, Any]) -> tuple[Any, str] | None:
    """Shares of patients, labelled against the rest of the pool."""
    lines = []
    for each in summary["representation"]:
        if each["patients"]["unlabelled"] and each["patients"]["labelled"]:
            lines.append((each["name"], None, each))
            lines += [(group["group"], group, each) for group in each["groups"]]
    if not lines:
        return None
    figure, axes = plt.subplots(figsize=(7.2, 1.2 + 0.26 * len(lines)), layout="constrained")
    for place, (_, group, each) in enumerate(lines):
        if group is None:
            continue
        rest, own = (100 * group[side] / each["patients"][side] for side in ("unlabelled", "labelled"))
        colour = "#D55E00" if group["unlike"] else "#0072B2"
        axes.plot([rest, own], [place, place], color="#bbbbbb", linewidth=1)
        axes.plot(rest, place, "s", color="#777777", markersize=5, fillstyle="none")
        axes.plot(own, place, "^" if group["unlike"] else "o", color=colour, markersize=5.5)
    axes.set_yticks(range(len(lines)), [name for name, _, _ in lines])
    for label, (_, group, _) in zip(axes.get_yticklabels(), lines, strict=True):
        label.set_fontweight("normal" if group else "bold")
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.set_xlabel("share of patients, %")
    axes.grid(axis="x", color="#e4e4e4", linewidth=0.6)
    total = summary["representation"][0]["patients"]
    text = (
        f"Hollow squares: {total['unlabelled']:,} pool patients without a label; filled: {total['labelled']:,} "
        "labelled development patients; orange triangle: differs after correction."
    )
    return figure, text
