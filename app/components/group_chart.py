"""Dots with intervals: one row per group of patients, sorted, with its numbers on the row."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

ROW, HEAD = 44, 70
OVERALL = "#444444"
KINDS = {"Missed disease": ("missed", "#D55E00", "circle"), "False alarms": ("alarms", "#0072B2", "square")}


def row_label(group: str, patients: int, positive: int) -> str:
    """The name of a row: the group, its patients, and how many have the finding."""
    return f"{group}: {patients:,} patients, {positive:,} with the finding"


def quality_chart(table: pd.DataFrame, overall: float) -> alt.LayerChart | alt.FacetChart:
    """Ranking quality by group, lowest at the top, with everybody's as a dashed line.

    Args:
        table: ``label, auc, auc_low, auc_high`` in the order of the rows.
        overall: Everybody's; nan for none.
    """
    shown = table.dropna(subset=["auc"])
    y = alt.Y("label:N", sort=list(shown["label"]), title=None, axis=_labels())
    x = alt.X("auc:Q", title="Ranking quality (AUC): 0.5 is guessing, 1.0 is perfect", scale=alt.Scale(zero=False))
    tips = [alt.Tooltip(f"auc{end}:Q", format=".3f") for end in ("", "_low", "_high")]
    bars = alt.Chart(shown).mark_rule(strokeWidth=3, color="#0072B2").encode(y=y, x=alt.X("auc_low:Q"), x2="auc_high:Q")
    dots = (
        alt.Chart(shown)
        .mark_point(size=110, filled=True, opacity=1, color="#0072B2")
        .encode(y=y, x=x, tooltip=["label", *tips])
    )
    layers = [bars, dots]
    if overall == overall:
        line = pd.DataFrame({"overall": [overall], "word": [f"everybody {overall:.2f}"]})
        layers.append(alt.Chart(line).mark_rule(color=OVERALL, strokeDash=[5, 4]).encode(x="overall:Q"))
        layers.append(
            alt.Chart(line)
            .mark_text(align="left", baseline="bottom", dx=4, fontSize=12, color=OVERALL)
            .encode(x="overall:Q", y=alt.value(-2), text="word:N")
        )
    return alt.layer(*layers).properties(height=HEAD + ROW * len(shown))


def errors_chart(table: pd.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """Missed disease and false alarms by group at the threshold, side by side.

    Args:
        table: ``label`` and ``missed``, ``alarms`` with their ends, in the order of the rows.
    """
    parts = []
    for kind, (name, _, _) in KINDS.items():
        part = table[["label", name, f"{name}_low", f"{name}_high"]]
        part.columns = ["label", "share", "low", "high"]
        parts.append((100 * part.set_index("label")).reset_index().assign(kind=kind))
    shown = pd.concat(parts).dropna(subset=["share"])
    colour = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=list(KINDS), range=[colour for _, colour, _ in KINDS.values()]),
        legend=alt.Legend(title=None, orient="top", labelFontSize=13),
    )
    shape = alt.Shape(
        "kind:N", scale=alt.Scale(domain=list(KINDS), range=[shape for _, _, shape in KINDS.values()]), legend=None
    )
    order = [label for label in table["label"] if label in set(shown["label"])]
    y = alt.Y("label:N", sort=order, title=None, axis=_labels())
    offset = alt.YOffset("kind:N", sort=list(KINDS))
    base = alt.Chart(shown)
    scale = alt.Scale(domainMin=0)
    bars = base.mark_rule(strokeWidth=3).encode(
        y=y, yOffset=offset, x=alt.X("low:Q", scale=scale), x2="high:Q", color=colour
    )
    dots = base.mark_point(size=100, filled=True, opacity=1).encode(
        y=y, yOffset=offset, color=colour, shape=shape,
        x=alt.X("share:Q", title="In 100 patients with the finding, or without it", scale=scale),
        tooltip=["label", "kind", *(alt.Tooltip(f"{end}:Q", format=".0f") for end in ("share", "low", "high"))],
    )  # fmt: skip
    return alt.layer(bars, dots).properties(height=HEAD + (ROW + 10) * len(order))


def quality_words(table: pd.DataFrame, overall: float) -> str:
    """The first chart for those who cannot see it."""
    rows = "; ".join(
        f"{row.label}: {row.auc:.2f} ({row.auc_low:.2f} to {row.auc_high:.2f})"
        for row in _rows(table.dropna(subset=["auc"]))
    )
    return f"Ranking quality by group, lowest first. {rows}. Everybody: {overall:.2f}."


def errors_words(table: pd.DataFrame) -> str:
    """The second chart for those who cannot see it."""
    rows = "; ".join(
        f"{row.label}: misses {100 * row.missed:.0f} of 100, wrongly flags {100 * row.alarms:.0f} of 100"
        for row in _rows(table.dropna(subset=["missed", "alarms"]))
    )
    return f"Missed disease and false alarms by group. {rows}."


def _labels() -> alt.Axis:
    return alt.Axis(labelLimit=360, labelFontSize=13, ticks=False, domain=False, labelPadding=8)


def _rows(table: pd.DataFrame) -> list[Any]:
    return list(table.itertuples())
