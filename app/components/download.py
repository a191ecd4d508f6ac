"""The download button of every page; tables leave without anything that a spreadsheet takes for a formula."""

from __future__ import annotations

from typing import Any

from workbench.runs.safe_csv import safe_csv


def download(
    place: Any, label: str, content: str | bytes, file_name: str, mime: str | None = None, **more: Any
) -> None:
    """Offer a file.

    Args:
        place: ``st``, or the column or container to draw in.
        label: What the button says.
        content: The file; UTF-8 where its name ends in ``.csv``.
        file_name: Its name.
        mime: Its media type.
        more: Further arguments of ``st.download_button``.
    """
    given = safe_csv(content) if file_name.lower().endswith(".csv") else content
    place.download_button(label, given, file_name, mime, **more)
