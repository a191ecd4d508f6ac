"""Scans as pictures: read from the files that were indexed, turned into greys only to be shown, kept in memory only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.cohort_view import manifest, open_cohort
from app.components.frame import empty, escape
from app.components.window_controls import presets, window_controls
from workbench.errors import WorkbenchError

THUMBNAIL = 192
LARGEST = 1024
PER_PAGE = 24
FILTERS = {"modality": "Kind of scan", "view_position": "View", "sex": "Sex", "scanner": "Scanner", "site": "Site"}


@dataclass(frozen=True)
class Picture:
    """A scan's values, for display.

    Attributes:
        values: ``(rows, columns)`` or ``(rows, columns, 3)`` float32, at most 1,024 pixels long.
        units: Of the values, such as ``HU``.
        window: Centre and width in the file, or None.
        shape: Rows and columns in the file.
        spacing_mm: Between rows and columns in the file, or None.
        plane: Where the spacing holds.
    """

    values: NDArray[np.float32]
    units: str
    window: tuple[float, float] | None
    shape: tuple[int, int]
    spacing_mm: tuple[float, float] | None
    plane: str


def browse(cohort: str) -> None:
    """Filters, a grid of thumbnails with pages, and the scan that was picked with window and level."""
    table = manifest(cohort)
    wanted = st.query_params.get("scan", "")
    if wanted and (table["scan_id"] == wanted).any():
        st.button("Back to all pictures", icon=":material/arrow_back:", on_click=_close)
        show_scan(cohort, wanted)
        return
    shown = _filtered(table)
    if shown.empty:
        empty("No picture matches. Clear one of the filters above.")
        return
    pages = math.ceil(len(shown) / PER_PAGE)
    st.caption(
        f"{len(shown):,} of {len(table):,} pictures. Each is fitted to its own range; pick one to change its window."
    )
    page = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
    grid = st.grid(6, min_column_width=90, gap="small")
    for row in shown.iloc[(page - 1) * PER_PAGE : page * PER_PAGE].itertuples():
        with grid.container(key=f"tile-{row.scan_id}"):
            _tile(cohort, str(row.scan_id), _caption(row))


def show_scan(cohort: str, scan_id: str) -> None:
    """One scan, large, with its window and what its header says."""
    try:
        picture = read_picture(cohort, scan_id)
    except WorkbenchError as error:
        st.warning(f"This picture cannot be shown: {escape(error.what)}", icon=":material/broken_image:")
        return
    left, right = st.columns([3, 2], gap="large")
    with right:
        if picture.values.ndim == 2:
            window = window_controls(scan_id, picture.values, picture.units, picture.window)
        else:
            from app.components.window_controls import Window

            window = Window(127.5, 255.0)
            st.caption("A colour picture has no window.")
        row = manifest(cohort).set_index("scan_id").loc[scan_id]
        st.table(_facts(row, picture), border="horizontal")
    with left:
        st.image(window.grey(picture.values), width="stretch", alt=f"Scan {scan_id[:8]} of {cohort}")
        st.caption("This screen is not calibrated for diagnosis.")


@st.cache_data(max_entries=32, show_spinner="Reading the picture ...")
def read_picture(cohort: str, scan_id: str) -> Picture:
    """The values of a scan.

    Raises:
        WorkbenchError: The file is gone, or cannot be decoded.
    """
    return _read(cohort, scan_id)


def _read(cohort: str, scan_id: str) -> Picture:
    from workbench.dicom import read_frame

    opened = open_cohort(cohort)
    row = manifest(cohort).set_index("scan_id").loc[scan_id].to_dict()
    frame = read_frame(opened.path_of(str(row["path_key"])), frame=int(row["frame"]))
    values = np.asarray(frame.values, dtype=np.float32)
    shape = (int(values.shape[0]), int(values.shape[1]))
    step = max(1, math.ceil(max(shape) / LARGEST))
    return Picture(values[::step, ::step], frame.units, frame.window, shape, frame.spacing_mm, frame.spacing_plane)


@st.cache_data(max_entries=3000, show_spinner=False)
def thumbnail(cohort: str, scan_id: str) -> NDArray[np.uint8]:
    """A square of 192 pixels, grey or colour, fitted to the picture's own range, on black."""
    from PIL import Image

    picture = _read(cohort, scan_id)  # the large cache is for pictures that are looked at
    values = picture.values
    window = presets(values, picture.units, picture.window)["Fitted"] if values.ndim == 2 else None
    from app.components.window_controls import Window

    image = Image.fromarray((window or Window(127.5, 255.0)).grey(values))
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    square = Image.new(image.mode, (THUMBNAIL, THUMBNAIL))
    square.paste(image, ((THUMBNAIL - image.width) // 2, (THUMBNAIL - image.height) // 2))
    return np.asarray(square)


def _tile(cohort: str, scan_id: str, caption: str) -> None:
    try:
        st.image(thumbnail(cohort, scan_id), width="stretch", alt=f"{caption}, scan {scan_id[:8]}")
    except WorkbenchError as error:
        st.image(np.full((THUMBNAIL, THUMBNAIL), 40, np.uint8), width="stretch", alt="A picture that cannot be shown")
        st.caption(escape(error.what))
        return
    st.button(caption, key=f"look-{scan_id}", type="tertiary", on_click=_open, args=(scan_id,), width="stretch")


def _filtered(table: Any) -> Any:
    useful = [name for name in FILTERS if name in table and 1 < table[name].nunique(dropna=True) <= 40]
    if not useful:
        return table
    for column, name in zip(st.columns(len(useful)), useful, strict=True):
        values = sorted(table[name].dropna().astype(str).unique())
        chosen = column.multiselect(FILTERS[name], values, key=f"only_{name}", bind="query-params", placeholder="all")
        if chosen:
            table = table[table[name].astype(str).isin(chosen)]
    return table


def _caption(row: Any) -> str:
    parts = [
        str(getattr(row, name)) for name in ("modality", "view_position", "sex") if _stated(getattr(row, name, None))
    ]
    age: Any = getattr(row, "age_years", None)
    if _stated(age):
        parts.append("90+" if float(age) >= 90 else f"{float(age):.0f} y")
    return " ".join(parts) or "Look"


def _facts(row: Any, picture: Picture) -> dict[str, str]:
    names = {
        "modality": "Kind", "body_part": "Body part", "view_position": "View", "laterality": "Side", "sex": "Sex",
        "age_years": "Age", "manufacturer": "Maker", "model": "Model", "bits_stored": "Bits", "flags": "Findings",
    }  # fmt: skip
    facts = {}
    for name, shown in names.items():
        value = row.get(name)
        if _stated(value):
            facts[shown] = f"{value:g}" if isinstance(value, float) else escape(value)
    facts["Size"] = f"{picture.shape[1]} x {picture.shape[0]} pixels"
    if picture.spacing_mm:
        where = " at the detector" if picture.plane == "detector" else ""
        facts["Pixel"] = f"{picture.spacing_mm[1]:.3g} x {picture.spacing_mm[0]:.3g} mm{where}"
    facts["Values"] = f"{picture.values.min():,.0f} to {picture.values.max():,.0f} ({escape(picture.units)})"
    return facts


def _stated(value: object) -> bool:
    return value is not None and value == value and value != ""


def _open(scan_id: str) -> None:
    st.query_params["scan"] = scan_id


def _close() -> None:
    st.query_params.pop("scan", None)
