"""What came in: the headline, findings, every file's outcome in words, and how the pictures are spread."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from app.components.download import download
from app.components.frame import escape
from app.surroundings import workspace
from app.wording import count
from workbench.cohort.intake import headline
from workbench.cohort.outcome_words import is_used, sentence

TITLES = {
    "modality": "Kind of scan",
    "view_position": "View",
    "scanner": "Scanner",
    "sex": "Sex",
    "bits_stored": "Bits",
}
LEVELS = {"stop": st.error, "warn": st.warning, "exclude": st.info, "note": st.info}


def intake_figures(cohort: str, numbers: dict[str, Any]) -> None:
    """Draw the figures of ``intake.json``."""
    totals = numbers["totals"]
    st.markdown(f"##### {escape(headline(numbers))}")
    for column, (name, value) in zip(
        st.columns(4),
        {
            "Pictures": totals["scans"],
            "Exams": totals["studies"],
            "Patients": totals["patients"],
            "Patients set aside for testing": numbers["test_patients"],
        }.items(),
        strict=True,
    ):
        column.metric(name, f"{value:,}")
    st.caption(
        f"{totals['seen']:,} files seen = {totals['used']:,} used + {totals['refused']:,} kept aside. Patients "
        "set aside were drawn before anybody labels; nothing is ever learnt from their pictures."
    )
    for finding in numbers["findings"]:
        if finding["level"] != "note" and not finding.get("decided"):
            LEVELS[finding["level"]](escape(finding["sentence"]))
    notes = [
        finding["sentence"] for finding in numbers["findings"] if finding["level"] == "note" or finding.get("decided")
    ]
    if notes:
        with st.expander(f"For your information ({len(notes)})"):
            for note in notes:
                st.markdown(f"- {escape(note)}")
    _outcomes(cohort, totals)
    _spread(numbers["distributions"])


def _outcomes(cohort: str, totals: dict[str, Any]) -> None:
    st.markdown("###### What became of the files")
    rows = [
        {"Files": number, "": "used" if is_used(code) else "kept aside", "Why": sentence(code), "Code": code}
        for code, number in sorted(totals["outcomes"].items(), key=lambda item: -item[1])
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Files by outcome", column_config={"Files": {"width": 80}})
    refused = workspace().cohort_dir(cohort) / "refused.csv"
    if totals["refused"] and refused.is_file():
        download(
            st, f"Download the list of {count(totals['refused'], 'files')} kept aside", refused.read_bytes(),
            file_name=f"{cohort}-kept-aside.csv", mime="text/csv", icon=":material/download:",
        )  # fmt: skip


def _spread(distributions: dict[str, dict[str, int]]) -> None:
    shown = {name: values for name, values in distributions.items() if name in TITLES and values}
    if not shown:
        return
    st.markdown("###### What kind of pictures")
    for column, (name, values) in zip(st.columns(min(3, len(shown))) * 3, shown.items(), strict=False):
        table = pd.DataFrame({"value": list(values), "pictures": list(values.values())}).head(8)
        chart = (
            alt.Chart(table)
            .mark_bar(color="#0072B2")
            .encode(
                x=alt.X("pictures:Q", title=None, axis=alt.Axis(tickCount=3, format="~s"), scale=alt.Scale(zero=True)),
                y=alt.Y("value:N", title=None, sort=None, axis=alt.Axis(labelLimit=170)),
                tooltip=["value", "pictures"],
            )
            .properties(title=TITLES[name], height=90 + 24 * len(table))
        )
        text = ", ".join(f"{value}: {number:,}" for value, number in list(values.items())[:8])
        column.altair_chart(chart, alt=f"Pictures by {TITLES[name].lower()}: {text}")
