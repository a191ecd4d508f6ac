"""The label-efficiency curve: ranking quality against labelled patients, one line per arm with its interval."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
REFERENCES = ("#444444", "#8C8C8C", "#B0B0B0")
DASHES = ([1, 0], [8, 4], [2, 3], [10, 3, 2, 3], [5, 2], [1, 2])
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")


def study_curve(
    table: pd.DataFrame, references: Sequence[str], metric: str, unit: str, arms_of_study: Sequence[str] = ()
) -> alt.LayerChart | alt.FacetChart:
    """Lines with ribbons, labelled at their right ends; line style, marker and colour differ.

    Args:
        table: ``arm, budget, value, low, high``, of one protocol.
        references: The arms to compare with, drawn in black and grey.
        metric: What the vertical axis shows.
        unit: What a budget counts, such as ``patients``.
        arms_of_study: All arms that the study compares, by which colours go.
    """
    arms = order(table, references)
    scale = alt.Scale(domain=arms, range=colours(arms, references, arms_of_study))
    ticks = sorted(float(budget) for budget in table["budget"].unique())
    x = alt.X(
        "budget:Q",
        title=f"Labelled {unit}",
        scale=alt.Scale(type="log", nice=False, domain=[ticks[0] * 0.9, ticks[-1] * 1.35]),
        axis=alt.Axis(values=ticks, format=",.0f", labelOverlap=True),
    )
    colour = alt.Color("arm:N", scale=scale, legend=None)
    tips = [
        alt.Tooltip("arm:N", title="Arm"),
        alt.Tooltip("budget:Q", title=f"Labelled {unit}"),
        alt.Tooltip("value:Q", format=".3f", title=metric),
        alt.Tooltip("low:Q", format=".3f", title="from"),
        alt.Tooltip("high:Q", format=".3f", title="to"),
    ]
    y_scale = alt.Scale(zero=False, nice=True)
    base = alt.Chart(table)
    ribbon = base.mark_area(opacity=0.16).encode(
        x=x, y=alt.Y("low:Q", title=metric, scale=y_scale), y2="high:Q", color=colour
    )
    line = base.mark_line(strokeWidth=2.5).encode(
        x=x,
        y=alt.Y("value:Q", scale=y_scale),
        color=colour,
        strokeDash=alt.StrokeDash(
            "arm:N",
            scale=alt.Scale(domain=arms, range=[DASHES[n % len(DASHES)] for n in range(len(arms))]),
            legend=None,
        ),
    )
    marks = base.mark_point(size=70, filled=True, opacity=1).encode(
        x=x,
        y="value:Q",
        color=colour,
        shape=alt.Shape(
            "arm:N",
            scale=alt.Scale(domain=arms, range=[SHAPES[n % len(SHAPES)] for n in range(len(arms))]),
            legend=None,
        ),
        tooltip=tips,
    )
    ends = label_places(table)
    names = (
        alt.Chart(ends)
        .mark_text(align="left", dx=10, fontSize=13, fontWeight="bold")
        .encode(x=x, y="place:Q", text="arm:N", color=colour)
    )
    return alt.layer(ribbon, line, marks, names).properties(height=420)


def difference_chart(
    table: pd.DataFrame, unit: str, arms_of_study: Sequence[str] = ()
) -> alt.LayerChart | alt.FacetChart:
    """Difference to the reference per budget with its interval, and the line of no difference.

    Args:
        table: ``arm, budget, difference, low, high``.
        unit: What a budget counts.
        arms_of_study: All arms that the study compares, by which colours go.
    """
    arms = list(dict.fromkeys(table["arm"]))
    budgets = sorted(table["budget"].unique())
    shown = table.assign(budget=table["budget"].map(lambda budget: f"{budget:,.0f}"))
    domain = [f"{budget:,.0f}" for budget in budgets]
    colour = alt.Color(
        "arm:N",
        scale=alt.Scale(domain=arms, range=colours(arms, (), arms_of_study)),
        legend=alt.Legend(title=None, orient="top"),
    )
    known = list(arms_of_study) or arms
    marks = [SHAPES[(known.index(arm) + 1) % len(SHAPES)] for arm in arms]
    shape = alt.Shape("arm:N", scale=alt.Scale(domain=arms, range=marks), legend=None)
    x = alt.X("budget:N", title=f"Labelled {unit}", sort=domain, axis=alt.Axis(labelAngle=0))
    offset = alt.XOffset("arm:N", sort=arms)
    tips = [
        "arm",
        alt.Tooltip("difference:Q", format="+.3f"),
        alt.Tooltip("low:Q", format="+.3f"),
        alt.Tooltip("high:Q", format="+.3f"),
    ]
    title = "Difference to the reference"
    bars = (
        alt.Chart(shown)
        .mark_rule(strokeWidth=3)
        .encode(x=x, xOffset=offset, y=alt.Y("low:Q", title=title), y2="high:Q", color=colour)
    )
    points = (
        alt.Chart(shown)
        .mark_point(size=80, filled=True, opacity=1)
        .encode(x=x, xOffset=offset, y="difference:Q", color=colour, shape=shape, tooltip=tips)
    )
    zero = alt.Chart(pd.DataFrame({"zero": [0.0]})).mark_rule(color="#555", strokeDash=[4, 3]).encode(y="zero:Q")
    return alt.layer(zero, bars, points).properties(height=300)


def colours(arms: Sequence[str], references: Sequence[str], arms_of_study: Sequence[str]) -> list[str]:
    """One colour per arm: greys for references; the others' by their place in the study, the same in every chart."""
    known = [arm for arm in (arms_of_study or arms) if arm not in references]
    greys = iter(REFERENCES * len(arms))
    chosen = []
    for place, arm in enumerate(arms):
        number = known.index(arm) if arm in known else place
        chosen.append(next(greys) if arm in references else COLOURS[number % len(COLOURS)])
    return chosen


def order(table: pd.DataFrame, references: Sequence[str]) -> list[str]:
    """The arms, the references first."""
    arms = list(dict.fromkeys(table["arm"]))
    return [arm for arm in arms if arm in references] + [arm for arm in arms if arm not in references]


def label_places(table: pd.DataFrame, gap: float = 0.045) -> pd.DataFrame:
    """Where the arms' names stand: at their last points, pushed apart by a share of the vertical range."""
    ends = table.sort_values("budget").groupby("arm", as_index=False).last().sort_values("value")
    heights = table[["value", "low", "high"]].to_numpy(dtype=float)
    span = max(float(np.nanmax(heights) - np.nanmin(heights)), 1e-6)
    places: list[float] = []
    for value in ends["value"]:
        places.append(max(float(value), places[-1] + gap * span) if places else float(value))
    excess = places[-1] - float(ends["value"].iloc[-1])
    return ends.assign(place=[place - excess / 2 for place in places])


def curve_words(table: pd.DataFrame, arms: Sequence[str], metric: str, unit: str) -> str:
    """The curve for those who cannot see it."""
    parts = []
    for arm in arms:
        rows = table[table["arm"] == arm].sort_values("budget")
        points = ", ".join(f"{row.value:.2f} at {row.budget:,.0f}" for row in rows.itertuples())
        parts.append(f"{arm}: {points}")
    return f"{metric} against labelled {unit}. " + "; ".join(parts) + "."
