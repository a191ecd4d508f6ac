"""CSV that no spreadsheet takes for formulas (CWE-1236): cells that begin like one get an apostrophe in front."""

from __future__ import annotations

import csv
import io

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(cell: str) -> str:
    """A cell as text that stays text; numbers, negative ones too, stay as they are."""
    if not cell.startswith(FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def safe_csv(content: str | bytes) -> bytes:
    """The same table (UTF-8, comma, lines end as in RFC 4180) with safe cells."""
    text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
    out = io.StringIO(newline="")
    rows = csv.reader(io.StringIO(text, newline=""))
    csv.writer(out).writerows([safe_cell(cell) for cell in row] for row in rows)
    return out.getvalue().encode()
