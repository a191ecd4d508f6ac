"""How learning without labels goes: the loss, the meters of usefulness, and whether features collapse, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from app.components.frame import escape
from app.runs_view import RunView, open_run

MOST_POINTS = 500
METERS = {
    "knn_auc": "Neighbours agree (kNN ranking quality, AUC)",
    "probe_auc": "Simple reader (probe ranking quality, AUC)",
}
BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"


def learning_curve(path: Path, *_: Any) -> None:
    """Draw a pretraining run's curves and sentences from its folder."""
    run = open_run(path)
    events = run.events()
    if not events:
        st.caption("The curve appears after the first pass over the pictures.")
        return
    table = pd.DataFrame(events)
    if "epoch" not in table or "loss" not in table:
        return
    table = table.drop_duplicates("epoch", keep="last")
    warning = collapse_sentence(run)
    if warning and "collaps" in warning.lower() and run.status.state != "finished":
        st.warning(escape(warning), icon=":material/warning:")
    left, right = st.columns(2)
    with left:
        st.markdown("###### How well it solves its own puzzle (loss, lower is better)")
        st.altair_chart(loss_chart(table), alt=loss_words(table), key=f"loss-{run.run_id}")
    with right:
        st.markdown("###### Useful yet? Ranking quality on labelled pictures (AUC)")
        if any(name in table and table[name].notna().any() for name in METERS):
            st.altair_chart(meter_chart(table), alt=meter_words(table), key=f"meter-{run.run_id}")
            st.caption(f"{meter_words(table)} 0.5 is guessing, 1.0 is perfect.")
        else:
            st.caption("Shown when at least 40 pictures outside the test set have labels. Learning itself needs none.")
    if warning and (run.status.state == "finished" or "collaps" not in warning.lower()):
        st.caption(escape(warning))
    with st.expander("The figures as a table"):
        shown = [name for name in ("epoch", "loss", *METERS, "feature_std", "rank_me", "images_per_s") if name in table]
        st.dataframe(table[shown], hide_index=True, alt="Figures of every pass")


def loss_chart(table: pd.DataFrame) -> alt.Chart:
    """The loss against the pass over the pictures, at most 500 points."""
    step = max(1, -(-len(table) // MOST_POINTS))
    thin = pd.concat([table.iloc[::step], table.iloc[[-1]]]).drop_duplicates("epoch")
    return (
        alt.Chart(thin[["epoch", "loss"]])
        .mark_line(color=BLUE, strokeWidth=2.5, point=len(thin) <= 30)
        .encode(
            x=alt.X("epoch:Q", title="Passes over the pictures (epochs)", axis=alt.Axis(tickMinStep=1, format="d")),
            y=alt.Y("loss:Q", title="Loss", scale=alt.Scale(zero=False, nice=True)),
            tooltip=[alt.Tooltip("epoch:Q", title="Pass"), alt.Tooltip("loss:Q", format=".4f", title="Loss")],
        )
        .properties(height=300)
    )


def meter_chart(table: pd.DataFrame) -> alt.Chart:
    """The meters against the pass, with guessing (0.5) as the floor of the axis."""
    names = [name for name in METERS if name in table]
    long = table.melt(id_vars="epoch", value_vars=names, var_name="meter", value_name="auc").dropna()
    long["meter"] = long["meter"].map({"knn_auc": "neighbours (kNN)", "probe_auc": "simple reader (probe)"})
    low = min(0.5, float(long["auc"].min()) - 0.02)
    colour = alt.Color(
        "meter:N",
        title=None,
        scale=alt.Scale(domain=["neighbours (kNN)", "simple reader (probe)"], range=[ORANGE, GREEN]),
        legend=alt.Legend(orient="top", symbolType="circle", symbolStrokeWidth=0),
    )
    return (
        alt.Chart(long)
        .mark_line(point=True, strokeWidth=2.5)
        .encode(
            x=alt.X("epoch:Q", title="Passes over the pictures (epochs)", axis=alt.Axis(tickMinStep=1, format="d")),
            y=alt.Y("auc:Q", title="AUC", scale=alt.Scale(domain=[low, 1.0])),
            color=colour,
            strokeDash=alt.StrokeDash("meter:N", legend=None),
            shape=alt.Shape("meter:N", legend=None),
            tooltip=["meter", alt.Tooltip("epoch:Q", title="Pass"), alt.Tooltip("auc:Q", format=".3f")],
        )
        .properties(height=300)
    )


def loss_words(table: pd.DataFrame) -> str:
    """The loss curve in a sentence."""
    first, last = table.iloc[0], table.iloc[-1]
    begin, end = f"{first['loss']:.3f} after pass {first['epoch']:.0f}", f"{last['loss']:.3f} after {last['epoch']:.0f}"
    return f"Loss from {begin} to {end}."


def meter_words(table: pd.DataFrame) -> str:
    """The meters in sentences: from where to where."""
    sentences = []
    for name, words in METERS.items():
        values = table[name].dropna() if name in table else pd.Series(dtype=float)
        if len(values) == 1:
            sentences.append(f"{words}: {values.iloc[0]:.2f}.")
        elif len(values) > 1:
            first, last = float(values.iloc[0]), float(values.iloc[-1])
            trend = "rising" if last > first + 0.01 else "falling" if last < first - 0.01 else "level"
            sentences.append(f"{words}: {first:.2f} → {last:.2f}, {trend}.")
    return " ".join(sentences)


def latest_meter(run: RunView) -> str:
    """The run's last meter, or a dash."""
    for event in reversed(run.events()):
        for name in METERS:
            if event.get(name) is not None:
                return f"{event[name]:.2f}"
    return "–"


def collapse_sentence(run: RunView) -> str:
    """What the collapse meters say: of the result, else the last warning of the log."""
    said = run.json("result.json").get("collapse") or run.json("encoder.json").get("collapse")
    if said:
        return str(said)
    log = run.path / "log.txt"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    found = [line for line in lines if "collaps" in line.lower()]
    said = found[-1].split(" ", 2)[-1] if found else ""
    return "" if said.startswith("No longer collapsing") else said
