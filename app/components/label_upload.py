"""Bringing labels: a table is uploaded, previewed against the cohort, and joined only when confirmed."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from app.cohort_view import open_cohort
from app.components.download import download
from app.components.engineer_details import engineer_details
from app.components.frame import escape, show_error
from app.components.job_request import request_job
from app.surroundings import queue, workspace
from app.wording import count
from workbench.cohort.label_join import KEYS, Join, join
from workbench.cohort.label_table import KEY_NAMES, read_label_table
from workbench.errors import WorkbenchError

UPLOAD_MB = 20
ENDINGS = ("csv", "tsv", "txt", "xlsx", "xlsm")
FORGOTTEN_S = 24 * 3600.0
KEY_WORDS = {
    "patient": "a patient (patient ID)",
    "study": "an exam (study UID)",
    "series": "a series (series UID)",
    "sop": "a picture (SOP instance UID)",
    "path": "a file (its path or name)",
}
TEMPLATE = "patient,label\nAB-001234,no\nAB-001235,yes\n"


def label_upload(cohort: str) -> None:
    """Draw upload, preview and the button to confirm."""
    _forget_old(cohort)
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    given = left.file_uploader(
        "Table of labels: CSV or Excel, one row per patient, exam or picture",
        type=list(ENDINGS),
        max_upload_size=UPLOAD_MB,
        key=f"labels-{cohort}",
    )
    download(right, "Template", TEMPLATE, "labels.csv", "text/csv", icon=":material/download:")
    if given is None:
        st.caption("About 50 patients per answer is a sensible start; *How many labels?* will tell you more.")
        return
    file = keep_upload(cohort, given.name, given.getvalue())
    try:
        table = read_label_table(file)
        settings = _choices(table)
        found = join(open_cohort(cohort), table[settings["key_column"]].tolist(), settings["key"])
    except WorkbenchError as error:
        st.dataframe(pd.DataFrame() if "table" not in locals() else table.head(5), hide_index=True, alt="First rows")
        show_error(error)
        return
    st.dataframe(table.head(8), hide_index=True, alt="The first rows of the table")
    for sentence in preview_sentences(table, found, settings["column"]):
        st.markdown(f"- {sentence}")
    settings = {"cohort": cohort, "labels": str(file), **settings}
    st.button(
        "Use these labels", type="primary", icon=":material/check:", on_click=request_job, args=("label", settings),
        disabled=not settings["column"],
    )  # fmt: skip
    st.caption("Identifiers are hashed while the table is joined; the table itself is not kept.")
    engineer_details("label", {**settings, "labels": "LABELS.csv"})


def guess_key(columns: list[str]) -> tuple[str, str]:
    """The kind of key and its column that the names of the columns suggest; the first column when none does."""
    plain = {name.lower().replace(" ", "_"): name for name in columns}
    for kind in ("sop", "series", "study", "patient", "path"):
        for name in KEY_NAMES[kind]:
            if name in plain:
                return kind, plain[name]
    return "patient", columns[0]


def preview_sentences(table: pd.DataFrame, found: Join, column: str) -> list[str]:
    """What would join, in plain words with denominators."""
    joined = len(table) - len(found.not_joined)
    sentences = [
        f"{joined:,} of {count(len(table), 'rows')} match, {count(found.pairs['scan_id'].nunique(), 'pictures')}."
    ]
    if found.not_joined:
        rows = ", ".join(str(row + 2) for row in found.not_joined[:10])
        more = " ..." if len(found.not_joined) > 10 else ""
        sentences.append(f"Not in this collection: {count(len(found.not_joined), 'rows')} (file rows {rows}{more}).")
    if found.ambiguous:
        sentences.append(f"Left out, fitting more than one patient or file: {count(len(found.ambiguous), 'rows')}.")
    if found.loose:
        sentences.append(f"Matching only without leading zeros and capitals: {count(found.loose, 'rows')}.")
    for name in [name for name in column.split(",") if name]:
        counts = table.loc[sorted(set(found.pairs["row"])), name].replace("", "(empty)").value_counts()
        shown = ", ".join(f"{escape(value)}: {number:,}" for value, number in counts.head(8).items())
        sentences.append(f"Answers in **{escape(name)}**: {shown}{' ...' if len(counts) > 8 else ''}.")
    return sentences


def keep_upload(cohort: str, name: str, content: bytes) -> Path:
    """Write an uploaded table into the cohort's private folder until it is joined; its own name is not used."""
    folder = workspace().cohort_dir(cohort) / "private" / "uploads"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    ending = Path(name).suffix.lower() if Path(name).suffix.lower().lstrip(".") in ENDINGS else ".csv"
    file = folder / f"{hashlib.sha256(content).hexdigest()[:16]}{ending}"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_bytes(content)
    return file


def _choices(table: pd.DataFrame) -> dict[str, Any]:
    columns = list(table.columns)
    kind, guessed = guess_key(columns)
    first, second, third = st.columns(3)
    key = first.selectbox(
        "Each row speaks about", list(KEY_WORDS), index=list(KEY_WORDS).index(kind), format_func=KEY_WORDS.__getitem__
    )
    key_column = second.selectbox("Column that says which one", columns, index=columns.index(guessed))
    rest = [name for name in columns if name != key_column]
    likely = [name for name in rest if name.lower() in ("label", "labels", "class", "finding", "diagnosis", "target")]
    keys = {name for names in KEY_NAMES.values() for name in names}
    others = [name for name in rest if name.lower().replace(" ", "_") not in keys]
    answers = third.multiselect(
        "Column with the answer (several: one finding each)", rest, default=likely[:1] or others[:1] or rest[:1]
    )
    assert key in KEYS  # noqa: S101 - the box offers nothing else
    return {"key": key, "key_column": key_column, "column": ",".join(answers)}


def _forget_old(cohort: str) -> None:
    folder = workspace().cohort_dir(cohort) / "private" / "uploads"
    wanted = {str(job.settings.get("labels")) for job in queue().open_jobs()}
    for file in folder.glob("*") if folder.is_dir() else ():
        if str(file) not in wanted and time.time() - file.stat().st_mtime > FORGOTTEN_S:
            file.unlink(missing_ok=True)
